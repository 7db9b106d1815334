"""Ledgers to audit."""

from collections.abc import Callable

import pytest

from tests.support.audited import Audited, project
from tests.support.histories import fill
from tests.support.servers import Database

SEED = 7
COMMANDS = 400


@pytest.fixture
def grow() -> Callable[[Database, int], int]:
    """Fills a ledger and projects it."""

    def run(database: Database, seed: int) -> int:
        head = fill(database.owner_url, seed, COMMANDS)
        project(database.service_url)
        return head

    return run


@pytest.fixture
def audited(database: Database, grow: Callable[[Database, int], int]) -> Audited:
    """The history of one seed, recorded and projected."""
    return Audited(database, grow(database, SEED))
