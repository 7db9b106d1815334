"""Checkpoints against the rows: each is looked at when the tree has come to its size."""

from collections.abc import Iterator, Sequence
from typing import Final

from ledger.domain.laws import Breach, Breaches
from projections.audit.notes import Key, Note, is_signed

LAW: Final = 17


class NotOurs(Breach, frozen=True, gc=False):
    """What was given says nothing about this ledger: that alone is no fault of the ledger's."""


class Attested:
    """What is attested about one tree after the other, smallest first."""

    def __init__(self, notes: Iterator[Note]) -> None:
        """Take notes in the order of their sizes."""
        self._notes = notes
        self._next = next(notes, None)
        self.held = -1  # The largest tree that is as it was attested.
        self.compared = 0
        self.failed: list[int] = []  # The sizes of those that are not.

    def judge(self, size: int, root: bytes) -> None:
        """Hold what is attested about a tree of this size against the root of the rows."""
        while self._next is not None and self._next.size <= size:
            self.compared += 1
            if self._next.size < size or self._next.root != root:
                self.failed.append(self._next.size)
            else:
                self.held = size
            self._next = next(self._notes, None)

    @property
    def next_size(self) -> int:
        """The size to be asked about next; -1 where there is none."""
        return -1 if self._next is None else self._next.size

    def beyond(self) -> list[int]:
        """The sizes that the rows never came to."""
        found = []
        while self._next is not None:
            found.append(self._next.size)
            self._next = next(self._notes, None)
        return found


def unsigned(note: Note, origin: str | None, keys: Sequence[Key]) -> Breaches:
    """A note about another ledger, or one that nobody who is known has signed."""
    if origin is not None and note.origin != origin:
        what = f"a checkpoint of {note.size} is about {note.origin!r}, not {origin!r}"
        return [NotOurs(LAW, note.size, what)]
    if not is_signed(note, keys):
        what = f"the checkpoint of {note.size} is not signed by a known key"
        return [NotOurs(LAW, note.size, what)]
    return []


def not_attested(size: int, held: int, first: int | None) -> Breach:
    """The rows up to a size are not those that were attested; where to look for the first."""
    if first is not None and first <= size:
        where = f"the first that differs is position {first}"
    else:
        first = max(held, 0) + 1
        where = f"the first that differs is one of {first} to {size}"
    what = f"the rows up to {size} are not those that a kept checkpoint attests: {where}"
    return Breach(LAW, first, what)
