"""What the world reads of an event."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain import events
from ledger.domain.values import LATEST, Money
from ledger.recorded import Meta, Recorded
from ledger.store.mapper import TOPICS
from subscribers import messages
from subscribers.translate import conflict_message, event_message, rfc3339, trace_of
from tests.support.event_log import START, meta, received

AT = "2025-11-24T16:00:00.000000Z"


def recorded(event: events.AnyEvent, position: int = 7, who: Meta | None = None) -> Recorded:
    """An event at a place in the ledger."""
    topic = TOPICS[type(event)]
    return Recorded(position, event.stream, 3, topic, START + 5, who or meta(position), event)


STOCK = {"occurred_at": START, "effective_at": START, "location": "ams-1", "sku": "MUG"}
CONFLICT = {"occurred_at": START, "conflict_id": "c-1", "kind": "negative_stock"}
HELD = {"reservation_id": "order-1"}
MOVED = {"transfer_id": "t-1"}


def _stock(shape: type[events.StockEvent], /, **own: object) -> events.AnyEvent:
    event: events.AnyEvent = msgspec.convert(STOCK | own, shape)  # type: ignore[assignment]
    return event


def _document(shape: type[events.ReservationEvent], /, **own: object) -> events.AnyEvent:
    fields = {"occurred_at": START} | HELD | own
    event: events.AnyEvent = msgspec.convert(fields, shape)  # type: ignore[assignment]
    return event


def _transfer(shape: type[events.TransferEvent], /, **own: object) -> events.AnyEvent:
    event: events.AnyEvent = msgspec.convert({"occurred_at": START} | MOVED | own, shape)  # type: ignore[assignment]
    return event


def _paper(shape: type[events.Event], /, **own: object) -> events.AnyEvent:
    event: events.AnyEvent = msgspec.convert({"occurred_at": START} | own, shape)  # type: ignore[assignment]
    return event


def _conflict(shape: type[events.ConflictEvent], /, **own: object) -> events.AnyEvent:
    fields = CONFLICT | {"location": "ams-1", "sku": "MUG"} | own
    event: events.AnyEvent = msgspec.convert(fields, shape)  # type: ignore[assignment]
    return event


_PARKED = {"owner": "till-7", "movement_id": "key-1/0", "movement": "{}"}
_HOLD = {"reservation_id": "order-1", "quantity": 1, "expired_at": START}
_FENCED = {"channel": "web", "quantity": 1, "expires_at": START}
_MOVE = {"sku": "MUG", "from_location": "ams-1", "to_location": "nyc-2", "quantity": 2}
_SOURCED = {
    "asked": {"sku": "MUG", "locations": ["ams-1", "nyc-2"], "quantity": 3},
    "picked": [{"sku": "MUG", "location": "nyc-2", "requested": 3, "granted": 3}],
}
_MOVEMENT: dict[str, Any] = {
    "occurred_at": START,
    "owner": "pos",
    "movement_id": "b/0",
    "recorded": 3,
}
_LINES = [{"sku": "MUG", "location": "ams-1", "quantity": 2}]
_UNITS = [{"sku": "MUG", "quantity": 2}]
_PLACED = [{"sku": "MUG", "location": "ams-1", "requested": 3, "granted": 2}]

_GRADED = [{"sku": "MUG", "quantity": 2, "grade": "A"}]
_DECIDED = [{"sku": "MUG", "quantity": 2, "disposition": "restock", "location": "ams-1"}]
_ON_ORDER = {"order": "o-1", "sku": "MUG", "location": "ams-1"}
_BEYOND = {"conflict_id": "c-1", "kind": "returned_beyond_sold", "holder": "MUG", "short": 1}
_TALLY = dict.fromkeys(events.Tally.__struct_fields__, 2)
_RECONCILIATION = {"reconciliation_id": "erp-1", "as_of": START}
_FIGURE = {"sku": "MUG", "bucket": "sellable", "counted": 7, "counted_at": START}

_RULES = {
    "safety_stock": [{"units": 2}, {"units": 5, "sku": "MUG", "location": "ams-1"}],
    "buffers": [{"basis_points": 250, "sku_class": "A"}],
    "caps": [{"units": 50}],
    "rounding": [{"pack": "case", "sku": "MUG"}],
    "staleness": [{"from_s": 60, "units": 1}],
    "publish": {"rise_units": 3, "every_ms": 500},
}

ONE_OF_EACH: tuple[events.AnyEvent, ...] = (
    _stock(events.StockOpened, quantity=1),
    _stock(events.StockReceived, quantity=1, unit_cost={"millionths": 5, "currency": "EUR"}),
    _stock(events.StockSold, quantity=1, channel="web"),
    _stock(events.SaleVoided, quantity=1, of="m-1"),
    _stock(events.StockReturned, quantity=1),
    _stock(events.StockAdjusted, delta=-1),
    _stock(events.StockMoved, quantity=1, from_bucket="sellable", to_bucket="damaged"),
    _stock(events.StockScrapped, quantity=1),
    _stock(events.StockReserved, **HELD, quantity=1, kind="soft", expires_at=START),
    _stock(events.HoldConfirmed, **HELD),
    _stock(events.HoldExtended, **HELD, expires_at=START),
    _stock(events.HoldAmended, **HELD, delta=1),
    _stock(events.HoldReleased, **HELD, quantity=1),
    _stock(events.HoldReleased, **HELD, quantity=2, fence=_FENCED),
    _stock(events.HoldRelocated, **HELD, quantity=1, to_location="nyc-2"),
    _stock(events.HoldFulfilled, **HELD, quantity=1),
    _stock(events.HoldsExpired, holds=[_HOLD]),
    _stock(events.HoldsExpired, holds=[{**_HOLD, "fence": _FENCED}]),
    _stock(events.FenceGranted, channel="web", quantity=4),
    _stock(events.FenceReturned, channel="web", quantity=4),
    _stock(events.BackorderLimitSet, limit=2),
    _stock(events.StockDispatched, **MOVED, to_location="nyc-2", quantity=1),
    _stock(events.StockTransferReceived, **MOVED, from_location="nyc-2", received=1),
    _stock(events.StockTransferReturned, **MOVED, to_location="nyc-2", quantity=1),
    _stock(events.StockTransferSurplus, **MOVED, from_location="nyc-2", delta=-1),
    _transfer(events.TransferRequested, from_location="a", to_location="b", lines=_UNITS),
    _transfer(events.TransferDispatched, lines=_UNITS),
    _transfer(events.TransferReceived, lines=[{"sku": "MUG", "received": 2, "lost": 1}]),
    _transfer(events.TransferCancelled),
    _transfer(events.TransferClosed),
    _document(
        events.ReservationPlaced,
        channel="web",
        kind="hard",
        expires_at=None,
        policy="all",
        lines=_PLACED,
    ),
    _document(
        events.ReservationPlaced,
        channel=None,
        kind="hard",
        expires_at=None,
        policy="all",
        lines=_PLACED,
        sourced=[_SOURCED],
    ),
    _document(events.ReservationConfirmed),
    _document(events.ReservationExtended, expires_at=START),
    _document(events.ReservationAmended, lines=_LINES),
    _document(events.ReservationFulfilled, lines=_LINES),
    _document(events.ReservationReleased, lines=_LINES),
    _document(events.ReservationRelocated, moves=[_MOVE]),
    _stock(
        events.StockDispositioned,
        quantity=1,
        disposition="restock",
        to_bucket="sellable",
        return_id="rma-1",
    ),
    _paper(events.ReturnAuthorised, return_id="rma-1", lines=_UNITS, order="o-1"),
    _paper(events.ReturnReceived, return_id="rma-1", location="ams-1", lines=_UNITS),
    _paper(events.ReturnInspected, return_id="rma-1", lines=_GRADED),
    _paper(events.ReturnDispositioned, return_id="rma-1", lines=_DECIDED),
    _paper(events.ReturnClosed, return_id="rma-1"),
    _paper(events.OrderSold, **_ON_ORDER, delta=2),
    _paper(events.OrderReturned, **_ON_ORDER, delta=3, conflict=_BEYOND),
    _paper(events.CountOpened, count_id="cc-1", location="ams-1", kind="full", skus=["MUG"]),
    _paper(events.CountEntered, count_id="cc-1", lines=[_FIGURE | {"expected": 8}]),
    _paper(events.CountApproved, count_id="cc-1", approved_by="desk"),
    _paper(events.CountPosted, count_id="cc-1", lines=[_FIGURE | {"variance": -1}]),
    _paper(events.CountCancelled, count_id="cc-1"),
    _paper(
        events.ReconciliationRecorded,
        **_RECONCILIATION,
        source="erp",
        content="0f",
        known_position=9,
        cut_position=7,
        horizon=9,
        measure="on_hand",
        tolerance_units=1,
        tolerance_per_mille=5,
        complete=True,
        alert=True,
        tally=_TALLY,
        locations=[{"location": "ams-1", "tally": _TALLY}],
        proposals=1,
    ),
    _paper(
        events.ReconciliationProposed,
        reconciliation_id="erp-1",
        lines=[{"sku": "MUG", "location": "ams-1", "theirs": 3, "ours": 5, "delta": -2}],
    ),
    _paper(
        events.ReconciliationApproved,
        **_RECONCILIATION,
        lines=[{"sku": "MUG", "location": "ams-1", "delta": -2}],
        approved_by="desk",
    ),
    events.MovementVoided(
        occurred_at=START, owner="pos", movement_id="b/0", recorded=3, quantity=1
    ),
    events.MovementUnvoided(**_MOVEMENT, quantity=1),
    events.MovementCorrected(**_MOVEMENT, quantity=2),
    events.MovementCancelled(**_MOVEMENT, quantity=3),
    _stock(events.StockCounted, count_id="b/1", counted=7, delta=-1),
    _stock(events.StockAbsorbed, anchor=3, delta=1),
    _stock(events.StockCountCancelled, anchor=3, delta=0),
    _stock(
        events.StockCorrected, of="b/0", quantity=-1, from_bucket="supplier", to_bucket="sellable"
    ),
    _conflict(events.ConflictOpened, short=2, bucket="sellable"),
    _conflict(events.ConflictOpened, short=1, parked=_PARKED),
    _conflict(events.ConflictChanged, short=1),
    _conflict(events.ConflictCleared),
    _conflict(events.ConflictResolved, resolution="counted"),
    _paper(
        events.SkuDefined,
        sku="MUG",
        base_unit="each",
        packs=[{"name": "case", "factor": 12}, {"name": "box", "factor": 4, "of": "case"}],
        case_policy="upper",
    ),
    _paper(
        events.LocationDefined,
        location="ams-1",
        time_zone="Europe/Amsterdam",
        authority=[{"fact": "count", "sources": ["wms-1"]}],
    ),
    _paper(
        events.ChannelDefined,
        channel="web",
        locations=["ams-1"],
        kinds=["store"],
        tags=["click-and-collect"],
        rules=_RULES,
    ),
    _paper(events.ChannelStalenessChanged, channel="web", from_s=60, measured_s=75),
    _paper(
        events.ChannelCredentialIssued,
        channel="web",
        credential_id="c-1",
        public_key="UABC",
        expires_at=START,
    ),
    _paper(events.ChannelCredentialRevoked, channel="web", credential_id="c-1", public_key="UABC"),
    _paper(
        events.PeriodClosed,
        period_id="2026-11",
        starts_at=START - 1,
        ends_at=START,
        known_position=6,
        location="ams-1",
        follows="2026-10",
    ),
    _paper(events.CalendarAdvanced, period_id="2026-11", ends_at=START, location="ams-1"),
)


def test_every_event_of_the_ledger_is_told() -> None:
    """The table below has a row for each of them."""
    assert set(TOPICS) == {type(event) for event in ONE_OF_EACH}


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda e: TOPICS[type(e)])
def test_an_event_keeps_its_tag_and_its_fields(event: events.AnyEvent) -> None:
    """The public data has the event's own fields, times as text, and who reported it."""
    told = messages.decode(event_message(recorded(event), 1).payload)

    assert f"inventory.{TOPICS[type(event)]}" == told.type
    assert type(told.data) is messages.DATA_TYPES[told.type]
    public = msgspec.structs.asdict(told.data)
    assert {*type(event).__struct_fields__, "provenance"} == set(public)
    assert AT == public["occurred_at"]
    for name in ("effective_at", "expires_at"):
        assert public.get(name) in (None, AT)
    for name in ("quantity", "delta", "short", "reservation_id", "conflict_id"):
        assert getattr(event, name, None) == public.get(name)


