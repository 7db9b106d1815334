"""Documents at any pair of clocks: their few events read again and folded as their view does.

A document's stream is short, so nothing of its past is stored beside it. What a projection brings
is a `Documents`: how to read the present, its own fold, and a list of keys in its usual order.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from msgspec import Struct

from ledger.domain.values import Instant
from ledger.recorded import Recorded
from ledger.store.mapper import Mapper
from projections.clocks import Asked, Clocks, at_present, clocks
from projections.cursors import BadCursor, decode, encode
from projections.instants import from_datetime
from projections.progress import DEFAULT_TIMEOUT_S, Pool, wait_for

WantedT = TypeVar("WantedT")
AnswerT = TypeVar("AnswerT")
Key: TypeAlias = Any
After: TypeAlias = tuple[int | str, ...]
"""A place in the order of a list: it never changes, whatever becomes of the document."""

NEWEST: Final[After] = (2**63 - 1,)
"""Before everything, in lists that begin with the newest."""

FOLDED_MAX: Final = 1_000
"""Documents folded for one page: as many as the longest page has."""

EVENTS_MAX: Final = 20_000
"""Events decoded for one page before it ends early: some 0.1 s of work."""

SCANNED_MAX: Final = 20_000
"""Keys looked at for one page; most of them cost no fold."""

CHUNK: Final = 100
"""Documents folded at a time: the events of so many are a few milliseconds' work."""

KEYS_MAX: Final = 2_000
"""Keys read at a time while none of them needs a fold."""

_MAPPER: Final = Mapper()
_EVENTS: Final = b"""
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0 and stream = any(%(streams)s) and position <= %(known)s {only}
 order by stream, version
"""


class One(Struct, Generic[AnswerT], frozen=True):
    """The document asked for, as it stands, if there is one, and where this was read."""

    answer: AnswerT | None
    position: int


class Some(Struct, Generic[AnswerT], frozen=True):
    """The first page of documents as they stand; `after` is where the next one begins."""

    items: list[AnswerT]
    position: int
    after: After | None


class Found(Struct, Generic[AnswerT], frozen=True):
    """A document at a pair of clocks, if there was one."""

    answer: AnswerT | None
    clocks: Clocks
    position: int


class Page(Struct, Generic[AnswerT], frozen=True):
    """Documents at a pair of clocks. There are more while there is a cursor, however many came."""

    items: list[AnswerT]
    clocks: Clocks
    position: int
    next_cursor: str | None


class Documents(Struct, Generic[WantedT, AnswerT], frozen=True, kw_only=True):
    """One kind of document: how the present is read, and how its events become an answer.

    `keys` is the statement of a list's candidates in its order: the columns of their place, the
    key, and whether it may match (said for sure only of rows nothing has changed since `known`).
    `one` is left out where they are only listed. `begins`: a document is there from its first
    event on, whatever is said to have come earlier.
    `only`: a condition on events, where most of a stream is about something else.
    """

    name: str
    projection: str
    first: After
    some: Callable[[Pool, WantedT, Instant, int], Awaitable[Some[AnswerT]]]
    streams: Callable[[Key], Sequence[str]]
    fold: Callable[[list[Recorded]], Mapping[Key, Any]]
    answer: Callable[[Any, Instant], AnswerT]
    keys: Callable[[WantedT], tuple[bytes, dict[str, Any]]]
    matches: Callable[[AnswerT, WantedT], bool]
    one: Callable[[Pool, str, Instant], Awaitable[One[AnswerT]]] | None = None
    named: Callable[[Mapping[Key, Any], Key], Any] = lambda states, key: states.get(key)
    begins: bool = True
    only: bytes = b""


class _Row(NamedTuple):
    """A candidate of a list: its place, its key, and whether it may be asked for at all."""

    after: After
    key: Key
    maybe: bool


class Place(Struct, frozen=True, array_like=True):
    """Where a page ended; the clocks stay the same on every page.

    `live`: the first page was of the present, so that a row unchanged since is the answer.
    """

    clocks: Clocks
    live: bool
    after: After


