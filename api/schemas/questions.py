"""Questions and their answers: the parameters of every GET, and what comes back."""

from typing import Annotated, Any, Literal, Self, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from api.schemas.fields import Time, rfc3339, rfc3339_or_none
from api.schemas.movements import told_again
from ledger.domain.count import CountStatus
from ledger.domain.events import ConflictChange
from ledger.domain.return_ import ReturnStatus
from ledger.domain.values import Code, Text
from projections import answers
from projections.clocks import Clocks
from projections.conflicts import answers as conflicts
from projections.history import answers as history
from projections.reservations import answers as reservations
from projections.sorting import Group, Sort

Timestamp: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339, UTC, six digits of a second."""

Position: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Limit: TypeAlias = Annotated[int, Meta(ge=1, extra_json_schema={"maximum": 1_000})]
Cursor: TypeAlias = Annotated[str, Meta(max_length=4_096)]
KnownAt: TypeAlias = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="A time (RFC 3339) or a ledger position.",
        extra_json_schema={"anyOf": [{"format": "date-time"}, {"pattern": "^[0-9]{1,19}$"}]},
    ),
]
ConflictStatus: TypeAlias = Literal["open", "cleared", "resolved"]
ReservationStatus: TypeAlias = Literal[
    "placed", "confirmed", "partially_fulfilled", "fulfilled", "released", "expired"
]


class _Query(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every question may say: never to be answered from before a position."""

    min_position: Position = 0


class DatedQuery(_Query, frozen=True, kw_only=True):
    """A question with both clocks: by when it had happened, and by when the ledger knew."""

    as_of: Time | None = None
    known_at: KnownAt | None = None


class PagedQuery(DatedQuery, frozen=True, kw_only=True):
    """A question whose answer comes in pages; a cursor keeps the clocks of the first one."""

    cursor: Cursor | None = None
    limit: Limit = 100


class OneQuery(DatedQuery, frozen=True):
    """A question about one document."""


class StockQuery(PagedQuery, frozen=True):
    """How many, where, now or then."""

    sku: Code | None = None
    location: Code | None = None
    sort: Sort = "location"


class TotalsQuery(PagedQuery, frozen=True):
    """How many together; all in one, or by SKU or location."""

    sku: Code | None = None
    location: Code | None = None
    group_by: Group = "none"


class MovementsQuery(_Query, frozen=True, kw_only=True):
    """What happened to one stock."""

    known_at: KnownAt | None = None
    cursor: Cursor | None = None
    limit: Limit = 100
    sku: Code
    location: Code
    start: Time | None = field(default=None, name="from")
    end: Time | None = field(default=None, name="to")
    order: Literal["occurred", "recorded"] = "occurred"


class ReservationsQuery(PagedQuery, frozen=True):
    """Which promises."""

    sku: Code | None = None
    location: Code | None = None
    status: ReservationStatus | None = None
    channel: Code | None = None


class ReturnsQuery(PagedQuery, frozen=True):
    """Which returns."""

    status: ReturnStatus | None = None
    order: Text | None = None
    sku: Code | None = None


class CountsQuery(PagedQuery, frozen=True):
    """Which count documents."""

    status: CountStatus | None = None
    location: Code | None = None
    sku: Code | None = None


class FencesQuery(PagedQuery, frozen=True):
    """Which fences."""

    sku: Code | None = None
    location: Code | None = None
    channel: Code | None = None


class LimitsQuery(PagedQuery, frozen=True):
    """Which limits."""

    sku: Code | None = None
    location: Code | None = None


class OrdersQuery(PagedQuery, frozen=True):
    """Which lines of orders; with `excess` only where more came back than was sold."""

    order: Text | None = None
    sku: Code | None = None
    excess: bool = False


class ConflictsQuery(PagedQuery, frozen=True):
    """Which conflicts."""

    status: ConflictStatus | None = None
    kind: Code | None = None
    location: Code | None = None
    sku: Code | None = None


class EventsQuery(_Query, frozen=True):
    """The events after a position."""

    after: Position = 0
    limit: Limit | None = None


class Page(Struct, frozen=True, kw_only=True):
    """What the answer stands for, where it was read, and where to go on.

    By what had happened at `as_of`, as known at `known_at_position`: the last position recorded
    at `known_at`, where that was asked for. `settled`: asked again, it will be the same. A page
    may have fewer items than its limit, even none, and a cursor all the same.
    """

    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int
    next_cursor: str | None


class StockAnswer(Struct, frozen=True, kw_only=True):
    """Balances at `as_of`; `position` is what the projection reflects."""

    items: list[answers.Balance]
    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int
    next_cursor: str | None

    @classmethod
    def of(cls, page: answers.StockPage) -> Self:
        """The public form of a page."""
        return cls(
            items=page.items,
            as_of=rfc3339(page.as_of),
            known_at=rfc3339_or_none(page.known_at),
            known_at_position=page.known_at_position,
            settled=page.settled,
            position=page.position,
            next_cursor=page.next_cursor,
        )


