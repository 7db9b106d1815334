"""The document the service serves: committed, complete, and true of every answer."""

from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import hypothesis
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from litestar import Litestar
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import HANDLERS, openapi_document
from api.endpoints import Endpoint
from api.openapi import document
from tests.support.http import Api
from tests.support.servers import RunningService

COMMITTED = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"
CONFORMANCE = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
SERVED = schemathesis.openapi.from_dict(msgspec.json.decode(openapi_document()))
OPERATIONS = [found.ok() for found in SERVED.get_all_operations() if isinstance(found, Ok)]


@pytest.fixture(scope="module")
def patient(service_factory: Callable[..., RunningService]) -> Iterator[Api]:
    """A service that says soon, not after seconds, that a made-up position is not reached."""
    client = Api.of(service_factory(environ={"LEDGER_MIN_POSITION_WAIT_MS": "1"}))
    yield client
    client.close()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.label)
def test_every_answer_is_as_documented(patient: Api, operation: Any) -> None:
    """Whatever is sent: no failure of the server, no status, header or body left out."""
    key = patient.http.headers["Authorization"]

    @hypothesis.settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def conforms(case: Any) -> None:
        answer = case.call(base_url=str(patient.http.base_url), headers={"Authorization": key})
        # A position that will not be reached for years has an honest 503, and only that has one.
        behind = b":projection-behind" in answer.content
        assert behind or answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, answer.content
        checks = CONFORMANCE if behind else [not_a_server_error, *CONFORMANCE]
        case.validate_response(answer, checks=checks)

    conforms()


def test_the_served_document_is_the_committed_one(patient: Api) -> None:
    """A change of the API shows in review."""
    assert COMMITTED.read_bytes() == openapi_document()
    assert patient.get("/schema/openapi.json").content == openapi_document()


def test_every_address_is_described() -> None:
    """Nothing is served that the document does not know."""
    app = Litestar(route_handlers=HANDLERS, openapi_config=None)
    described = document(app)["paths"]
    for handler in HANDLERS:
        endpoint = handler.opt["endpoint"]
        assert isinstance(endpoint, Endpoint)
        for path in handler.paths:
            named = path.replace("{id:str}", f"{{{endpoint.path_code or 'id'}}}")
            operation = described[named.replace(":str}", "}")]
            assert next(iter(handler.http_methods)).lower() in operation