def test_the_envelope_carries_the_contracts_extensions() -> None:
    """Position, version, both times, correlation and cause, each under its public name."""
    raw = msgspec.json.decode(event_message(recorded(received(1)), 4).payload)

    data = raw.pop("data")
    assert {
        "specversion": "1.0",
        "id": "4:0:7",
        "source": "inventory-ledger",
        "type": "inventory.stock.received.v1",
        "subject": "stock/ams-1/MUG",
        "time": AT,
        "datacontenttype": "application/json",
        "position": 7,
        "streamversion": 3,
        "recordedat": "2025-11-24T16:00:00.000005Z",
        "correlationid": f"{7:032x}",
        "causationid": "command-7",
        "ruleversion": 0,
    } == raw
    assert "till-7" == data["provenance"]["actor"]


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        (received(1), "inventory.events.ams-1.MUG.received"),
        (received(1, sku="A.B *>"), "inventory.events.ams-1.A%2EB%20%2A%3E.received"),
        (received(1, location="a/b"), "inventory.events.a%2Fb.MUG.received"),
        (_stock(events.HoldConfirmed, **HELD), "inventory.events.ams-1.MUG.hold_confirmed"),
        (
            _document(events.ReservationConfirmed),
            "inventory.documents.reservation.order-1.confirmed",
        ),
        (_conflict(events.ConflictCleared), "inventory.documents.conflict.c-1.cleared"),
    ],
)
def test_subjects_follow_the_contract(event: events.AnyEvent, subject: str) -> None:
    """Stock by location and SKU, documents by kind and id; every token encoded."""
    assert subject == event_message(recorded(event), 1).subject