async def get(
    pool: Pool,
    kind: Documents[Any, AnswerT],
    key: str,
    asked: Asked,
    *,
    now: Instant,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Found[AnswerT]:
    """One document, at the clocks of a question."""
    if asked.present:
        assert kind.one is not None, f"{kind.name} are only listed"
        if asked.min_position:
            await wait_for(pool, kind.projection, asked.min_position, timeout_s)
        found = await kind.one(pool, key, now)
        return Found(found.answer, at_present(now, found.position), found.position)
    at = await clocks(pool, asked, kind.projection, now=now, timeout_s=timeout_s)
    reached = max(at.known, asked.min_position)
    position = await wait_for(pool, kind.projection, reached, timeout_s)
    state = kind.named(_states(kind, await _events(pool, kind, [key], at.known), at.as_of), key)
    return Found(None if state is None else kind.answer(state, at.as_of), at, position)


async def many(
    pool: Pool, kind: Documents[Any, AnswerT], keys: Sequence[Key], at: Clocks
) -> dict[Key, AnswerT]:
    """Those of some documents that there are, at clocks that have been settled already."""
    found: dict[Key, AnswerT] = {}
    for start in range(0, len(keys), CHUNK):
        some = keys[start : start + CHUNK]
        states = _states(kind, await _events(pool, kind, some, at.known), at.as_of)
        for key in some:
            state = kind.named(states, key)
            if state is not None:
                found[key] = kind.answer(state, at.as_of)
    return found


async def page(
    pool: Pool,
    kind: Documents[WantedT, AnswerT],
    wanted: WantedT,
    asked: Asked,
    *,
    now: Instant,
    cursor: str | None = None,
    limit: int = 100,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> Page[AnswerT]:
    """A page of documents at the clocks of a question; a cursor keeps those of the first page."""
    if cursor is not None:
        place = decode(cursor, Place, kind.name, wanted)
        if not place.clocks.fit(asked):
            raise BadCursor(BadCursor.__doc__)
    elif asked.present:
        return await _present(pool, kind, wanted, asked, now=now, limit=limit, timeout_s=timeout_s)
    else:
        at = await clocks(pool, asked, kind.projection, now=now, timeout_s=timeout_s)
        place = Place(at, live=False, after=kind.first)
    reached = max(place.clocks.known, asked.min_position)
    position = await wait_for(pool, kind.projection, reached, timeout_s)
    items, after = await _past(pool, kind, wanted, place, limit)
    following = None
    if after is not None:
        following = encode(Place(place.clocks, place.live, after), kind.name, wanted)
    return Page(items, place.clocks, position, following)


async def _present(
    pool: Pool,
    kind: Documents[WantedT, AnswerT],
    wanted: WantedT,
    asked: Asked,
    *,
    now: Instant,
    limit: int,
    timeout_s: float,
) -> Page[AnswerT]:
    if asked.min_position:
        await wait_for(pool, kind.projection, asked.min_position, timeout_s)
    some = await kind.some(pool, wanted, now, limit)
    at = at_present(now, some.position)
    following = None
    if some.after is not None:
        following = encode(Place(at, live=True, after=some.after), kind.name, wanted)
    return Page(some.items, at, some.position, following)


async def _past(
    pool: Pool, kind: Documents[WantedT, AnswerT], wanted: WantedT, place: Place, limit: int
) -> tuple[list[AnswerT], After | None]:
    """Items that match, and where to go on; fewer than asked for where many did not match."""
    items: list[AnswerT] = []
    after, size, folded, scanned, decoded = place.after, min(CHUNK, limit + 1), 0, 0, 0
    while folded < FOLDED_MAX and scanned < SCANNED_MAX and decoded < EVENTS_MAX:
        rows = await _keys(pool, kind, wanted, place, after, size)
        maybe = [row.key for row in rows if row.maybe]
        events = await _events(pool, kind, maybe, place.clocks.known)
        states = _states(kind, events, place.clocks.as_of)
        for row in rows:
            after = row.after
            state = states.get(row.key)
            answer = None if state is None else kind.answer(state, place.clocks.as_of)
            if answer is None or not kind.matches(answer, wanted):
                continue
            items.append(answer)
            if len(items) == limit:
                ended = row is rows[-1] and len(rows) < size
                return items, None if ended else after
        if len(rows) < size:
            return items, None
        folded, scanned, decoded = folded + len(maybe), scanned + size, decoded + len(events)
        size = min(2 * size, CHUNK if maybe else KEYS_MAX)
    return items, after


async def _keys(
    pool: Pool,
    kind: Documents[WantedT, Any],
    wanted: WantedT,
    place: Place,
    after: After,
    limit: int,
) -> list[_Row]:
    """Some keys of documents that had begun by what was known, in the order of the list."""
    statement, parameters = kind.keys(wanted)
    pins = {"known": place.clocks.known, "live": place.live, "limit": limit}
    begin = {f"after_{number}": part for number, part in enumerate(after)}
    async with pool.connection() as connection:
        cursor = await connection.execute(statement, {**parameters, **pins, **begin}, prepare=False)
        rows = await cursor.fetchall()
    end = len(after)
    return [
        _Row(row[:end], row[end] if len(row) == end + 2 else row[end:-1], row[-1]) for row in rows
    ]


async def _events(
    pool: Pool, kind: Documents[Any, Any], keys: Iterable[Key], known: int
) -> list[Recorded]:
    """Everything that was known of some documents, stream by stream."""
    streams = list({stream for key in keys for stream in kind.streams(key)})
    if not streams:
        return []
    async with pool.connection() as connection:
        cursor = await connection.execute(
            _EVENTS.replace(b"{only}", kind.only),
            {"streams": streams, "known": known},
            prepare=False,
            binary=True,
        )
        rows = await cursor.fetchall()
    return [
        _MAPPER.recorded(position, stream, version, topic, state, from_datetime(at))
        for position, stream, version, topic, state, at in rows
    ]


def _states(kind: Documents[Any, Any], events: list[Recorded], as_of: Instant) -> Mapping[Key, Any]:
    """What had happened by `as_of`, folded in ledger order as the live table is."""
    happened = [one for one in events if one.event.occurred_at <= as_of]
    if kind.begins:
        begun = {one.stream for one in happened if one.version == 1}
        happened = [one for one in happened if one.stream in begun]
    return kind.fold(happened)