class TotalsAnswer(Page, frozen=True, kw_only=True):
    """Sums over stocks, one or a group each, by the group's name."""

    items: list[answers.Total]


class MovementItem(Struct, frozen=True, kw_only=True):
    """One change, with the balances after it in the order that was asked for."""

    position: int
    part: int
    version: int
    type: str
    occurred_at: Timestamp
    effective_at: Timestamp
    recorded_at: Timestamp
    changes: dict[str, int]
    balances: answers.Levels
    actor: str
    source: str
    reason: str
    reference: str | None
    correlation_id: str
    command_id: str
    movement_id: str | None
    reservation_id: str | None
    transfer_id: str | None
    return_id: str | None
    count_id: str | None
    order: str | None
    restates: str | None
    counted: int | None
    claimed_at: Timestamp | None
    conflicts: tuple[ConflictChange, ...]

    @classmethod
    def of(cls, movement: history.Movement) -> Self:
        """The public form of a change."""
        return cls(**times_as_text(cls, movement))


class MovementsPage(Page, frozen=True, kw_only=True):
    """Changes of one stock; `as_of` is the end of the window, where it is one of business time."""

    items: list[MovementItem]
    order: str


class ReservationItem(Struct, frozen=True, kw_only=True):
    """A promise at this instant."""

    reservation_id: str
    channel: str | None
    kind: str
    policy: str
    status: str
    expires_at: Timestamp | None
    placed_at: Timestamp
    version: int
    lines: list[reservations.LineAnswer]

    @classmethod
    def of(cls, reservation: reservations.ReservationAnswer, **more: Any) -> Self:
        """The public form of a promise."""
        return cls(**times_as_text(ReservationItem, reservation), **more)


class ReservationFound(ReservationItem, frozen=True, kw_only=True):
    """One promise, what the answer stands for, and the position at which it was read."""

    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class ReservationsPage(Page, frozen=True, kw_only=True):
    """Promises, newest first."""

    items: list[ReservationItem]


class ConflictItem(Struct, frozen=True, kw_only=True):
    """A conflict: `short` is what is short now, `short_max` the worst it has been.

    `movement` is the fact that waits for an unknown item, in the words of `POST /v1/movements`.
    """

    conflict_id: str
    kind: str
    location: str
    sku: str
    bucket: str | None
    reservation_id: str | None
    quantity: int | None
    order: str | None
    movement: dict[str, Any] | None
    short: int
    short_max: int
    status: str
    resolution: str | None
    note: str | None
    opened_at: Timestamp
    opened_position: int
    closed_at: Timestamp | None
    closed_position: int | None

    @classmethod
    def of(cls, conflict: conflicts.ConflictAnswer, **more: Any) -> Self:
        """The public form of a conflict."""
        movement = None if conflict.movement is None else told_again(conflict.movement)
        return cls(**times_as_text(ConflictItem, conflict) | {"movement": movement}, **more)


class ConflictFound(ConflictItem, frozen=True, kw_only=True):
    """One conflict, what the answer stands for, and the position at which it was read."""

    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class ConflictsPage(Page, frozen=True, kw_only=True):
    """Conflicts, newest first."""

    items: list[ConflictItem]


class EventsPage(Struct, frozen=True, kw_only=True):
    """Events in ledger order, each as the message channels see; `position` is the head's."""

    items: list[msgspec.Raw]
    position: int
    next_after: int


class EventItem(Struct, frozen=True, kw_only=True):
    """A CloudEvents 1.0 object with the ledger's extensions."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: Timestamp
    datacontenttype: str
    position: int
    streamversion: int
    recordedat: Timestamp
    correlationid: str
    causationid: str
    ruleversion: int
    data: dict[str, Any]


class EventsAnswer(Struct, frozen=True, kw_only=True):
    """The same page as the document describes it."""

    items: list[EventItem]
    position: int
    next_after: int


def stands_for(at: Clocks, position: int) -> dict[str, Any]:
    """The fields that say what an answer stands for, and where it was read."""
    return {
        "as_of": rfc3339(at.as_of),
        "known_at": rfc3339_or_none(at.known_at),
        "known_at_position": at.known,
        "settled": at.settled,
        "position": position,
    }


def times_as_text(kind: type[Struct], internal: Struct) -> dict[str, Any]:
    """The fields of a public Struct from those of its internal twin."""
    values = {name: getattr(internal, name) for name in kind.__struct_fields__}
    times = {name: rfc3339_or_none(at) for name, at in values.items() if name.endswith("_at")}
    return {**values, **times}