@given(st.tuples(st.text(min_size=1), st.text(min_size=1)), st.tuples(st.text(), st.text()))
def test_movements_of_different_owners_never_share_a_subject(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    """An id of two parts is one token, and still tells its parts apart."""

    def subject(owner: str, movement_id: str) -> str:
        event = events.MovementVoided(
            occurred_at=START, owner=owner, movement_id=movement_id, recorded=1, quantity=1
        )
        return event_message(recorded(event), 1).subject

    try:
        subjects = subject(*one), subject(*other)
    except UnicodeEncodeError:
        return  # Lone surrogates never enter the ledger.

    assert (one == other) == (subjects[0] == subjects[1])
    assert 5 == len(subjects[0].split("."))


def test_conflicts_are_told_under_kind_location_and_sku() -> None:
    """The same payload, on a subject channels can filter."""
    place = recorded(_conflict(events.ConflictOpened, short=2))
    told = event_message(place, 1)

    about = conflict_message(place, told)

    assert about is not None
    assert "inventory.conflicts.negative_stock.ams-1.MUG" == about.subject
    assert told.payload == about.payload
    assert conflict_message(recorded(received(1)), told) is None


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (START + 1, "2025-11-24T16:00:00.000001Z"),
        (LATEST, "9999-12-31T23:59:59.000000Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(instant: int, text: str) -> None:
    """Six digits of a second, four of a year, also before 1970."""
    assert text == rfc3339(instant)


def test_a_trace_belongs_to_its_correlation_id() -> None:
    """Every event of one request is a span of one W3C trace."""
    one, other = trace_of("request-1", 1), trace_of("request-1", 2)

    assert one.split("-")[1] == other.split("-")[1]
    assert one != other
    assert (55, 4) == (len(one), len(one.split("-")))


def test_an_unknown_type_is_still_readable() -> None:
    """A newer server's event does not break an older reader."""
    raw = msgspec.json.decode(event_message(recorded(received(1)), 1).payload)
    raw |= {"type": "inventory.stock.teleported.v1", "later": True}

    told = messages.decode(msgspec.json.encode(raw))

    assert 1 == told.data["quantity"]


def test_a_claimed_time_and_a_cost_are_told() -> None:
    """What a fact claimed is kept beside what was recorded."""
    who = msgspec.structs.replace(meta(1), claimed_at=START + 1, movement_id="b/0")
    cost = Money(millionths=2_500_000, currency="EUR")

    told = messages.decode(
        event_message(
            recorded(msgspec.structs.replace(received(1), unit_cost=cost), 1, who), 1
        ).payload
    )

    assert "2025-11-24T16:00:00.000001Z" == told.data.provenance.claimed_at
    assert "b/0" == told.data.provenance.movement_id
    assert messages.Money(millionths=2_500_000, currency="EUR") == told.data.unit_cost
