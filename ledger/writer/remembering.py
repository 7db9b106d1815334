"""Reading the past for a batch: movements that it refers to, and levels that counts ask for."""

from collections.abc import Iterable, Iterator
from typing import Final

from ledger.domain.decisions import MovementId, origins, parking, past_levels
from ledger.domain.events import AnyStockEvent, ConflictOpened, ConflictResolved
from ledger.domain.movement import origin_of
from ledger.domain.outcomes import MovementsRecorded, ReconciliationApproval
from ledger.domain.values import Instant
from ledger.recorded import Recorded
from ledger.store.journal import Journal
from ledger.store.mapper import Mapper
from ledger.submission import Submission
from ledger.working_set import WorkingSet
from ledger.writer.receipts import decode_outcome, digest

_ROWS_A_MOVEMENT: Final = 8
"""Read of each movement at once; one that broke many promises came to more."""

TAIL_ROWS_FIRST: Final = 16
"""Events in the first page of a stream read backwards: most late counts are minutes late."""

TAIL_ROWS_MAX: Final = 1_024
"""Events in a page at most, some 400 KB; pages double until then."""


class Unsettled(Exception):
    """A stream is read that a batch under way has changed: it can be once that is durable."""


class Rememberer:
    """Fills a working set's past from the ledger."""

    def __init__(self, journal: Journal, world: WorkingSet) -> None:
        """Read over a connection."""
        self._journal = journal
        self._world = world
        self._mapper = Mapper()

    # --- movements ----------------------------------------------------------------------------

    def load_origins(self, submissions: Iterable[Submission]) -> None:
        """Bring in the recorded movements that commands refer to, as far as there are any."""
        past = self._world.past
        looked_for: set[MovementId] = set()
        while missing := set(self._origins(submissions)) - past.known() - looked_for:
            looked_for |= missing
            places = self._positions(missing)
            runs = self._journal.runs(set(places.values()), _ROWS_A_MOVEMENT) if places else {}
            for key, first in places.items():
                rows = self._rows_of(key, first, runs.get(first, []))
                origin = origin_of([row.event for row in rows], key[1])
                if origin is not None:
                    past.put_origin(key, origin)

    def _origins(self, submissions: Iterable[Submission]) -> Iterator[MovementId]:
        for one in submissions:
            yield from origins(one.command, one.principal, self._world)

    def _positions(self, movements: set[MovementId]) -> dict[MovementId, int]:
        """Where movements begin: by their own receipts, or by their places in their batches'."""
        wanted: dict[bytes, list[tuple[MovementId, int]]] = {}
        for key in movements:
            owner, own = key
            batch_id, _, place = own.rpartition("/")
            wanted.setdefault(digest(owner, own), []).append((key, 0))
            if place.isdecimal() and len(place) <= 6:
                wanted.setdefault(digest(owner, batch_id), []).append((key, int(place)))
        found: dict[MovementId, int] = {}
        for receipt, receipted in self._journal.load(wanted).receipts.items():
            outcome = decode_outcome(receipted.answer)
            if isinstance(outcome, MovementsRecorded | ReconciliationApproval):
                for key, index in wanted[receipt]:
                    if index < len(outcome.results):
                        found[key] = outcome.results[index].position
        return found

    def _rows_of(self, key: MovementId, first: int, page: list[Recorded]) -> list[Recorded]:
        """Everything one movement came to: it stands together, from its first position on.

        `page` are the first rows there.
        """
        rows: list[Recorded] = []
        while True:
            mine = [row for row in page if _movement(row) == key]
            rows += mine
            if not mine or len(mine) < len(page):
                break
            after = first - 1 + len(rows)
            page = self._journal.rows(after, after + _ROWS_A_MOVEMENT)
        released = self._released(rows)
        if released is None:
            return rows
        return self._rows_of(key, released + 1, self._journal.rows(released, released + 1))

    def _released(self, rows: list[Recorded]) -> int | None:
        """Where the waiting of a movement ended, that began with these rows: what it came to
        stands right behind.
        """
        opened = rows[0].event if rows else None
        if not isinstance(opened, ConflictOpened) or opened.parked is None:
            return None
        stream = opened.stream
        for row in self._journal.load((), (), (stream,)).events.get(stream, ()):
            event = self._mapper.body(row.topic, row.state).event
            if isinstance(event, ConflictResolved) and event.resolution == parking.RELEASED:
                return row.position
        return None

    # --- levels -------------------------------------------------------------------------------

    def late_levels(self, submissions: Iterable[Submission]) -> dict[str, Instant]:
        """The stocks whose past is asked for, and since when: where anything happened since."""
        since: dict[str, Instant] = {}
        for one in submissions:
            for stock_id, at in past_levels(one.command, one.principal, self._world):
                stream = stock_id.stream
                since[stream] = min(at, since.get(stream, at))
        return since

    def load_tails(self, submissions: Iterable[Submission]) -> None:
        """Read streams backwards, each until nothing before can have happened later.

        Raises `Unsettled` where what is remembered is not durable yet.
        """
        world = self._world
        tails = self.late_levels(submissions)
        unread: dict[str, int] = {}
        backwards: dict[str, list[AnyStockEvent]] = {stream: [] for stream in tails}
        for stream, since in tails.items():
            stock = world.stock_of(stream)
            if stock.effective_at > since:
                unread[stream] = stock.version
        rows = TAIL_ROWS_FIRST
        while unread:
            pages = self._journal.tails(unread, rows)
            for stream, below in list(unread.items()):
                page = pages.get(stream, [])
                events: list[AnyStockEvent] = [
                    self._mapper.body(row.topic, row.state).event  # type: ignore[misc]
                    for row in page
                ]
                if not page or page[0].version != below:
                    raise Unsettled(f"{stream} lacks version {below}")
                backwards[stream] += events
                unread[stream] = page[-1].version - 1
                if events[-1].effective_at <= tails[stream] or unread[stream] == 0:
                    del unread[stream]
            rows = min(2 * rows, TAIL_ROWS_MAX)
        for stream, since in tails.items():
            world.past.put_tail(stream, since, reversed(backwards[stream]))


def _movement(row: Recorded) -> MovementId | None:
    """Which movement a row belongs to: ids are their reporters' own, two may use the same."""
    meta = row.meta
    if meta.movement_id is None:
        return None
    return MovementId(meta.owner or meta.actor, meta.movement_id)
