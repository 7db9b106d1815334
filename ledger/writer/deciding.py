"""Deciding a batch: each command in turn, against the working set, with its receipt."""

import logging
import re
from collections.abc import Callable
from typing import Final

from ledger.clock import Clock
from ledger.domain.commands import ResolveConflict
from ledger.domain.decisions import (
    Cause,
    Context,
    Effect,
    decide,
    instants_of,
    movement_id_of,
    plain_movement,
    reads,
)
from ledger.domain.decisions.facts import plain
from ledger.domain.events import AnyEvent
from ledger.domain.outcomes import MovementResult, MovementsRecorded, Outcome
from ledger.domain.refusals import IdempotencyConflict, Malformed, Refusal
from ledger.domain.values import MICROSECONDS_PER_MILLISECOND, Instant, stock_stream
from ledger.recorded import Meta
from ledger.settings import Settings
from ledger.store.journal import Batch, Journal
from ledger.store.mapper import TOPICS, Mapper
from ledger.submission import Accepted, CommandFailed, Reply, Submission
from ledger.working_set import WorkingSet
from ledger.writer.lanes import Waiting
from ledger.writer.loading import Loader
from ledger.writer.receipts import Asked, Receipts, digest, encode, fingerprint

__all__ = ["Decided", "Decider", "digest"]

log = logging.getLogger(__name__)

_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000").search  # Escaped, but not escaped itself.


