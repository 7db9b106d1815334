"""The service against the model: random commands over HTTP, every answer compared."""

from collections.abc import Callable

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from tests.model.client import Client
from tests.model.conftest import EXAMPLES
from tests.model.coverage import Coverage
from tests.model.rules import LedgerMachine
from tests.support.figures import Tell
from tests.support.servers import RunningService


def visit(client: Client) -> None:
    """The addresses that are about the service itself, and a position nobody has reached."""
    for operation in ("console", "live", "ready", "metrics", "openapi"):
        assert client.call(operation).status == 200
    late = client.call("getStock", query={"min_position": 1 << 40}, patient=False)
    assert late.code == "projection-behind"


@pytest.mark.timeout(0)  # Any number of examples; every wait inside has its own end.
def test_the_service_answers_as_the_model_does(
    service_factory: Callable[..., RunningService],
    seed: int,
    examples: int,
    steps: int,
    shrink: bool,
    tell: Tell,
) -> None:
    """Commands, repeats, refusals and questions about the past: all as the rules alone say."""
    service = service_factory(environ={"LEDGER_SWEEP_EVERY_MS": "50"})
    coverage = Coverage()
    client = Client(service.url, service.key, coverage)
    visit(client)
    settings = hypothesis.settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        suppress_health_check=list(HealthCheck),
    )

    class Machine(LedgerMachine):
        pass

    Machine.client = client
    try:
        run_state_machine_as_test(hypothesis.seed(seed)(Machine), settings=settings)
    except hypothesis.errors.Flaky as flaky:
        raise AssertionError(client.first_failure) from flaky
    finally:
        client.close()
    tell("\n" + coverage.table())
    if examples >= EXAMPLES:
        assert [] == coverage.missing()
