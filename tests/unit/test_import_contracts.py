"""The import contracts hold, and a planted wrong import breaks the one that guards it."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

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

# Rooms of the plan that a contract must name as soon as they are more than a plan.
PLANNED_ROOMS = [
    ("http", "source_modules", "api.console"),
    ("http", "forbidden_modules", "subscribers.channels"),
]


def _contracts() -> list[dict[str, Any]]:
    with (REPOSITORY / "pyproject.toml").open("rb") as file:
        contracts: list[dict[str, Any]] = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return contracts


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
    """As it stands, no module imports what its room must not know."""
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
    assert {contract["id"] for contract in _contracts()} == {row[0] for row in WRONG_IMPORTS}


@pytest.mark.parametrize(("contract", "side", "room"), PLANNED_ROOMS)
def test_a_new_room_joins_its_contract(contract: str, side: str, room: str) -> None:
    """A room that is not named in a contract is not guarded by it."""
    is_built = (REPOSITORY / room.replace(".", "/") / "__init__.py").exists()
    listed = next(c[side] for c in _contracts() if c["id"] == contract)

    assert not is_built or room in listed
