"""The auditor on transfers: planted mistakes are found, where they stand."""

from typing import Any

import pytest
from msgspec.structs import replace

from ledger.domain.commands import AnyCommand
from ledger.domain.events import (
    AnyEvent,
    ReceivedLine,
    SkuQuantity,
    StockDispatched,
    StockTransferReceived,
    StockTransferReturned,
    StockTransferSurplus,
    TransferClosed,
    TransferDispatched,
    TransferReceived,
    TransferRequested,
)
from ledger.recorded import Recorded
from projections.audit.checker import Checker
from tests.support.builders import receive as supply
from tests.support.histories import Histories
from tests.support.transfers import arrived, close, dispatch, of_sku, receive, request
from tests.unit.projections.audit.test_checker import breaches, check

COMMANDS: tuple[AnyCommand, ...] = (
    supply(10),
    request("t-1", of_sku(5), of_sku(1, "LAMP")),
    dispatch("t-1", of_sku(4)),
    receive("t-1", arrived(2, damaged=1, lost=1, returned=2)),
    dispatch("t-1", of_sku(1)),
    dispatch("t-1", of_sku(1, "LAMP")),
    receive("t-1", arrived(1, sku="LAMP")),
    close("t-1"),
)


@pytest.fixture
def log() -> list[Recorded]:
    """A transfer with everything that may happen to one."""
    histories = Histories(1)
    items = [histories.attempt(command) for command in COMMANDS]
    return [event for item in items if item is not None for event in item.events]


def _altered(log: list[Recorded], kind: type, **fields: Any) -> tuple[list[Recorded], int]:
    """The first event of a kind written otherwise, and where it stands."""
    chosen = next(recorded for recorded in log if type(recorded.event) is kind)
    event: AnyEvent = replace(chosen.event, **fields)
    wrong = replace(chosen, event=event)
    return [wrong if one is chosen else one for one in log], chosen.position


def test_a_transfer_decided_by_the_rules_breaks_no_law(log: list[Recorded]) -> None:
    """And the books come to what happened."""
    checker: Checker = check(log)

    assert [] == checker.breaches
    book = checker.transit.transfers["t-1"]
    line = book.lines["MUG"]
    assert ("closed", 5, 1, 0) == (
        book.status,
        line.dispatched,
        sum(line.surplus.values()),
        line.in_transit,
    )
    assert {("nyc-2", "MUG"): 0, ("nyc-2", "LAMP"): 0} == {
        key: way.quantity for key, way in checker.transit.ways.items()
    }


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (StockDispatched, {"quantity": 3}),
        (StockDispatched, {"to_location": "lon-3"}),
        (StockTransferReceived, {"received": 3}),
        (StockTransferReceived, {"damaged": 2}),
        (StockTransferReceived, {"lost": 0}),
        (StockTransferReceived, {"from_location": "lon-3"}),
        (StockTransferReturned, {"quantity": 1}),
        (StockTransferSurplus, {"delta": 1}),
        (TransferRequested, {"to_location": "lon-3"}),
        (TransferDispatched, {"lines": (SkuQuantity(sku="MUG", quantity=5),)}),
        (TransferDispatched, {"lines": (SkuQuantity(sku="LAMP", quantity=4),)}),
        (TransferReceived, {"lines": (ReceivedLine(sku="MUG", received=6),)}),
        (TransferReceived, {"transfer_id": "t-2"}),
    ],
)
def test_an_event_written_otherwise_is_found(
    log: list[Recorded], kind: type, fields: dict[str, Any]
) -> None:
    """The stocks and the document no longer tell the same: the first to say so is its command."""
    wrong, position = _altered(log, kind, **fields)
    command = log[position - 1].meta.command_id

    found = breaches(wrong)
    assert found
    first = min(breach.position for breach in found)
    assert first >= min(one.position for one in log if one.meta.command_id == command)


def test_a_transfer_closed_too_early_is_found(log: list[Recorded]) -> None:
    """Its units were still on their way."""
    under_way = log[:4]
    assert isinstance(under_way[-1].event, TransferDispatched)
    last = under_way[-1]
    closing = TransferClosed(occurred_at=last.meta.instant, transfer_id="t-1")
    meta = replace(last.meta, instant=last.meta.instant + 1, command_id="c-99")
    position = last.position + 1
    version = 1 + sum(one.stream == closing.stream for one in under_way)
    recorded = replace(
        last,
        position=position,
        stream=closing.stream,
        version=version,
        topic="transfer.closed.v1",
        event=closing,
        meta=meta,
        recorded_at=last.recorded_at + 1,
    )

    found = breaches([*under_way, recorded])
    assert [(4, position)] == [(breach.law, breach.position) for breach in found]
