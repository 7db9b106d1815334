"""Bringing in what a batch needs: receipts, streams and the movements it refers to."""

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.domain.commands import (
    ExpireHolds,
    PlaceReservation,
    RecordMovements,
    ResolveConflict,
    SaleVoid,
)
from ledger.domain.decisions import MovementId, Origin, origins, reads
from ledger.domain.events import HoldFulfilled, StockSold
from ledger.domain.outcomes import MovementsRecorded
from ledger.domain.streams import evolved, initial
from ledger.recorded import Recorded
from ledger.store.journal import Journal, Loaded
from ledger.store.mapper import Mapper
from ledger.submission import Submission
from ledger.working_set import SNAPSHOT_TOPIC, WorkingSet, decode_snapshot
from ledger.writer.receipts import Asked, Receipts, decode_outcome, digest

_READ_AT_ONCE: Final = (RecordMovements, PlaceReservation, ExpireHolds, ResolveConflict)


class Loader:
    """Fills the working set; usually in one round trip a batch."""

    def __init__(self, journal: Journal, world: WorkingSet, receipts: Receipts) -> None:
        """Read over a connection."""
        self._journal = journal
        self._world = world
        self._receipts = receipts
        self._mapper = Mapper()

    def load(self, asked: list[Asked]) -> None:
        """Bring in every receipt and stream that commands need."""
        wanted = self.wanted([one.submission for one in asked])
        self._receipts.were_read(self._fetch(self._receipts.unknown(asked), wanted))
        # What a change of a reservation reads besides it is known once the reservation is.
        again = [one.submission for one in asked if not isinstance(one.command, _READ_AT_ONCE)]
        while again and (wanted := self.wanted(again)):
            self._fetch((), wanted)
        for one in asked:
            command = one.command
            if type(command) is RecordMovements and any(
                type(movement) is SaleVoid for movement in command.movements
            ):
                self._load_origins(one.submission)

    def wanted(self, submissions: Iterable[Submission]) -> dict[str, None]:
        """The streams that commands read and that are not here, each once, in order."""
        wanted: dict[str, None] = {}
        world = self._world
        for submission in submissions:
            for stream in reads(submission.command, submission.principal, world):
                if stream not in wanted and not world.knows(stream):
                    wanted[stream] = None
        return wanted

    def versions(self, streams: Iterable[str]) -> dict[str, int]:
        """The last versions of streams that grew without being read."""
        return self._journal.versions(streams)

    def _fetch(self, commands: Iterable[bytes], streams: Sequence[str] | dict[str, None]) -> Loaded:
        stocks = [stream for stream in streams if stream.startswith("stock/")]
        others = [stream for stream in streams if not stream.startswith("stock/")]
        loaded = self._journal.load(commands, stocks, others, SNAPSHOT_TOPIC)
        for stream in (*stocks, *others):
            state, version, saved = initial(stream), 0, 0
            snapshot = loaded.snapshots.get(stream)
            if snapshot is not None:
                saved = version = snapshot.version
                state = decode_snapshot(snapshot.state, version)
            for row in loaded.events.get(stream, ()):
                assert row.version == version + 1, f"{stream} lacks version {version + 1}"
                state = evolved(state, self._mapper.body(row.topic, row.state).event)
                version = row.version
            self._world.put(stream, state, version, saved)
        return loaded

    def _load_origins(self, submission: Submission) -> None:
        for movement_id in origins(submission.command, submission.principal):
            if not self._world.knows_origin(movement_id):
                origin = self._find_origin(movement_id)
                if origin is not None:
                    self._world.put_origin(movement_id, origin)

    def _find_origin(self, movement_id: MovementId) -> Origin | None:
        """A recorded movement by its own receipt, or by its place in its batch's receipt."""
        owner, own = movement_id
        batch_id, _, place = own.rpartition("/")
        keys = {digest(owner, own): 0}
        if place.isdecimal() and len(place) <= 6:
            keys[digest(owner, batch_id)] = int(place)
        for key, receipt in self._journal.load(keys).receipts.items():
            outcome = decode_outcome(receipt.answer)
            if isinstance(outcome, MovementsRecorded) and keys[key] < len(outcome.results):
                return _origin(self._rows_of(own, outcome.results[keys[key]].position), own)
        return None

    def _rows_of(self, movement_id: str, first: int) -> list[Recorded]:
        """Everything one movement came to: it stands together, from its first position on."""
        rows: list[Recorded] = []
        while True:
            page = self._journal.rows(first - 1 + len(rows), first + 4 + len(rows))
            mine = [row for row in page if row.meta.movement_id == movement_id]
            rows += mine
            if not mine or len(mine) < len(page):
                return rows


def _origin(rows: list[Recorded], movement_id: str) -> Origin | None:
    """The sale that a few rows from its first position on record, or what else they record."""
    mine = [row for row in rows if row.meta.movement_id == movement_id]
    sold = [row.event for row in mine if isinstance(row.event, StockSold | HoldFulfilled)]
    if sold:
        quantity = sum(event.quantity for event in sold)
        return Origin(sold[0].stock_id, "sale", quantity, sold[0].occurred_at)
    for row in mine:
        stock_id = getattr(row.event, "stock_id", None)
        if stock_id is not None:
            kind = row.topic.split(".")[1]
            return Origin(stock_id, kind, 0, row.event.occurred_at)
    return None
