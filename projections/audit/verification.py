"""The whole audit of ledger and projections: every event, then every row made from them."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from ledger.domain import laws
from ledger.domain.laws import Breach, Breaches
from ledger.domain.values import stock_stream
from projections.audit import wire, wire_base
from projections.audit.anchors import late_counts_agree
from projections.audit.checker import Checker
from projections.audit.evidence import Evidence
from projections.audit.expected import TABLES
from projections.audit.kept import Kept
from projections.audit.log import Behind, Reading, Receipts, Source, pages, wait_for
from projections.audit.notes import Key, Note
from projections.audit.past import Past
from projections.audit.past_late import PastLate
from projections.audit.past_statements import PastStatements
from projections.audit.past_transit import PastTransit
from projections.audit.row import Chain, Row
from projections.audit.rows import compare
from projections.audit.tellings import Tellings, log_ends

CATCH_UP_TIMEOUT_S: Final = 60.0
"""How long a projection may take to reach what was verified."""

BLOCKS_A_LOOK: Final = 10_000
"""Of the receipts' table, 80 MB: a tenth of a second, so that no snapshot lives long."""

BREACHES_SHOWN_MAX: Final = 20
"""Enough to see what happened; the first ones are the causes."""


class Progress(Protocol):
    """Told how far a step has come: its name, what is done, and of how much, if known."""

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Take note."""
        ...


class Report(Struct, frozen=True, kw_only=True):
    """What an audit found. `position` is the last one verified.

    The laws were judged from position `first` on; up to there, rows were only hashed again.
    """

    position: int
    events: int
    checked: dict[str, int]
    breaches: list[Breach]
    breaches_total: int
    fingerprint: str
    first: int = 1
    uncovered: tuple[str, ...] = ()


def silent(step: str, done: int, total: int | None) -> None:
    """Progress for nobody."""


def verify(
    conninfo: str,
    *,
    progress: Progress = silent,
    timeout_s: float = CATCH_UP_TIMEOUT_S,
    catch_up: Callable[[int], None] | None = None,
    kept: Kept | None = None,
    keep: Callable[[Checker, Chain], None] | None = None,
    notes: Sequence[Note] = (),
    keys: Sequence[Key] = (),
) -> Report:
    """Check every law over the log and every projection; raises `Behind` where one does not move.

    Verified is what the head says when it is first read, and what a projection had read beyond
    it by the time its rows were compared. `catch_up` is called with the position before the
    projections are compared, where nobody else runs them. From books that were `kept` the laws
    go on, if the rows they are about are still those. `keep` is given the books if all is clean.
    `notes` are checkpoints that were kept elsewhere, and `keys` those they are checked with,
    instead of those that the ledger names.
    """
    audit = Audit(Reading(conninfo), progress, timeout_s)
    with Source(audit.reading) as source, no_collections():
        head = audit.head(source)
        audit.attested(source, head, notes, keys)
        if kept is not None:
            audit.go_on_from(kept, head)
        audit.log(head)
        if catch_up is not None:
            catch_up(audit.checker.place.position)
        audit.projections(source)
        audit.evidence_holds()
    if keep is not None and not audit.checker.breaches_total:
        keep(audit.checker, audit.chain)
    return audit.report()


def _causes_first(breach: Breach) -> tuple[bool, int, int]:
    """What is wrong in the log comes before what it did to the projections."""
    return breach.law == 12, breach.position, breach.law


@contextmanager
def no_collections() -> Iterator[None]:
    """The books hold no cycles, and searching them for some again and again costs a quarter."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Audit:
    """An audit under way: its books, and how far they have come."""

    def __init__(
        self,
        reading: Reading,
        progress: Progress = silent,
        timeout_s: float = CATCH_UP_TIMEOUT_S,
    ) -> None:
        """Begin at zero, trusting nobody."""
        self.reading = reading
        self.checker = Checker()
        self.chain = Chain()
        self.first = 1
        self.progress = progress
        self._timeout_s = timeout_s
        self._checked: dict[str, int] = {}
        self._evidence: Evidence | None = None

    def report(self, uncovered: tuple[str, ...] = ()) -> Report:
        """What was found so far."""
        checker = self.checker
        checker.breaches.sort(key=_causes_first)
        return Report(
            position=checker.place.position,
            events=checker.events - self.first + 1,
            checked=self._checked,
            breaches=checker.breaches,
            breaches_total=checker.breaches_total,
            fingerprint=self.chain.fingerprint.hex(),
            first=self.first,
            uncovered=uncovered,
        )

    # --- the log ------------------------------------------------------------------------------

    def head(self, source: Source) -> int:
        """Where the ledger says it stands; no row may stand beyond."""
        head, last, foreign = source.one("head") or (0, 0, False)
        found = self.checker.found
        if last > head:
            what = f"an event stands at {last}, beyond the head at {head}"
            found([Breach(17, last, what)])
        if foreign:
            found([Breach(17, 1, "there are events of another shard than 0")])
        return int(head)

    def attested(
        self, source: Source, head: int, notes: Sequence[Note], keys: Sequence[Key]
    ) -> None:
        """Hold every row from the first on against the tree, its checkpoints and those kept."""
        evidence = Evidence(source, self._found, notes, keys)
        evidence.begin(head, self._timeout_s)
        self._evidence = evidence

    def evidence_holds(self) -> None:
        """Rows, tree and checkpoints, at the end: by then it is known which of them was changed."""
        if self._evidence is None:
            return
        self._checked |= self._evidence.close()
        with self._unless_behind("proof"):
            if self._evidence.behind is not None:
                raise self._evidence.behind

    def _found(self, breaches: Breaches) -> None:
        self.checker.found(breaches)  # Whose books they are may change on the way.

    def _witnessed(self, rows: Sequence[Row]) -> None:
        if self._evidence is not None:
            for row in rows:
                self._evidence.take(row)

    def go_on_from(self, kept: Kept, head: int) -> bool:
        """Take over kept books, if the rows they are about are still the same; else say where."""
        chain = Chain()
        for page in pages(self.reading, chain, min(kept.position, head)):
            self._witnessed(page.rows)
            self.progress("kept rows", page.to, kept.position)
        changed = kept.first_change(chain)
        if changed is not None:
            what = f"from here on the rows are not those that were verified up to {kept.position}"
            self.checker.found([Breach(17, changed, what)])
            return False
        for breach in self.checker.breaches:
            kept.checker.found([breach])
        self.checker, self.chain = kept.checker, chain
        self.first = kept.position + 1
        self._checked["kept rows"] = kept.position
        return True

    def log(self, head: int, *, ends: bool = True) -> None:
        """Judge every event up to the head, and that there are no more and no fewer.

        A head never lies amid an item; where another position is meant, nothing `ends` there.
        """
        self.advance(head, of=head)
        checker = self.checker
        if ends:
            checker.close()
        last, events = checker.place.position, checker.events
        checker.found(laws.head_is_the_end(head=head, last=last, events=events))

    def advance(self, to: int, *, of: int | None = None) -> None:
        """Take the log on to a position, which may lie amid an item: that one waits for its end."""
        checker, envelope = self.checker, self.checker.envelope
        if to <= self.chain.position:
            return
        with Receipts(self.reading) as receipts, Source(self.reading) as source:
            tellings = Tellings(source, checker)
            for page in pages(self.reading, self.chain, to):
                tellings.take_all(page.rows)
                self._witnessed(page.rows)
                commands, envelope.commands = envelope.commands, {}
                checker.found(receipts.ask(commands))
                self._checked["commands"] = self._checked.get("commands", 0) + len(commands)
                self.progress("log", checker.events, of)
            checker.found(receipts.answer())
            self._checked["channel_log"] = self._checked.get("channel_log", 0) + tellings.judged
        self._checked["events"] = checker.events - self.first + 1

    # --- what was made from it ----------------------------------------------------------------

    def projections(self, source: Source) -> None:
        """Compare all that was made from the log, row for row."""
        for table in TABLES:
            with self._unless_behind(table.name):
                rows = compare(source, self.checker, table, self.advance, self._timeout_s)
                self._note(table.name, rows)
        with self._unless_behind("history"):
            wait_for(source, "history", self.checker.place.position, self._timeout_s)
            self._note("history", Past(source, self.checker).compare())
            transit = PastTransit(source, self.checker)
            self._note("history_in_transit", transit.compare())
            self._note("history_late_sums", PastLate(source, self.checker).compare())
        with self._unless_behind("statements"):
            wait_for(source, "statements", self.checker.place.position, self._timeout_s)
            self._note("statements", PastStatements(source, self.checker).compare())
        self._late_counts(source)
        self._receipts_beyond(source)
        self.checker.found(log_ends(source))

    def _receipts_beyond(self, source: Source) -> None:
        first, total = None, 0
        block, blocks = 0, 1
        while block < blocks:
            ends = block + BLOCKS_A_LOOK
            found = source.one("receipts_beyond", (f"({block},0)", f"({ends},0)"))
            position, count, blocks = found or (None, 0, 0)
            if count:
                first, total = min(first or position, position), total + count
            block = ends
        if first is not None:
            what = f"{total} receipts speak of positions beyond the head"
            self.checker.found([Breach(13, first, what)])

    def _late_counts(self, source: Source) -> None:
        """Look into the whole past of the stocks that were counted late."""
        stocks = self.checker.late_counts
        for number, (location, sku) in enumerate(stocks):
            self.progress("late counts", number, len(stocks))
            stream = stock_stream(location, sku)
            self.checker.found(late_counts_agree(self._stream(source, stream)))
        if stocks:
            self._checked["late_counts"] = len(stocks)

    def _stream(self, source: Source, stream: str) -> Iterator[tuple[int, wire_base.Stock]]:
        """The events of one stock that can be read; the others have been reported."""
        last, after = self.checker.place.position, 0
        while page := source.all("stream_page", (stream, after, last, source.page_rows)):
            after = page[-1][1]
            for position, _, state in page:
                with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    event = wire.decode(state).event
                    if isinstance(event, wire_base.Stock):
                        yield position, event

    @contextmanager
    def _unless_behind(self, table: str) -> Iterator[None]:
        """Go on past a projection that has stopped: that is a difference like any other.

        One that merely does not move says nothing about the ledger; unless something else has
        been found, which must not be lost over it, the audit ends there.
        """
        self.progress(table, 0, None)
        try:
            yield
        except Behind as behind:
            if behind.error is None and not self.checker.breaches_total:
                raise
            self.checker.found([Breach(12, behind.at + 1, str(behind))])

    def _note(self, table: str, rows: int) -> None:
        self._checked[table] = rows
        self.progress(table, rows, rows)


def as_dict(report: Report) -> dict[str, Any]:
    """A report as the command line prints it in JSON."""
    return {
        "ok": report.breaches_total == 0,
        "position": report.position,
        "events": report.events,
        "from": report.first,
        "fingerprint": report.fingerprint,
        "checked": report.checked,
        "uncovered": list(report.uncovered),
        "breaches": [
            {"law": breach.law, "position": breach.position, "what": breach.what}
            for breach in report.breaches
        ],
    }
