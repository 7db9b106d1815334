"""Bringing in what a batch needs: receipts, streams and the movements it refers to."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, get_args

from ledger.domain.commands import (
    AnyCountCommand,
    AnyReturnCommand,
    AnyTransferCommand,
    ApproveReconciliation,
    ExpireHolds,
    PlaceReservation,
    RecordMovements,
    RecordReconciliation,
)
from ledger.domain.decisions import looks_back, past_levels, reads
from ledger.domain.events import ChannelDefined
from ledger.domain.streams import evolved, initial
from ledger.store.journal import Journal, Loaded
from ledger.store.mapper import Mapper
from ledger.submission import Submission
from ledger.working_set import SNAPSHOT_TOPIC, WorkingSet, decode_snapshot
from ledger.writer.receipts import Asked, Receipts, mark_of
from ledger.writer.remembering import Rememberer

_READ_AT_ONCE: Final = frozenset({RecordMovements, PlaceReservation, ExpireHolds})
_OF_DOCUMENTS: Final = frozenset(
    {
        *get_args(AnyTransferCommand),
        *get_args(AnyReturnCommand),
        *get_args(AnyCountCommand),
        RecordReconciliation,
        ApproveReconciliation,
    }
)


class Loader:
    """Fills the working set; usually in one round trip a batch."""

    def __init__(self, journal: Journal, world: WorkingSet, receipts: Receipts) -> None:
        """Read over a connection."""
        self._journal = journal
        self._world = world
        self._receipts = receipts
        self._mapper = Mapper()
        self._rememberer = Rememberer(journal, world)

    def load(self, asked: list[Asked]) -> None:
        """Bring in every receipt and stream that commands need, and what they need of the past.

        The commands' fingerprints are worked out while the database looks for the first of it.
        Raises `Unsettled` where that is not durable yet.
        """
        self._world.past.forget_tails()
        wanted = self.wanted([one.submission for one in asked])
        keys = self._receipts.unknown(asked)
        self._receipts.were_read(self._fetch(keys, wanted, partial(_mark, asked)))
        # What a change of a reservation reads besides it is known once the reservation is.
        # So is, under which code a SKU is kept, once its definition is.
        folding = self._world.catalog.folding
        again = [
            one.submission for one in asked if folding or type(one.command) not in _READ_AT_ONCE
        ]
        while again and (wanted := self.wanted(again)):
            self._fetch((), wanted)
        back = [one.submission for one in asked if looks_back(one.command)]
        if back:
            self._rememberer.load_origins(back)
            # Which order a sale was for is known once the sale is.
            if wanted := self.wanted(back):
                self._fetch((), wanted)
            self._rememberer.load_tails(back)

    def wanted(self, submissions: Iterable[Submission]) -> dict[str, None]:
        """The streams that commands read and that are not here, each once, in order."""
        wanted: dict[str, None] = {}
        world = self._world
        for submission in submissions:
            for stream in reads(submission.command, submission.principal, world):
                if stream not in wanted and not world.knows(stream):
                    wanted[stream] = None
        return wanted

    def lacks(self, submission: Submission) -> bool:
        """Whether a command names more by now than was loaded for it.

        So it is where its document was begun, or went on, earlier in the same batch.
        """
        if type(submission.command) not in _OF_DOCUMENTS:
            return False
        if self.wanted((submission,)):
            return True
        tails = self._world.past.tails
        asked = past_levels(submission.command, submission.principal, self._world)
        return any(
            stock_id.stream not in tails or tails[stock_id.stream].since > at
            for stock_id, at in asked
        )

    def anything_defined(self) -> bool:
        """Whether the ledger holds a definition of a SKU or a location."""
        return self._journal.anything_defined()

    def binding_channels(self) -> set[str]:
        """Channels whose rules bind promises."""
        return {
            event.channel
            for event in self._journal.channels()
            if isinstance(event, ChannelDefined) and event.rules.binding
        }

    def versions(self, streams: Iterable[str]) -> dict[str, int]:
        """The last versions of streams that grew without being read."""
        return self._journal.versions(streams)

    def _fetch(
        self,
        commands: Iterable[bytes],
        streams: dict[str, None],
        meanwhile: Callable[[], object] | None = None,
    ) -> Loaded:
        stocks: list[str] = []
        others: list[str] = []
        for stream in streams:
            (stocks if stream.startswith("stock/") else others).append(stream)
        loaded = self._journal.load(commands, stocks, others, SNAPSHOT_TOPIC, meanwhile)
        if not loaded.events and not loaded.snapshots:
            for stream in streams:  # New ones, nearly always: reservations of this batch.
                self._world.put(stream, initial(stream), 0)
            return loaded
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


def _mark(asked: list[Asked]) -> None:
    for one in asked:
        one.mark = mark_of(one)
