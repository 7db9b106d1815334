"""The model is a second opinion only as long as it is small and shares nothing."""

import ast
import sys
from pathlib import Path

from tests.model.coverage import ELSEWHERE

REFERENCE = sorted(Path(__file__).parent.glob("reference*.py"))
BESIDE = [Path(__file__).with_name(name) for name in ("book.py", "answers.py")]
LINES_MAX = 460
BOOK_LINES_MAX = 60


def _lines(path: Path) -> int:
    """Lines that do something: what explains them is free."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    explained: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0]
            if ast.get_docstring(node, clean=False) is not None and first.end_lineno is not None:
                explained |= set(range(first.lineno, first.end_lineno + 1))
    lines = enumerate(source.splitlines(), start=1)
    return sum(
        bool(line.strip()) and not line.strip().startswith("#") and number not in explained
        for number, line in lines
    )


def test_the_model_shares_no_code_with_what_it_judges() -> None:
    """It imports from the standard library and from itself, so no mistake can excuse itself."""
    modules = [*REFERENCE, *BESIDE]
    own = {f"tests.model.{path.stem}" for path in modules}
    foreign = [
        f"{path.name}: {name}"
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else _names(node))
        if name not in own and name.partition(".")[0] not in sys.stdlib_module_names
    ]

    assert REFERENCE
    assert [] == foreign


def _names(node: ast.Import) -> list[str]:
    return [alias.name for alias in node.names]


def test_the_rules_stay_short_enough_to_be_believed() -> None:
    """So many lines of code hold them all; the book they are kept in has none of them."""
    assert sum(map(_lines, REFERENCE)) <= LINES_MAX
    assert _lines(BESIDE[0]) <= BOOK_LINES_MAX


def test_what_is_reached_elsewhere_is_reached_there() -> None:
    """A refusal that no command can reach names the test that does."""
    tests = Path(__file__).parents[1]
    named = {code: where.split("::") for code, where in ELSEWHERE.items()}

    for path, name in named.values():
        assert f"def {name}(" in (tests / path).read_text(encoding="utf-8")
