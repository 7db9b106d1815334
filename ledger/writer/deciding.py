"""Deciding a batch: look receipts up, load what is missing, decide each command in turn."""

import logging
import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, Final

import msgspec

from ledger.clock import Clock
from ledger.domain.commands import (
    ExpireHolds,
    PlaceReservation,
    RecordMovements,
    ResolveConflict,
)
from ledger.domain.decisions import (
    Cause,
    Context,
    Effect,
    MovementId,
    Origin,
    decide,
    instants_of,
    origins,
    reads,
)
from ledger.domain.events import HoldFulfilled, StockSold
from ledger.domain.outcomes import MovementResult, MovementsRecorded, Outcome
from ledger.domain.refusals import IdempotencyConflict, Malformed, Refusal
from ledger.domain.values import MICROSECONDS_PER_MILLISECOND, Instant
from ledger.recorded import Meta, Recorded
from ledger.settings import Settings
from ledger.store.journal import Batch, Journal, Loaded
from ledger.store.mapper import TOPICS, Mapper
from ledger.submission import Accepted, CommandFailed, Reply, Submission
from ledger.working_set import (
    SNAPSHOT_TOPIC,
    WorkingSet,
    decode_snapshot,
    evolved,
    initial,
)
from ledger.writer.lanes import Waiting

log = logging.getLogger(__name__)

_READ_AT_ONCE: Final = (RecordMovements, PlaceReservation, ExpireHolds, ResolveConflict)
_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000").search  # Escaped, but not escaped itself.
_HASH_VERSION: Final = b"\x01"
_encode = msgspec.json.Encoder().encode
_decode_outcome = msgspec.json.Decoder(Outcome).decode


def digest(principal: str, command_id: str) -> bytes:
    """The key of a receipt: an idempotency key in the name space of its principal."""
    return blake2b(f"{principal}\0{command_id}".encode(), digest_size=16).digest()


def fingerprint(payload: Any) -> bytes:
    """Hash version and hash of what the client asked for: the same request, the same bytes."""
    return _HASH_VERSION + blake2b(_encode(payload), digest_size=16).digest()


class Known:
    """A receipt of a command whose batch may still be under way."""

    __slots__ = ("fingerprint", "outcome")

    def __init__(self, mark: bytes, outcome: Outcome) -> None:
        """Remember what was asked and what was answered."""
        self.fingerprint = mark
        self.outcome = outcome


class Decided:
    """A batch ready to be appended: its rows, what it expects, and the replies it will earn."""

    __slots__ = (
        "batch",
        "expected",
        "instant",
        "movements",
        "replies",
        "size",
        "touched",
        "waiting",
    )

    def __init__(self, expected: int) -> None:
        """Start after a position of the ledger."""
        self.batch = Batch.empty()
        self.expected = expected
        self.instant: Instant = 0
        self.size = 0
        self.movements = 0
        self.waiting: list[Waiting] = []
        self.replies: list[Reply] = []
        self.touched: set[str] = set()

    @property
    def writes(self) -> bool:
        """Whether there is anything to append."""
        return bool(self.batch.commands)


