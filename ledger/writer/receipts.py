"""Recognising a command that was accepted before: keys, fingerprints and recorded answers."""

from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from ledger.domain.commands import (
    AnyCommand,
    AnyMovement,
    RecordMovements,
    RecordReconciliation,
)
from ledger.domain.outcomes import Outcome
from ledger.store.journal import Loaded
from ledger.submission import Submission
from ledger.writer.lanes import Waiting

_HASH_VERSION: Final = b"\x01"

encode: Final = msgspec.json.Encoder().encode
decode_outcome: Final = msgspec.json.Decoder(Outcome).decode


def digest(principal: str, command_id: str) -> bytes:
    """The key of a receipt: an idempotency key in the name space of its principal."""
    return blake2b(f"{principal}\0{command_id}".encode(), digest_size=16).digest()


def fingerprint(payload: Any) -> bytes:
    """Hash version and hash of what the client asked for: the same request, the same bytes."""
    return _HASH_VERSION + blake2b(encode(payload), digest_size=16).digest()


class Item(NamedTuple):
    """A movement with an idempotency id of its own: its place in the command, and its key."""

    place: int
    movement: AnyMovement
    key: bytes


class Asked:
    """A command with the keys under which it, and its parts, may have been accepted before."""

    __slots__ = ("call", "command", "items", "key", "mark", "submission", "waiting")

    def __init__(self, waiting: Waiting) -> None:
        """Work the keys out, once."""
        self.waiting = waiting
        submission = self.submission = waiting.submission
        command: AnyCommand = submission.command
        self.command = command
        self.key = digest(submission.principal, submission.command_id)
        self.mark = b""  # Its fingerprint, once that was worked out.
        self.items = _items(submission, command) if type(command) is RecordMovements else ()
        self.call: bytes | None = None
        if self.items:
            # A movement that its caller gave no id goes by its call's key and its place in it.
            call, by_place, _ = submission.command_id.rpartition("/")
            if by_place:
                self.call = digest(submission.principal, call)


def mark_of(asked: Asked) -> bytes:
    """The fingerprint. A movement under its own id is the same alone and in a batch."""
    items = asked.items
    if len(items) == 1 and items[0].key == asked.key:
        return fingerprint(items[0].movement)
    command = asked.command
    return fingerprint(command.asked if type(command) is RecordReconciliation else command)


def _items(submission: Submission, command: RecordMovements) -> tuple[Item, ...]:
    movements = command.movements
    if len(movements) == 1 and movements[0].movement_id is None:
        return ()
    principal = submission.principal
    return tuple(
        [
            Item(index, movement, digest(principal, movement.movement_id))
            for index, movement in enumerate(movements)
            if movement.movement_id is not None
        ]
    )


Known: TypeAlias = tuple[bytes, Outcome]
"""The fingerprint of what was asked, and what was answered."""


class Receipts:
    """Receipts of batches under way, and those that were read for the batch at hand."""

    def __init__(self) -> None:
        """Know none."""
        self._under_way: dict[bytes, Known] = {}
        self._read: Loaded | None = None
        self._decoded: dict[bytes, Known] = {}

    def unknown(self, asked: list[Asked]) -> set[bytes]:
        """The keys that only the ledger can tell about."""
        keys = {one.key for one in asked}
        for one in asked:
            if one.items:
                keys.update([item.key for item in one.items])
                if one.call is not None:
                    keys.add(one.call)
        return keys.difference(self._under_way) if self._under_way else keys

    def were_read(self, loaded: Loaded) -> None:
        """Take what the ledger told."""
        self._read = loaded
        self._decoded.clear()

    def get(self, key: bytes) -> Known | None:
        """What is known of a key."""
        known = self._under_way.get(key) or self._decoded.get(key)
        if known is None and self._read is not None and self._read.receipts:
            receipt = self._read.receipts.get(key)
            if receipt is not None:
                known = receipt.fingerprint, decode_outcome(receipt.answer)
                self._decoded[key] = known
        return known

    def keep(self, key: bytes, mark: bytes, outcome: Outcome) -> None:
        """A command was accepted, provided that its batch is appended."""
        self._under_way[key] = mark, outcome

    def settled(self, keys: list[bytes]) -> None:
        """Their batch is durable: the ledger can tell."""
        for key in keys:
            self._under_way.pop(key, None)

    def clear(self) -> None:
        """Know none."""
        self._under_way.clear()
        self._decoded.clear()
        self._read = None