class Decided:
    """A batch ready to be appended: its rows, what it expects, and the replies it will earn."""

    __slots__ = (
        "batch",
        "expected",
        "instant",
        "movements",
        "replies",
        "size",
        "stopped",
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
        self.stopped: set[str] = set()  # Streams an assertion failed on.

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
        self._mapper = Mapper()
        self.world = WorkingSet(
            settings.cache_bytes_max,
            settings.snapshot_every_events,
            strict=settings.catalog == "strict",
        )
        self.instant: Instant = 0
        self.stopped: set[str] = set()  # Streams an assertion failed on in this term.
        self._stopped_before: set[str] = set()  # Those of them whose batches were kept.
        self._receipts = Receipts()
        self._loader = Loader(journal, self.world, self._receipts)
        self._skew_max = settings.clock_skew_max_ms * MICROSECONDS_PER_MILLISECOND

    def begin(self, head: int, instant: Instant) -> None:
        """Start from the ledger as it is, remembering nothing but which streams are stopped.

        What stopped in a batch that was not kept is decided again, and stops again if it must.
        """
        self.world.clear(head)
        use = self.world.catalog
        use.consulted = use.consulted or self._loader.anything_defined()
        self.world.binding |= self._loader.binding_channels()
        self.instant = max(self.instant, instant)
        self._receipts.clear()
        self.stopped = set(self._stopped_before)

    def resume(self) -> None:
        """Let every stream go on: a new term, or what broke may have been a wrong picture."""
        self._stopped_before.clear()
        self.stopped.clear()

    def decide(self, waiting: list[Waiting]) -> tuple[Decided, list[Waiting]]:
        """Decide commands in order; returns the batch and those that no longer fitted in.

        Raises `Unsettled`, with nothing decided, where a batch under way must be durable first.
        """
        asked = [Asked(one) for one in waiting]
        self._loader.load(asked)
        decided = Decided(self.world.head)
        bytes_max = self._settings.batch_bytes_max
        taken, use = 0, self.world.catalog
        definitions = use.definitions
        for one in asked:
            if decided.size >= bytes_max or use.definitions != definitions:
                break  # What was loaded for those behind a definition may not be what they need.
            if taken and self._loader.lacks(one.submission):
                break
            decided.replies.append(self._reply(one, decided))
            taken += 1
        self.world.past.forget_tails()
        decided.waiting = waiting[:taken]
        self._finish(decided)
        return decided, waiting[taken:]

    # --- one command --------------------------------------------------------------------------

    def _reply(self, asked: Asked, decided: Decided) -> Reply:
        """What a command gets, provided that its batch is appended."""
        mark = asked.mark
        before = self._receipts.get(asked.key)
        if before is not None:
            if before[0] != mark:
                return IdempotencyConflict(asked.submission.command_id)
            return Accepted(before[1], replayed=True)
        recorded: dict[int, MovementResult] = {}
        if asked.items:
            try:
                self._check_ids(asked)
                recorded = self._recorded_items(asked)
            except Refusal as refusal:
                return refusal
        # Also a refused command uses its instants up: the stocks it read have come that far.
        now = max(self._clock.now(), self.instant + 1)
        self.instant = now + instants_of(asked.command) - 1
        reply: Reply | None = None
        if not recorded and not self.stopped:
            reply = self._record_plain(asked.submission, now, decided)
        if reply is None:
            reply = self._decide(asked.submission, now, recorded, decided)
        if type(reply) is Accepted:
            self._receipt(asked.key, mark, reply.outcome, decided)
            if asked.items:
                self._receipts_of_items(asked, reply.outcome, decided)
        return reply

    def _record_plain(
        self, submission: Submission, now: Instant, decided: Decided
    ) -> Accepted | None:
        """Nearly every fact in one go: once it is taken in, nothing can fail.

        None, and nothing happened, where it takes a closer look; or where something broke, which
        then breaks again where that is dealt with.
        """
        world = self.world
        movement = plain_movement(submission.command, world)
        if movement is None:
            return None
        stream = stock_stream(movement.location, movement.sku)
        movement_id = movement_id_of(submission.command_id, 0, movement.movement_id)
        try:
            stock = world.stock_of(stream)
            found = plain(movement, movement_id, stock, world.head, now)
            if found is None:
                return None
            event, cause, result = found
            state = self._mapper.encode(_meta(submission, cause), event)
            if b"\\u0000" in state and _NUL(state):
                return None
            world.take_plain(stream, event, submission.principal, movement_id)
        except Exception:
            log.warning("a plain fact takes a closer look", exc_info=True)
            return None
        _add(decided, stream, stock.version, event, state)
        decided.movements += 1
        return Accepted(MovementsRecorded(position=result.position, results=(result,)))

    def _decide(
        self,
        submission: Submission,
        now: Instant,
        recorded: dict[int, MovementResult],
        decided: Decided,
    ) -> Reply:
        world = self.world
        command = submission.command
        context = Context(
            submission.principal,
            submission.command_id,
            submission.source,
            recorded,
            self._skew_max,
        )
        rows = len(decided.batch.streams)
        world.begin()
        meta: Meta | None = None
        cause: Cause | None = None
        try:
            if self.stopped:
                self._refuse_stopped(submission)
            decision = decide(command, world, now, context)
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
        except (Refusal, CommandFailed) as refusal:
            self._undo(decided, rows)
            return refusal
        except Exception as mistake:  # Ours: this command and its stocks stop, nothing else does.
            log.exception("a decision broke", extra={"command_id": submission.command_id})
            self._undo(decided, rows)
            broken = set(reads(command, submission.principal, world))
            self.stopped |= broken
            decided.stopped |= broken
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
        _add(decided, stream, version, effect.event, state)

    def _undo(self, decided: Decided, rows: int) -> None:
        self.world.rollback()
        batch = decided.batch
        decided.size -= sum(map(len, batch.states[rows:]))
        for column in (batch.streams, batch.versions, batch.topics, batch.states):
            del column[rows:]

    def _receipt(self, key: bytes, mark: bytes, outcome: Outcome, decided: Decided) -> None:
        batch = decided.batch
        batch.commands.append(key)
        batch.fingerprints.append(mark)
        batch.positions.append(self.world.head)
        answer = encode(outcome)
        batch.answers.append(answer)
        decided.size += len(answer)
        self._receipts.keep(key, mark, outcome)

    def _receipts_of_items(self, asked: Asked, outcome: Outcome, decided: Decided) -> None:
        """A receipt for each movement with an id of its own, unless it had one before."""
        assert isinstance(outcome, MovementsRecorded)
        for index, movement, key in asked.items:
            result = outcome.results[index]
            if key != asked.key and not result.replayed:
                alone = MovementsRecorded(position=result.position, results=(result,))
                self._receipt(key, fingerprint(movement), alone, decided)

    def _check_ids(self, asked: Asked) -> None:
        """Refuse ids that name another movement: one of this command, or of its call's key."""
        if len(asked.items) > 1 and len({item.key for item in asked.items}) < len(asked.items):
            raise Malformed("$.movements", "two movements have the same movement_id")
        call = None if asked.call is None else self._receipts.get(asked.call)
        if call is None:
            return
        outcome = call[1]
        if not isinstance(outcome, MovementsRecorded) or len(outcome.results) != 1:
            # The call's key was used for a whole: its parts go by the same names.
            raise IdempotencyConflict(asked.submission.command_id.rpartition("/")[0])

    def _recorded_items(self, asked: Asked) -> dict[int, MovementResult]:
        """Movements of a batch that were recorded before, under ids of their own."""
        found: dict[int, MovementResult] = {}
        for index, movement, key in asked.items:
            before = None if key == asked.key else self._receipts.get(key)
            if before is None:
                continue
            if before[0] != fingerprint(movement):
                conflict = IdempotencyConflict(movement.movement_id or "")
                conflict.stands_at(f"$.movements[{index}]")
                raise conflict
            assert isinstance(before[1], MovementsRecorded)
            found[index] = before[1].results[0]
        return found

    # --- a whole batch ------------------------------------------------------------------------

    def _finish(self, decided: Decided) -> None:
        """Settle versions counted from unread streams, and what the batch touched."""
        batch = decided.batch
        decided.instant = self.instant
        decided.touched.update(batch.streams)
        if batch.versions and min(batch.versions) < 0:
            counted = {s for s, v in zip(batch.streams, batch.versions, strict=True) if v < 0}
            known = self._loader.versions(counted)
            for index, (stream, version) in enumerate(
                zip(batch.streams, batch.versions, strict=True)
            ):
                if version < 0:
                    batch.versions[index] = known[stream] - version
            self.world.settle_versions(known)
        self.world.measure(decided.touched)

    def unread(self, waiting: list[Waiting], touched: Callable[[], set[str]]) -> bool:
        """Whether commands need streams that a batch under way has touched but nobody has read.

        Only conflicts grow unread, and only their resolution reads them.
        """
        resolutions = [
            one.submission for one in waiting if type(one.submission.command) is ResolveConflict
        ]
        return bool(resolutions) and not touched().isdisjoint(self._loader.wanted(resolutions))

    def settled(self, decided: Decided) -> None:
        """A batch is durable: its receipts can be read, its streams may leave the cache."""
        self._receipts.settled(decided.batch.commands)
        self._stopped_before |= decided.stopped


def _add(decided: Decided, stream: str, version: int, event: AnyEvent, state: bytes) -> None:
    batch = decided.batch
    batch.streams.append(stream)
    batch.versions.append(version)
    batch.topics.append(TOPICS[type(event)])
    batch.states.append(state)
    decided.size += len(state)


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
        stated=cause.stated,
        owner=cause.owner,
    )
