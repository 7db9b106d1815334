"""Services whose days pass in seconds."""

from collections.abc import Iterator

import pytest

from tests.integration.scenarios.days import MIDNIGHT
from tests.support.http import Api
from tests.support.turned import FileClock, TurnedService


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TurnedService]:
    """A whole service of this module, at the midnight its stories begin."""
    service = TurnedService(tmp_path_factory.mktemp("service"), MIDNIGHT)
    yield service
    service.stop()


@pytest.fixture(scope="module")
def clock(service: TurnedService) -> FileClock:
    """The hand on its clock."""
    return service.clock


@pytest.fixture(scope="module")
def api(service: TurnedService) -> Iterator[Api]:
    """The administrator's client."""
    client = Api.of(service)
    yield client
    client.close()