class Decider:
    """Turns submissions into a batch against the working set."""

    def __init__(self, settings: Settings, clock: Clock, journal: Journal) -> None:
        """Decide with a clock, loading over a connection of its own."""
        self._settings = settings
        self._clock = clock
        self._journal = journal
        self._mapper = Mapper()
        self.world = WorkingSet(settings.cache_bytes_max, settings.snapshot_every_events)
        self.instant: Instant = 0
        self.stopped: set[str] = set()  # Streams an assertion failed on.
        self._known: dict[bytes, Known] = {}
        self._skew_max = settings.clock_skew_max_ms * MICROSECONDS_PER_MILLISECOND

    def begin(self, head: int, instant: Instant) -> None:
        """Start from the ledger as it is, remembering nothing."""
        self.world.clear(head)
        self.instant = max(self.instant, instant)
        self._known.clear()
        self.stopped.clear()

    def decide(self, waiting: list[Waiting]) -> tuple[Decided, list[Waiting]]:
        """Decide commands in order; returns the batch and those that no longer fitted in."""
        keys = [digest(w.submission.principal, w.submission.command_id) for w in waiting]
        receipts = self._load(waiting, keys)
        decided = Decided(self.world.head)
        bytes_max = self._settings.batch_bytes_max
        for index, (one, key) in enumerate(zip(waiting, keys, strict=True)):
            if decided.size >= bytes_max:
                self._finish(decided)
                return decided, waiting[index:]
            decided.waiting.append(one)
            decided.replies.append(self._reply(one.submission, key, receipts, decided))
        self._finish(decided)
        return decided, []

    # --- one command --------------------------------------------------------------------------

    def _reply(
        self, submission: Submission, key: bytes, receipts: Loaded, decided: Decided
    ) -> Reply:
        """What a command gets, provided that its batch is appended."""
        mark = mark_of(submission)
        before = self._before(key, receipts)
        if before is not None:
            if before.fingerprint != mark:
                return IdempotencyConflict(submission.command_id)
            return Accepted(before.outcome, replayed=True)
        try:
            recorded = self._recorded_items(submission, key, receipts)
        except IdempotencyConflict as refusal:
            return refusal
        reply = self._decide(submission, recorded, decided)
        if isinstance(reply, Accepted):
            self._keep(submission, key, mark, reply.outcome, decided)
        return reply

    def _decide(
        self, submission: Submission, recorded: dict[int, MovementResult], decided: Decided
    ) -> Reply:
        world = self.world
        command = submission.command
        context = Context(submission.principal, submission.command_id, recorded, self._skew_max)
        now = max(self._clock.now(), self.instant + 1)
        # Also a refused command uses its instants up: the stocks it read have come that far.
        self.instant = now + instants_of(command) - 1
        batch = decided.batch
        rows = len(batch.streams)
        world.begin()
        decision = decide(command, world, now, context)
        meta: Meta | None = None
        cause: Cause | None = None
        try:
            if self.stopped:
                self._refuse_stopped(submission)
            while True:
                effect = next(decision)
                if effect.cause is not cause or meta is None:
                    cause = effect.cause
                    meta = _meta(submission, cause)
                self._record(effect, meta, submission.principal, decided)
        except StopIteration as end:
            world.commit()
            decided.movements += instants_of(command)
            return Accepted(end.value)
        except Refusal as refusal:
            self._undo(decided, rows)
            return refusal
        except CommandFailed as failure:
            self._undo(decided, rows)
            return failure
        except Exception as mistake:  # Ours: this command and its stocks stop, nothing else does.
            log.exception("a decision broke", extra={"command_id": submission.command_id})
            self._undo(decided, rows)
            self.stopped.update(reads(command, submission.principal, world))
            return CommandFailed(f"{type(mistake).__name__}: {mistake}")

    def _refuse_stopped(self, submission: Submission) -> None:
        streams = reads(submission.command, submission.principal, self.world)
        found = self.stopped.intersection(streams)
        if found:
            raise CommandFailed(f"{min(found)} is stopped after a failed assertion")

    def _record(self, effect: Effect, meta: Meta, owner: str, decided: Decided) -> None:
        stream, version = self.world.take(effect, owner)
        state = self._mapper.encode(meta, effect.event)
        if b"\\u0000" in state and _NUL(state):
            # The door refuses it; past the door it would stop every reader with a text column.
            raise Malformed("$", "no text may hold the character U+0000")
        batch = decided.batch
        batch.streams.append(stream)
        batch.versions.append(version)
        batch.topics.append(TOPICS[type(effect.event)])
        batch.states.append(state)
        decided.size += len(state)

    def _undo(self, decided: Decided, rows: int) -> None:
        self.world.rollback()
        batch = decided.batch
        decided.size -= sum(map(len, batch.states[rows:]))
        for column in (batch.streams, batch.versions, batch.topics, batch.states):
            del column[rows:]

    def _keep(
        self,
        submission: Submission,
        key: bytes,
        mark: bytes,
        outcome: Outcome,
        decided: Decided,
    ) -> None:
        """Write the command's receipt, and one for each movement with an id of its own."""
        self._receipt(key, mark, outcome, decided)
        command = submission.command
        if not isinstance(command, RecordMovements) or not isinstance(outcome, MovementsRecorded):
            return
        for movement, result in zip(command.movements, outcome.results, strict=True):
            if movement.movement_id is None or result.replayed:
                continue
            item = digest(submission.principal, movement.movement_id)
            if item != key:
                alone = MovementsRecorded(position=result.position, results=(result,))
                self._receipt(item, fingerprint(movement), alone, decided)

    def _receipt(self, key: bytes, mark: bytes, outcome: Outcome, decided: Decided) -> None:
        batch = decided.batch
        batch.commands.append(key)
        batch.fingerprints.append(mark)
        batch.positions.append(self.world.head)
        answer = _encode(outcome)
        batch.answers.append(answer)
        decided.size += len(answer)
        self._known[key] = Known(mark, outcome)

    # --- receipts -----------------------------------------------------------------------------

    def _before(self, key: bytes, receipts: Loaded) -> Known | None:
        known = self._known.get(key)
        if known is not None:
            return known
        receipt = receipts.receipts.get(key)
        return (
            None if receipt is None else Known(receipt.fingerprint, _decode_outcome(receipt.answer))
        )

    def _recorded_items(
        self, submission: Submission, key: bytes, receipts: Loaded
    ) -> dict[int, MovementResult]:
        """Movements of a batch that were recorded before, under ids of their own."""
        command = submission.command
        found: dict[int, MovementResult] = {}
        if not isinstance(command, RecordMovements):
            return found
        for index, movement in enumerate(command.movements):
            if movement.movement_id is None:
                continue
            item = digest(submission.principal, movement.movement_id)
            before = None if item == key else self._before(item, receipts)
            if before is None:
                continue
            if before.fingerprint != fingerprint(movement):
                raise IdempotencyConflict(movement.movement_id)
            assert isinstance(before.outcome, MovementsRecorded)
            found[index] = before.outcome.results[0]
        return found

    # --- loading ------------------------------------------------------------------------------

    def _load(self, waiting: list[Waiting], keys: list[bytes]) -> Loaded:
        """Bring in every receipt and stream the commands need; usually one round trip."""
        commands = {key for key in keys if key not in self._known}
        for one in waiting:
            if isinstance(one.submission.command, RecordMovements):
                commands.update(_item_keys(one.submission))
        found = self._fetch(commands, self._wanted(waiting))
        # What a change of a reservation reads besides it is known once the reservation is.
        again = [w for w in waiting if not isinstance(w.submission.command, _READ_AT_ONCE)]
        while again and (wanted := self._wanted(again)):
            self._fetch((), wanted)
        self._load_origins(waiting)
        return found

    def _wanted(self, waiting: list[Waiting]) -> dict[str, None]:
        """The streams that commands read and that are not here, each once, in order."""
        wanted: dict[str, None] = {}
        world = self.world
        for one in waiting:
            submission = one.submission
            for stream in reads(submission.command, submission.principal, world):
                if stream not in wanted and not world.knows(stream):
                    wanted[stream] = None
        return wanted

    def _fetch(self, commands: Iterable[bytes], streams: Iterable[str]) -> Loaded:
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
            self.world.put(stream, state, version, saved)
        return loaded

    def _load_origins(self, waiting: list[Waiting]) -> None:
        for one in waiting:
            for movement_id in origins(one.submission.command, one.submission.principal):
                if not self.world.knows_origin(movement_id):
                    origin = self._find_origin(movement_id)
                    if origin is not None:
                        self.world.put_origin(movement_id, origin)

    def _find_origin(self, movement_id: MovementId) -> Origin | None:
        """A recorded movement by its own receipt, or by its place in its batch's receipt."""
        owner, own = movement_id
        batch_id, _, place = own.rpartition("/")
        keys = {digest(owner, own): 0}
        if place.isdecimal() and len(place) <= 6:
            keys[digest(owner, batch_id)] = int(place)
        for key, receipt in self._journal.load(keys).receipts.items():
            outcome = _decode_outcome(receipt.answer)
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

    def _finish(self, decided: Decided) -> None:
        """Settle versions counted from unread streams, and what the batch touched."""
        batch = decided.batch
        decided.instant = self.instant
        decided.touched.update(batch.streams)
        counted = {s for s, v in zip(batch.streams, batch.versions, strict=True) if v < 0}
        if counted:
            known = self._journal.versions(counted)
            for index, (stream, version) in enumerate(
                zip(batch.streams, batch.versions, strict=True)
            ):
                if version < 0:
                    batch.versions[index] = known[stream] - version
            self.world.settle_versions(known)

    def unread(self, waiting: list[Waiting], touched: set[str]) -> bool:
        """Whether commands need streams that a batch under way has touched but nobody has read.

        Only conflicts grow unread, and only their resolution reads them.
        """
        resolutions = [w for w in waiting if isinstance(w.submission.command, ResolveConflict)]
        return bool(resolutions) and not touched.isdisjoint(self._wanted(resolutions))

    def settled(self, decided: Decided) -> None:
        """A batch is durable: its receipts can be read, its streams may leave the cache."""
        for command in decided.batch.commands:
            self._known.pop(command, None)


def _meta(submission: Submission, cause: Cause) -> Meta:
    return Meta(
        instant=cause.instant,
        actor=submission.principal,
        source=cause.source or submission.source,
        reason=cause.reason,
        correlation_id=submission.correlation_id,
        command_id=submission.command_id,
        movement_id=cause.movement_id,
        reference=cause.reference,
        claimed_at=cause.claimed_at,
    )


def mark_of(submission: Submission) -> bytes:
    """A command's fingerprint. A movement under its own id is the same alone and in a batch."""
    command = submission.command
    if isinstance(command, RecordMovements) and len(command.movements) == 1:
        movement = command.movements[0]
        if movement.movement_id == submission.command_id:
            return fingerprint(movement)
    return fingerprint(command)


def _item_keys(submission: Submission) -> Iterator[bytes]:
    command = submission.command
    assert isinstance(command, RecordMovements)
    for movement in command.movements:
        if movement.movement_id is not None:
            yield digest(submission.principal, movement.movement_id)


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
