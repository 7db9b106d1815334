"""Writers over the database of a test."""

from collections.abc import Iterator

import pytest

from tests.support.offices import Office, Offices
from tests.support.servers import Database


@pytest.fixture
def offices(database: Database) -> Iterator[Offices]:
    """Writers of this test, closed with it."""
    offices = Offices(database)
    yield offices
    offices.close_all()


@pytest.fixture
def office(offices: Offices) -> Office:
    """One writer, in office."""
    return offices.open()
