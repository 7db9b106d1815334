"""A running service audits itself: quiet while nothing is wrong, loud at the first difference."""

from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest

from api.runtime.processes import wait_until
from tests.support.servers import RunningService

PATIENCE_S = 60  # An upper bound for a busy machine; a round of a small ledger takes moments.
OFTEN = {"LEDGER_AUDIT_ROUND_MS": "1", "LEDGER_AUDIT_PERCENT": "100"}


@pytest.fixture
def service(service_factory: Callable[..., RunningService]) -> RunningService:
    """A service whose auditor makes its rounds one after another, with some events in it."""
    service = service_factory(environ=OFTEN)
    for number in range(5):
        movement = {"type": "receive", "sku": "MUG", "location": "ams-1", "quantity": 10}
        answer = httpx.post(
            f"{service.url}/v1/movements",
            json={"movements": [movement]},
            headers=service.headers(**{"Idempotency-Key": f"day-{number}"}),
        )
        assert 201 == answer.status_code
    return service


def metric(service: RunningService, name: str) -> float | None:
    """A number as Prometheus would read it."""
    for line in httpx.get(f"{service.url}/metrics").text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return None


def audit(service: RunningService) -> dict[str, Any]:
    """What readiness says of the audit; it is ready whatever that is."""
    answer = httpx.get(f"{service.url}/health/ready")
    assert 200 == answer.status_code
    found: dict[str, Any] = answer.json()["audit"]
    return found


def rounds(service: RunningService, number: int) -> bool:
    """Wait for so many more full rounds."""
    seen: set[float] = set()

    def look() -> bool:
        age = metric(service, "ledger_verify_last_full_age_seconds")
        seconds = metric(service, "ledger_verify_last_full_seconds")
        if age is not None and seconds is not None:
            seen.add(seconds)
        return len(seen) > number

    return wait_until(look, timeout_s=PATIENCE_S)


def forge(service: RunningService, statement: str) -> None:
    """Do what only a superuser can, with every guard switched off."""
    with psycopg.connect(service.runtime()["database"]) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(statement.encode())


def test_a_clean_service_stays_quiet(service: RunningService) -> None:
    """The head is verified, rounds are made, and nobody is woken up."""
    assert wait_until(
        lambda: metric(service, "ledger_verified_position") == 5, timeout_s=PATIENCE_S
    )
    assert rounds(service, 2)

    assert 0 == metric(service, "ledger_verify_breaches_total")
    assert {"verified_position": 5, "breaches": 0, "difference": None} == audit(service)
    assert "AUDIT" not in service.log.read_text()


def test_an_altered_event_is_alarmed_with_its_position(service: RunningService) -> None:
    """Verified once does not mean verified for ever; the service goes on answering meanwhile."""
    assert rounds(service, 1)

    forge(
        service,
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), '\"quantity\":10',"
        " '\"quantity\":11')::bytea where position = 3",
    )

    assert wait_until(lambda: audit(service)["difference"] is not None, timeout_s=PATIENCE_S)
    assert 0 < (metric(service, "ledger_verify_breaches_total") or 0)
    difference = audit(service)["difference"]
    assert difference["law"] in {12, 17}, "whichever it came upon first: the row, or what it made"
    assert 3 == difference["position"]
    log = service.log.read_text()
    assert "AUDIT" in log
    assert "law" in log


def test_an_altered_row_of_a_projection_is_alarmed_until_it_is_mended(
    service: RunningService,
) -> None:
    """What is mended is taken back by the next clean round; that it was found stays counted."""
    assert rounds(service, 1)

    forge(service, "update projections.stock set sellable = sellable + 1")
    assert wait_until(lambda: audit(service)["difference"] is not None, timeout_s=PATIENCE_S)
    difference = audit(service)["difference"]
    assert (12, 5) == (difference["law"], difference["position"])

    forge(service, "update projections.stock set sellable = sellable - 1")
    assert wait_until(lambda: audit(service)["difference"] is None, timeout_s=PATIENCE_S)
    assert 0 < audit(service)["breaches"]


def test_no_auditor_runs_where_none_is_wanted(
    service_factory: Callable[..., RunningService],
) -> None:
    """It can be switched off, and leaves nothing behind that says otherwise."""
    service = service_factory(environ={"LEDGER_AUDIT_PERCENT": "0"})

    assert "auditor" not in service.pids()
    assert audit(service) is None
    assert metric(service, "ledger_verified_position") is None
