"""The import contracts hold, and a planted wrong import breaks the one that guards it."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("ledger", "projections", "subscribers", "api")

WRONG_IMPORTS = [
    # contract, module, the line that must not be there
    ("layers", "ledger/planted.py", "import api"),
    ("ledger-layers", "ledger/domain/planted.py", "import ledger.store.mapper"),
    ("pure", "ledger/domain/planted.py", "import psycopg"),
    ("handlers", "projections/stock/projection.py", "import psycopg"),
    ("projections", "projections/stock/planted.py", "import projections.history"),
    ("http", "api/controllers/planted.py", "import ledger.store.mapper"),
    ("http", "api/controllers/planted.py", "import psycopg"),
    ("sdk", "subscribers/sdk/planted.py", "import ledger"),
]


def _lint(tree: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("lint-imports"))
    only = ["--contract", contract] if contract else []
    return subprocess.run(
        [program, "--no-cache", "--no-logo", *only],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def _copy(target: Path) -> Path:
    for room in ROOMS:
        ignore = shutil.ignore_patterns("__pycache__", "static")
        shutil.copytree(REPOSITORY / room, target / room, ignore=ignore)
    shutil.copy(REPOSITORY / "pyproject.toml", target)
    return target


def test_the_code_keeps_every_contract(tmp_path: Path) -> None:
    """Imports point down, rooms know what they may know."""
    done = _lint(_copy(tmp_path))

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("contract", "module", "line"), WRONG_IMPORTS)
def test_a_wrong_import_is_found(tmp_path: Path, contract: str, module: str, line: str) -> None:
    """A check that never fails checks nothing."""
    tree = _copy(tmp_path)
    planted = tree / module
    before = planted.read_text() if planted.exists() else '"""Planted."""\n'
    planted.write_text(f"{before}\n{line}\n")
    done = _lint(tree, contract)

    assert "1 broken" in done.stdout, done.stdout + done.stderr


def test_every_contract_has_been_seen_to_fail() -> None:
    """A new contract brings the import that it forbids."""
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]

    assert {contract["id"] for contract in contracts} == {row[0] for row in WRONG_IMPORTS}
