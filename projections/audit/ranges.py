"""A range of the log by itself: all that can be said without the books of what came before."""

from typing import Final

import msgspec

from ledger.domain import laws
from ledger.domain.laws import Breach, Breaches, Place
from ledger.store.wire import Int8Array, TextArray
from projections.audit import wire
from projections.audit.checker import BREACHES_MAX
from projections.audit.envelope import Envelope
from projections.audit.kept import Kept
from projections.audit.log import Page, Reading, Receipts, Source, pages
from projections.audit.row import Chain, Row
from projections.audit.verification import Audit, Progress, Report, no_collections, silent

PROJECTIONS: Final = "projections: they tell of the whole log, not of a range"
BOOKS: Final = (
    "levels, promises, documents, conflicts and counts: their laws need the books of all earlier"
    " events"
)
LAST_ITEM: Final = "what the last item of the range comes to: it may go on beyond it"
PREFIX: Final = "events before the range: their rows were only hashed again"


class BadRange(ValueError):
    """The ledger has no such positions."""


def verify_range(
    conninfo: str,
    first: int,
    last: int | None = None,
    *,
    progress: Progress = silent,
    kept: Kept | None = None,
) -> Report:
    """Check the events of some positions, by default up to the head; raises `BadRange`.

    From zero, or from kept books that end before the range, every law is judged; else those that
    need nothing but the rows themselves. Projections are not compared; the report says so.
    """
    reading = Reading(conninfo)
    audit = Audit(reading, progress)
    with Source(reading) as source, no_collections():
        head = audit.head(source)
        last = head if last is None else last
        if not 1 <= first <= last <= head:
            raise BadRange(f"positions {first} to {last} are not all in the ledger: 1 to {head}")
        usable = kept is not None and kept.position < first and audit.go_on_from(kept, head)
        if first > 1 and not usable:
            return _Range(reading, source, progress, first).run(last, audit.checker.breaches)
        audit.log(last, ends=last == head)
        uncovered = [*[PREFIX] * usable, PROJECTIONS, *[LAST_ITEM] * (last < head)]
        return audit.report(tuple(uncovered))


class _Range:
    """Rows of a range, with what can be asked of the database about what lies before."""

    def __init__(self, reading: Reading, source: Source, progress: Progress, first: int) -> None:
        self._reading = reading
        self._source = source
        self._progress = progress
        self._first = first
        self._breaches: Breaches = []
        self._total = 0
        self._events = self._commands = 0
        self._envelope = Envelope(self._found, self._before())
        self._versions: dict[str, int] = {}
        self._new: dict[str, tuple[int, int]] = {}  # Streams met in this page: version, position.

    def run(self, last: int, breaches: Breaches) -> Report:
        self._found(breaches)
        chain = Chain(self._first - 1)
        with Receipts(self._reading) as receipts:
            for page in pages(self._reading, chain, last):
                self._take(page)
                commands, self._envelope.commands = self._envelope.commands, {}
                self._commands += len(commands)
                self._found(receipts.ask(commands))
                self._progress("log", self._events, last - self._first + 1)
            self._found(receipts.answer())
        found = self._envelope.position
        if self._events != last - self._first + 1 or found != last:
            what = f"{self._events} events, the last at {found}, stand in the range up to {last}"
            self._found([Breach(17, min(found + 1, last), what)])
        self._breaches.sort(key=lambda breach: (breach.position, breach.law))
        return Report(
            position=last,
            events=self._events,
            checked={
                "events": self._events,
                "commands": self._commands,
                "streams": len(self._versions),
            },
            breaches=self._breaches,
            breaches_total=self._total,
            fingerprint=chain.fingerprint.hex(),
            first=self._first,
            uncovered=(BOOKS, PROJECTIONS),
        )

    def _before(self) -> Place:
        """Where and when the event before the range stands."""
        place = Place(self._first - 1, 0, -(2**63), "")
        for row in self._source.rows("rows", (self._first - 2, self._first - 1)):
            try:
                meta = wire.decode(row.state).meta
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue  # It lies outside; that it cannot be read is for others to find.
            command = f"{meta.actor}\0{meta.command_id}"
            place = Place(row.position, meta.instant, row.recorded_at, command)
        return place

    def _take(self, page: Page) -> None:
        for row in page.rows:
            self._events += 1
            self._version(row)
            try:
                body = wire.decode(row.state)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
                self._found([Breach(17, row.position, f"its body cannot be read: {problem}")])
                self._envelope.skip(row)
            else:
                self._envelope.take(row, body.meta, body.event)
        self._ask_for_predecessors()

    def _version(self, row: Row) -> None:
        last = self._versions.get(row.stream)
        if last is None:
            self._new[row.stream] = (row.version, row.position)
        elif row.version != last + 1:
            found = laws.version_is_next(row.position, row.stream, last=last, found=row.version)
            self._found(found)
        self._versions[row.stream] = row.version

    def _ask_for_predecessors(self) -> None:
        """A stream goes on from its version before, which stands before the range."""
        new, self._new = self._new, {}
        if not new:
            return
        columns = (
            TextArray(list(new)),
            Int8Array([version for version, _ in new.values()]),
            Int8Array([position for _, position in new.values()]),
        )
        for stream, version, position, before in self._source.all(
            "predecessors", (*columns, self._first)
        ):
            where = "is missing" if before is None else f"stands at {before}"
            what = f"version {version} of {stream!r}: the one before it {where}"
            self._found([Breach(15, position, what)])

    def _found(self, breaches: Breaches) -> None:
        self._total += len(breaches)
        self._breaches.extend(breaches[: max(0, BREACHES_MAX - len(self._breaches))])
