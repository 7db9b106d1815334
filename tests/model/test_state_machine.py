"""The service against the model: random commands over HTTP, every answer compared."""

import subprocess
import sys
from collections.abc import Callable

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from tests.model.client import Client
from tests.model.conftest import EXAMPLES
from tests.model.coverage import Coverage
from tests.model.rules_channels import ChannelMachine
from tests.support.figures import Tell
from tests.support.servers import REPOSITORY, RunningService


def tour(shop: ChannelMachine) -> None:
    """One example by hand: what chance may leave out of a short run, the same way compared."""
    shop.open_shop(units=[10, 10, 10, 10], lines=[[(0, 3)], [(1, 2)]])
    shop.begin(goods=[(0, 2)], figures=[(0, 5, ("now", 0), "sellable")], blind=False, more=3)
    for kind in ("scrap", "opening"):
        shop.report_one({"type": kind, "stock": 0, "quantity": 2, "when": NOW, "bucket": "damaged"})
    shop.report_one({"type": "cases", "stock": 1, "quantity": 1, "when": NOW, "amount": "0.3"})
    for expected in ("right", "wrong"):
        adjust = {"type": "adjust", "stock": 1, "quantity": 2, "when": NOW}
        shop.report_one({**adjust, "expected": expected})
    shop.relocate(pick=0, moves=[(0, 1)])
    shop.extend(pick=0, life="longer")
    shop.request_transfer(pick=6, goods=[(1, 1)])
    for pick, how in ((3, "cancel"), (0, "close")):
        shop.end_transfer(pick=pick, how=how)
    shop.receive_transfer(pick=0, arrived=None, when=NOW)
    shop.end_transfer(pick=0, how="close")
    shop.inspect_return(pick=0, goods=[(0, 2)])
    shop.disposition_return(pick=1, goods=[(0, 2)], fate="restock", when=NOW)
    shop.close_return(pick=0)
    for verb in ("approve", "post", "cancel"):
        shop.finish_count(pick=0, verb=verb)
    shop.define_channel(pick=5, places=2, units=2)
    shop.place([(0, 9)], life="hard", partial=False, again=1)
    shop.report_staleness(pick=0, measured_s=75)
    for blunder in ("words", "door", "large"):
        shop.blunder(blunder)
    ask_for_evidence(shop.client)
    shop.teardown()


def ask_for_evidence(client: Client) -> None:
    """Proofs are about the log, whatever it holds; a published verifier checks them elsewhere."""
    questions = {
        "proveInclusion": "position",
        "proveConsistency": "from",
        "getCheckpoint": "position",
    }
    for operation, parameter in questions.items():
        assert client.call(operation, query={parameter: 1}).status == 200
    assert client.call("listCheckpointKeys").status == 200


def verify(service: RunningService) -> None:
    """The auditor, too, finds nothing: every law, every projection, the stream."""
    command = [sys.executable, "-m", "api.cli.main", "verify", "--data-dir", str(service.data_dir)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


NOW = ("now", 0)
RECONNECTS_MAX = 2
"""A service that is well lets a connection go only now and then."""


def visit(client: Client) -> None:
    """The addresses that no rule goes to, and a position nobody has reached."""
    for operation in ("console", "live", "ready", "metrics", "openapi"):
        assert client.call(operation).status == 200
    assert client.call("getStockTotals").status == 200
    sale = {"type": "sale", "sku": "NONE-OF-THEIRS", "location": "elsewhere", "quantity": 1}
    sold = client.call("recordMovements", body={"movements": [sale]}, key="a-visitor").body
    conflict_id = sold["results"][0]["conflicts"][0]["conflict_id"]
    there = {"min_position": sold["position"]}
    assert client.call("getConflict", conflict_id, query=there).status == 200
    listed = {"source": "erp", "balances": [{"sku": "S", "location": "L", "quantity": 0}]}
    compared = client.call("reconcile", body=listed, key="listed")
    assert client.call("approveReconciliation", "listed", key="approved").status == 200
    asked = {"min_position": compared.body["position"]}
    for operation, name in (("getReconciliation", "listed"), ("listReconciliations", "")):
        assert client.call(operation, name, query=asked).status == 200
    ask_what_is_sold(client)
    late = client.call("getStock", query={"min_position": 1 << 40}, patient=False)
    assert late.code == "projection-behind"


def ask_what_is_sold(client: Client) -> None:
    """What a channel may sell, and what it was told of it: tests of their own work that out."""
    body = {"locations": ["elsewhere"]}
    defined = client.call("defineChannel", "visited", body=body, key="visited").body
    there = {"min_position": defined["position"]}
    asked = {**there, "channel": "visited", "sku": "NONE-OF-THEIRS"}
    assert client.call("getAvailability", query=asked).status == 200
    assert client.call("getChannelLog", "visited", query=there).status == 200
    let_in_and_out(client)


def let_in_and_out(client: Client) -> None:
    """Who may read as a channel: tests with a broker say what that means."""
    issued = client.call("issueCredential", "visited", body={}, key="let-in").body
    name = issued["credential_id"]
    out = client.call("revokeCredential", ("visited", name), key="let-out").body
    there = {"min_position": out["position"]}
    (listed,) = client.call("listCredentials", "visited", query=there).body["items"]
    assert (listed["credential_id"], listed["status"]) == (name, "revoked")


def close_the_books(client: Client) -> None:
    """At the end: a period, and statements that add up, whatever has happened."""
    span = {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z"}
    past = {"period_id": "books-1", "from": "2019-01-01T00:00:00Z", "to": "2020-01-01T00:00:00Z"}
    closed = client.call("closePeriod", body=past, key="books-1")
    assert closed.status == 201, closed
    at = {"min_position": closed.body["position"]}
    for operation in ("getPeriod", "getPeriodStatement"):
        assert client.call(operation, "books-1", query=at).status == 200
    assert client.call("listPeriods", query=at).body["items"]
    (whole,) = client.call("getStatements", query=at | span).body["items"]
    change = sum(counter["quantity"] for counter in whole["counters"])
    assert whole["closing"]["on_hand"] == whole["opening"]["on_hand"] + change
    assert client.call("listStatementEntries", query=at).body["items"]


def look_back(client: Client) -> None:
    """At the end: what sales had come to for a channel that saw nothing."""
    channel = {"locations": ["elsewhere"], "rules": {}}
    defined = client.call("defineChannel", "looked-back-at", channel, key="looked-back-at")
    span = {"from": "2025-01-01T00:00:00Z", "to": "2028-01-01T00:00:00Z"}
    asked = {**span, "sales": "all", "min_position": defined.body["position"]}
    totals = client.call(
        "whatIf", "looked-back-at", {**asked, "rules": {"caps": [{"units": 0}]}}
    ).body["totals"]
    assert totals["sales"] >= 1
    assert totals["what_if"]["sales_lost"] == totals["units"]


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

    class Machine(ChannelMachine):
        pass

    Machine.client = client
    try:
        tour(Machine())
        run_state_machine_as_test(hypothesis.seed(seed)(Machine), settings=settings)
        close_the_books(client)
        look_back(client)
    except hypothesis.errors.Flaky as flaky:
        raise AssertionError(client.first_failure) from flaky
    finally:
        client.close()
    tell("\n" + coverage.table())
    verify(service)
    assert client.reconnects <= RECONNECTS_MAX, service.log.read_text()[-4_000:]
    if examples >= EXAMPLES:
        assert [] == coverage.missing()
