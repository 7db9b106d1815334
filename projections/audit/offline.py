"""The audit of an export: no database, no service, only files and what an auditor has kept."""

from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeGuard

from msgspec import Struct

from ledger.domain.laws import Breach
from projections.audit.attested import LAW, Attested, NotOurs, not_attested, unsigned
from projections.audit.checker import Checker
from projections.audit.exported import BadExport, Read, in_order, rows
from projections.audit.leaves import HASH_BYTES, Tree, leaf_hash
from projections.audit.notes import BadNote, Key, Note, read
from projections.audit.proofs import Consistency, Inclusion, Proof
from projections.audit.row import Row

_FORGET_EVERY: Final = 10_000
_GONE: Final = b"\0" * HASH_BYTES
_CONTIGUOUS: Final = 10


class Findings(Struct, frozen=True, kw_only=True):
    """What was found, what was looked at, and what could not be."""

    first: int
    last: int
    events: int
    checked: dict[str, int]
    not_checked: list[str]
    breaches: list[Breach]
    breaches_total: int


class Offline:
    """One audit of one export."""

    def __init__(
        self, kept: Sequence[Note] = (), keys: Sequence[Key] = (), proofs: Sequence[Proof] = ()
    ) -> None:
        """Take what the auditor brings beside the export."""
        self._checker = Checker()
        self._tree = Tree()
        self._keys = keys
        self._proofs = proofs
        brought = list(self._brought())
        origins = {key.name for key in keys} or {note.origin for note in kept or brought}
        self._origin = min(origins, default=None)
        self._rejected: list[Note] = []
        notes = [note for note in [*kept, *brought] if self._is_ours(note)]
        self._notes = sorted(notes, key=lambda note: note.size)
        self._kept = Attested(iter(self._notes))
        self._largest = max((note.size for note in notes), default=0)
        self._wanted = {p.position for p in proofs if isinstance(p, Inclusion)}
        self._leaves: dict[int, bytes] = {}
        self._sizes = {s for p in proofs if isinstance(p, Consistency) for s in (p.first, p.second)}
        self._roots: dict[int, bytes] = {}
        self._first = self._last = self._events = 0

    def run(self, paths: Sequence[Path], read: Read) -> Findings:
        """Every row of the files, then everything that speaks of them. Raises NoExport."""
        ordered = in_order(paths)
        try:
            for path in ordered:
                self.take(rows(path, read))
        except BadExport as problem:
            self._found(LAW, self._last + 1, str(problem))
        return self.close()

    def take(self, some: Iterable[tuple[int, Row]]) -> None:
        """The next rows of the export."""
        for shard, row in some:
            self._events += 1
            if self._events == 1:
                self._first, self._last = row.position, row.position - 1
                self._judge()
            self._row(shard, row)
            if self._events % _FORGET_EVERY == 0:
                self._checker.envelope.commands.clear()  # Receipts are not in an export.

    @property
    def _is_whole(self) -> bool:
        return self._first <= 1

    def _row(self, shard: int, row: Row) -> None:
        leaf = leaf_hash(row, shard)
        if row.position in self._wanted:
            self._leaves[row.position] = leaf
        if shard:
            self._found(LAW, row.position, f"a row of shard {shard}, where there is only 0")
        if self._is_whole:
            self._checker.take(row)
            for _ in range(min(row.position - 1, self._largest) - self._tree.size):
                self._grow(_GONE)
            if row.position == self._tree.size + 1:
                self._grow(leaf)
        elif row.position != self._last + 1:
            self._found(_CONTIGUOUS, self._last + 1, f"position {row.position} follows here")
        self._last = row.position

    def _grow(self, leaf: bytes) -> None:
        self._tree.append(leaf)
        self._judge()

    def _judge(self) -> None:
        size = self._tree.size
        if self._is_whole and (size == self._kept.next_size or size in self._sizes):
            self._roots[size] = root = self._tree.root()
            self._kept.judge(size, root)

    # -- the end -----------------------------------------------------------------------------------

    def close(self) -> Findings:
        """Judge what was brought by what was read, and say what nobody looked at."""
        checker, end = self._checker, self._tree.size
        if self._is_whole:
            checker.close()
            for size in self._kept.failed:
                held = self._kept.held if self._kept.held < size else 0
                checker.found([not_attested(size, held, None)])
            first = max(self._kept.held, 0) + 1
            for size in self._kept.beyond():
                what = f"a checkpoint attests {size} positions, here are {end}"
                self._found(LAW, end + 1, what)
                if first <= end:  # What is missing may also have stood before the end.
                    where = f"the first that differs is one of {first} to {end + 1}"
                    self._found(LAW, first, f"{what}: {where}")
        for proof in self._proofs:
            self._prove(proof)
        checker.breaches.sort(key=lambda breach: (breach.position, breach.law))
        laws = {"laws": self._events, "checkpoints": self._kept.compared} if self._is_whole else {}
        return Findings(
            first=self._first,
            last=self._last,
            events=self._events,
            checked={"positions": self._events, **laws, "proofs": len(self._proofs)},
            not_checked=list(self._omitted()),
            breaches=checker.breaches,
            breaches_total=checker.breaches_total,
        )

    def _omitted(self) -> Iterator[str]:
        if not self._is_whole:
            yield (
                "laws, and rows against checkpoints: both need every position from 1 on, and this"
                f" export begins at {self._first}"
            )
        if not self._notes:
            given = "that was given counts" if self._rejected else "was given"
            yield f"whether rows were changed after they were recorded: no checkpoint {given}"
        elif self._is_whole and self._last > self._largest:
            yield f"positions {self._largest + 1} to {self._last}: no checkpoint attests them"
        for proof in self._proofs:
            if self._is_rejected(proof):
                yield f"the proof of position {proof.position}: its checkpoint does not count"
        if self._notes and not self._keys:
            yield "who signed the checkpoints: no --key was given"
        yield (
            "receipts, projections, the stream, and what late counts found: they are not in an"
            " export; `verify` compares them"
        )

    def _brought(self) -> Iterator[Note]:
        """The checkpoints that inclusion proofs come with."""
        for proof in self._proofs:
            if isinstance(proof, Inclusion):
                try:
                    note = read(proof.checkpoint)
                except BadNote as problem:
                    self._found(LAW, proof.position, f"its proof's checkpoint: {problem}")
                    continue
                yield note

    def _prove(self, proof: Proof) -> None:
        if isinstance(proof, Consistency):
            self._prove_consistency(proof)
            return
        if self._is_rejected(proof):
            return
        position, leaf = proof.position, self._leaves.get(proof.position)
        attested = {(n.size, n.root) for n in self._notes if n.text in proof.checkpoint}
        if (proof.tree_size, proof.leads_to()) not in attested:
            self._found(LAW, position, "its proof does not lead to its checkpoint")
        elif leaf is not None and leaf != b64decode(proof.leaf_hash):
            self._found(LAW, position, "the row here is not the one that the proof is about")
        elif leaf is None and self._first <= position <= self._last:
            self._found(LAW, position, "the row that the proof is about is gone")

    def _is_rejected(self, proof: Proof) -> TypeGuard[Inclusion]:
        return isinstance(proof, Inclusion) and any(
            note.text in proof.checkpoint for note in self._rejected
        )

    def _prove_consistency(self, proof: Consistency) -> None:
        if not proof.holds():
            what = f"the proof from {proof.first} to {proof.second} does not hold"
            self._found(LAW, proof.first + 1, what)
        known = {(note.size, note.root) for note in self._notes} | set(self._roots.items())
        sizes = {size for size, _ in known}
        for size, root in ((proof.first, proof.first_root), (proof.second, proof.second_root)):
            if size in sizes and (size, b64decode(root)) not in known:
                self._found(LAW, size, f"the proof's root of {size} is another one")

    def _is_ours(self, note: Note) -> bool:
        breaches = unsigned(note, self._origin, self._keys) if self._keys else []
        if not self._keys and note.origin != self._origin:
            what = f"checkpoints of two ledgers: {note.origin} and {self._origin}"
            breaches = [NotOurs(LAW, note.size, what)]
        self._checker.found(breaches)
        self._rejected += [note] * bool(breaches)
        return not breaches

    def _found(self, law: int, position: int, what: str) -> None:
        self._checker.found([Breach(law, position, what)])


def as_dict(findings: Findings) -> dict[str, Any]:
    """Findings as the command line prints them in JSON."""
    return {
        "ok": findings.breaches_total == 0,
        "first": findings.first,
        "last": findings.last,
        "events": findings.events,
        "checked": findings.checked,
        "not_checked": findings.not_checked,
        "breaches": [
            {"law": breach.law, "position": breach.position, "what": breach.what}
            for breach in findings.breaches
        ],
    }
