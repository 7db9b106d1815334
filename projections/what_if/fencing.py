"""What fences and limits of stocks were, from their few events: a start, and every change."""

from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from msgspec.structs import replace

from ledger.domain.events import (
    BackorderLimitSet,
    FenceGranted,
    FenceReturned,
    HoldConfirmed,
    HoldExtended,
    HoldsExpired,
)
from ledger.domain.values import Instant, stock_stream
from ledger.recorded import Recorded
from ledger.store.mapper import TOPICS, Mapper
from projections.batch import Batch
from projections.fences.projection import Changes, HoldChange, fold
from projections.instants import from_datetime
from projections.what_if.asked import Asking
from projections.what_if.policies import State
from projections.what_if.reading import Reader
from projections.what_if.sweep import Fenced, Happened

EVENTS_AT_ONCE: Final = 5_000
"""Of one stock: some tens of milliseconds to read."""

_MAPPER: Final = Mapper()
_TOPICS: Final = [
    TOPICS[kind]
    for kind in (FenceGranted, FenceReturned, BackorderLimitSet, HoldConfirmed, HoldExtended)
]


class Change(NamedTuple):
    """What happened at a position, which orders what happened at one instant."""

    position: int
    happened: Happened


def in_order(change: Change) -> tuple[Instant, int]:
    """The place of a change: in business time, then in the ledger."""
    return change.happened[0], change.position


async def changes_of_fences(
    asking: Asking, reader: Reader, state: State, sku: str, place: int
) -> list[Change]:
    """What happened to one stock's fences; what had happened by the start goes into its state."""
    found: list[Change] = []
    holds: dict[str, HoldChange] = {}
    async for recorded in _events(reader, stock_stream(state.location, sku)):
        for one in _each(recorded):
            changes = fold(Batch([one]))
            _remember(holds, changes)
            fenced = _fenced(changes, asking.question.channel)
            found.append(Change(one.position, (one.event.occurred_at, place, 0, 0, fenced)))
    for hold in holds.values():
        if hold.quantity > 0 and not hold.gone and hold.expires_at is not None:
            own = hold.channel == asking.question.channel
            back = Fenced(hold.quantity if own else 0, 0 if own else hold.quantity, None)
            position = asking.question.known + 1
            found.append(Change(position, (hold.expires_at, place, 0, 0, back)))
    later = []
    for change in sorted(found, key=in_order):
        at, *_, fact = change.happened
        if at <= asking.after:
            _begin(state, fact)
        elif at < asking.terms.until:
            later.append(change)
    return later


def _begin(state: State, fact: object) -> None:
    assert isinstance(fact, Fenced)
    state.own += fact.own
    state.others += fact.others
    state.limit = state.limit if fact.limit is None else fact.limit


async def _events(reader: Reader, stream: str) -> AsyncIterator[Recorded]:
    version = 0
    while True:
        rows = await reader.rows(
            "events_of_fences",
            stream=stream,
            version=version,
            topics=_TOPICS,
            limit=EVENTS_AT_ONCE,
        )
        for position, _, number, topic, body, recorded_at in rows:
            at = from_datetime(recorded_at)
            yield _MAPPER.recorded(position, stream, number, topic, body, at)
        if len(rows) < EVENTS_AT_ONCE:
            return
        version = rows[-1][2]


def _each(recorded: Recorded) -> list[Recorded]:
    """An event, or one for each hold of a sweep: they ran out at instants of their own."""
    event = recorded.event
    if not isinstance(event, HoldsExpired):
        return [recorded]
    return [
        replace(recorded, event=replace(event, occurred_at=hold.expired_at, holds=(hold,)))
        for hold in event.holds
    ]


def _fenced(changes: Changes, channel: str) -> Fenced:
    own = others = 0
    for (_, _, whose), change in changes.fences.items():
        if whose == channel:
            own += change.free
        else:
            others += change.free
    limit = None
    for units, _ in changes.limits.values():
        limit = units
    return Fenced(own, others, limit)


def _remember(holds: dict[str, HoldChange], changes: Changes) -> None:
    """What each hold has of a fence, and when it runs out."""
    for (_, _, reservation_id), change in changes.holds.items():
        hold = holds.setdefault(reservation_id, HoldChange())
        hold.channel = change.channel or hold.channel
        hold.quantity += change.quantity
        hold.expires_at = hold.expires_at if change.expires_at is None else change.expires_at
        hold.gone = hold.gone or change.gone
