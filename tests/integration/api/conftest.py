"""One service for the tests of a module, and a client to it."""

from collections.abc import Iterator

import pytest

from tests.support.http import Api
from tests.support.servers import RunningService


@pytest.fixture(scope="module")
def api(running_service: RunningService) -> Iterator[Api]:
    """The administrator's client."""
    client = Api.of(running_service)
    yield client
    client.close()
