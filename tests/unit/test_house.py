"""The form of the code: what neither the linter nor the type checker looks at."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("ledger", "projections", "subscribers", "api")
FUNCTION_LINES_MAX = 50
MODULE_LINES_MAX = 500
COLUMNS_MAX = 100
TESTS_WITHOUT_SENTENCE: frozenset[str] = frozenset()

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))


@cache
def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_source(path), filename=str(path))


def _functions(path: Path) -> Iterator[_Function]:
    return (node for node in ast.walk(_tree(path)) if isinstance(node, _Function))


def _where(path: Path, line: int) -> str:
    return f"{path.relative_to(REPOSITORY)}:{line}"


def _length(function: _Function) -> int:
    """Lines of a function, its docstring apart: explaining is free."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None and first.end_lineno is not None:
        lines -= first.end_lineno - first.lineno + 1
    return lines


def _calls(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


def test_no_function_is_longer_than_a_page() -> None:
    """Fifty lines at most, twenty-five as an aim: a function does one thing at one height."""
    long = [
        f"{_where(path, function.lineno)} {function.name}: {_length(function)} lines"
        for path in _modules(*ROOMS, "tests")
        for function in _functions(path)
        if _length(function) > FUNCTION_LINES_MAX
    ]

    assert [] == long


def test_no_module_outgrows_its_reader() -> None:
    """Five hundred lines at most; a bigger one is two modules."""
    lengths = {path: len(_source(path).splitlines()) for path in _modules(*ROOMS, "tests")}
    big = {_where(path, 1): n for path, n in lengths.items() if n > MODULE_LINES_MAX}

    assert {} == big


def test_only_the_command_line_prints() -> None:
    """Results belong to a command, everything else to the log."""
    prints = [
        _where(path, line)
        for path in _modules(*ROOMS)
        if path.relative_to(REPOSITORY).parts[:2] != ("api", "cli")
        for name, line in _calls(path)
        if name in {"print", "pprint", "breakpoint"}
    ]

    assert [] == prints


def test_only_the_clock_asks_for_the_time() -> None:
    """Time comes in as an argument, so that every run can be replayed."""
    banned = re.compile(r"(time\.time(_ns)?|(datetime|date)\.(now|utcnow|today)|uuid\.uuid4|uuid4)")
    asked = [
        f"{_where(path, line)} {name}"
        for path in _modules(*ROOMS)
        if path != REPOSITORY / "ledger" / "clock.py"
        for name, line in _calls(path)
        if banned.fullmatch(name) or name.endswith((".datetime.now", ".datetime.utcnow"))
    ]

    assert [] == asked


def test_the_domain_is_neither_random_nor_logging_nor_waiting() -> None:
    """A decision is a function of its arguments."""
    banned = {"random", "secrets", "logging", "asyncio", "threading", "time", "os", "uuid"}
    found = [
        f"{path.relative_to(REPOSITORY)} {name}"
        for path in _modules("ledger/domain")
        for node in ast.walk(_tree(path))
        for name in _imported(node)
        if name.partition(".")[0] in banned
    ]

    assert [] == found


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def test_a_note_to_ourselves_names_its_issue() -> None:
    """A bare note is forgotten; one with a number is somebody's work."""
    words = "TO" + "DO", "FIX" + "ME", "X" + "XX"
    bare = re.compile(rf"(#|--).*\b({'|'.join(words)})\b(?!\(#\d+\))")
    notes = [
        _where(path, number)
        for path in [*_modules(*ROOMS, "tests"), *_sql_files()]
        for number, line in enumerate(_source(path).splitlines(), start=1)
        if bare.search(line)
    ]

    assert [] == notes


def test_every_test_has_its_sentence() -> None:
    """A test states its rule in its name and explains it in a sentence, or it is only code."""
    silent = [
        f"{_where(path, function.lineno)} {function.name}"
        for path in _modules("tests")
        if path.name.startswith("test_")
        for function in _functions(path)
        if function.name.startswith("test_") and not ast.get_docstring(function)
    ]

    assert [] == silent


def test_no_test_sleeps() -> None:
    """A pause is a guess, too long or too short; tests wait until something is so."""
    sleeps = [
        _where(path, line)
        for path in _modules("tests")
        if path.name.startswith("test_")
        for name, line in _calls(path)
        if name in {"time.sleep", "sleep", "asyncio.sleep"}
    ]

    assert [] == sleeps


def test_lines_of_sql_fit_a_screen() -> None:
    """SQL is read as often as Python."""
    wide = [
        _where(path, number)
        for path in _sql_files()
        for number, line in enumerate(_source(path).splitlines(), start=1)
        if len(line) > COLUMNS_MAX + 20
    ]

    assert [] == wide


def _sql_files() -> list[Path]:
    return sorted(
        path for folder in (*ROOMS, "migrations") for path in (REPOSITORY / folder).rglob("*.sql")
    )


def _migrations() -> list[Path]:
    return sorted((REPOSITORY / "migrations").iterdir())


def test_migrations_are_numbered_once_and_named() -> None:
    """`NNNN_what_it_makes.sql`: the order of the folder is the order of the upgrade."""
    names = [path.name for path in _migrations()]
    odd = [name for name in names if not re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", name)]
    numbers = [name[:4] for name in names]

    assert [] == odd
    assert sorted(set(numbers)) == numbers


@pytest.mark.parametrize("path", _migrations(), ids=lambda path: path.name)
def test_a_migration_says_what_it_does_to_a_live_system(path: Path) -> None:
    """Why it exists, what it locks, and whether it goes before or after the deploy."""
    header = "\n".join(_leading_comment(_source(path)))

    assert re.search(r"-- Why: \S", header)
    assert re.search(r"Locks: \S", header)
    assert re.search(r"Deploy: (before|after)", header)


def _leading_comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if not line.startswith("--"):
            return
        yield line


def test_every_projection_is_in_the_contract_of_independence() -> None:
    """A new folder with a fold and a view can be rebuilt alone like the others."""
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    listed = next(c["modules"] for c in contracts if c["id"] == "projections")
    folders = sorted(path.parent.name for path in REPOSITORY.glob("projections/*/projection.py"))

    assert sorted({*folders} | {name.partition(".")[2] for name in listed}) == sorted(
        name.partition(".")[2] for name in listed
    )
