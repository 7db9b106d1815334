"""The whole audit of ledger and projections: the log from zero, then every row made from it."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from ledger.domain import laws
from ledger.domain.laws import Breach
from ledger.domain.values import stock_stream
from projections.audit import wire, wire_base
from projections.audit.anchors import late_counts_agree
from projections.audit.checker import Checker
from projections.audit.evidence import Evidence
from projections.audit.expected import TABLES
from projections.audit.log import PAGE_EVENTS, Behind, Receipts, Source, pages, wait_for
from projections.audit.notes import Key, Note
from projections.audit.past import Past
from projections.audit.past_late import PastLate
from projections.audit.past_statements import PastStatements
from projections.audit.past_transit import PastTransit
from projections.audit.rows import compare

CATCH_UP_TIMEOUT_S: Final = 60.0
"""How long a projection may take to reach what was verified."""


BREACHES_SHOWN_MAX: Final = 20
"""Enough to see what happened; the first ones are the causes."""


class Progress(Protocol):
    """Told how far a step has come: its name, what is done, and of how much, if known."""

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Take note."""
        ...


class Report(Struct, frozen=True, kw_only=True):
    """What an audit found. `position` is the last one verified."""

    position: int
    events: int
    checked: dict[str, int]
    breaches: list[Breach]
    breaches_total: int


def silent(step: str, done: int, total: int | None) -> None:
    """Progress for nobody."""


def verify(
    conninfo: str,
    *,
    progress: Progress = silent,
    timeout_s: float = CATCH_UP_TIMEOUT_S,
    catch_up: Callable[[int], None] | None = None,
    kept: Sequence[Note] = (),
    keys: Sequence[Key] = (),
) -> Report:
    """Check every law over the log and every projection; raises `Behind` where one does not move.

    Verified is what the head says when it is first read, and what a projection had read beyond
    it by the time its rows were compared. `catch_up` is called with the position before the
    projections are compared, where nobody else runs them. `kept` are checkpoints that were kept
    elsewhere, and `keys` those they are checked with, instead of those that the ledger names.
    """
    return _Verification(conninfo, progress, timeout_s, kept, keys).run(catch_up)


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


class _Verification:
    def __init__(
        self,
        conninfo: str,
        progress: Progress,
        timeout_s: float,
        kept: Sequence[Note],
        keys: Sequence[Key],
    ) -> None:
        self._conninfo = conninfo
        self._progress = progress
        self._timeout_s = timeout_s
        self._checker = Checker()
        self._checked: dict[str, int] = {}
        self._kept = kept
        self._keys = keys
        self._evidence: Evidence | None = None

    def run(self, catch_up: Callable[[int], None] | None) -> Report:
        checker = self._checker
        with Source(self._conninfo) as source, no_collections():
            head = self._head(source)
            self._evidence = Evidence(source, checker.found, self._kept, self._keys)
            self._evidence.begin(head, self._timeout_s)
            self._log(head)
            if catch_up is not None:
                catch_up(checker.place.position)
            self._projections(source)
            self._late_counts(source)
            self._receipts_beyond(source)
            self._evidence_holds(self._evidence)
        checker.breaches.sort(key=_causes_first)
        return Report(
            position=checker.place.position,
            events=checker.events,
            checked=self._checked,
            breaches=checker.breaches,
            breaches_total=checker.breaches_total,
        )

    def _head(self, source: Source) -> int:
        head, last, foreign = source.one("head") or (0, 0, False)
        found = self._checker.found
        if last > head:
            what = f"an event stands at {last}, beyond the head at {head}"
            found([Breach(17, last, what)])
        if foreign:
            found([Breach(17, 1, "there are events of another shard than 0")])
        return int(head)

    def _log(self, head: int) -> None:
        self._advance(head, of=head)
        checker = self._checker
        checker.close()
        last, events = checker.place.position, checker.events
        checker.found(laws.head_is_the_end(head=head, last=last, events=events))

    def _advance(self, to: int, *, of: int | None = None) -> None:
        """Take the log on to a position."""
        checker, evidence = self._checker, self._evidence
        assert evidence is not None, "the tree is looked at before the first row"
        if to <= checker.place.position:
            return
        with Receipts(self._conninfo) as receipts:
            for page in pages(self._conninfo, checker.place.position + 1, to):
                for row in page:
                    checker.take(row)
                    evidence.take(row)
                commands, checker.commands = checker.commands, {}
                self._accepted(receipts.ask(commands, to))
                self._checked["commands"] = self._checked.get("commands", 0) + len(commands)
                self._progress("log", checker.events, of)
            self._accepted(receipts.answer())
        checker.close_item()
        self._checked["events"] = checker.events

    def _accepted(self, answers: list[tuple[int, int | None]]) -> None:
        """Every command in these events was accepted once: it has a receipt."""
        for event, position in answers:
            what = "no receipt" if position is None else f"a receipt that says {position}"
            breach = Breach(13, event, f"the command of this event has {what}")
            self._checker.found([breach])

    def _receipts_beyond(self, source: Source) -> None:
        position, count = source.one("receipts_beyond") or (None, 0)
        if count:
            what = f"{count} receipts speak of positions beyond the head"
            self._checker.found([Breach(13, position, what)])

    def _evidence_holds(self, evidence: Evidence) -> None:
        """Rows, tree and checkpoints, at the end: by then it is known which of them was changed."""
        self._checked |= evidence.close()
        with self._unless_behind("proof"):
            if evidence.behind is not None:
                raise evidence.behind

    def _late_counts(self, source: Source) -> None:
        """Look into the whole past of the stocks that were counted late."""
        stocks = self._checker.late_counts
        for number, (location, sku) in enumerate(stocks):
            self._progress("late counts", number, len(stocks))
            stream = stock_stream(location, sku)
            self._checker.found(late_counts_agree(self._stream(source, stream)))
        if stocks:
            self._checked["late_counts"] = len(stocks)

    def _stream(self, source: Source, stream: str) -> Iterator[tuple[int, wire_base.Stock]]:
        """The events of one stock that can be read; the others have been reported."""
        last, after = self._checker.place.position, 0
        while page := source.all("stream_page", (stream, after, last, PAGE_EVENTS)):
            after = page[-1][1]
            for position, _, state in page:
                with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    event = wire.decode(state).event
                    if isinstance(event, wire_base.Stock):
                        yield position, event

    def _projections(self, source: Source) -> None:
        for table in TABLES:
            with self._unless_behind(table.name):
                rows = compare(source, self._checker, table, self._advance, self._timeout_s)
                self._note(table.name, rows)
        with self._unless_behind("history"):
            wait_for(source, "history", self._checker.place.position, self._timeout_s)
            self._note("history", Past(source, self._checker).compare())
            transit = PastTransit(source, self._checker)
            self._note("history_in_transit", transit.compare())
            self._note("history_late_sums", PastLate(source, self._checker).compare())
        with self._unless_behind("statements"):
            wait_for(source, "statements", self._checker.place.position, self._timeout_s)
            self._note("statements", PastStatements(source, self._checker).compare())

    @contextmanager
    def _unless_behind(self, table: str) -> Iterator[None]:
        """Go on past a projection that has stopped: that is a difference like any other.

        One that merely does not move says nothing about the ledger; unless something else has
        been found, which must not be lost over it, the audit ends there.
        """
        self._progress(table, 0, None)
        try:
            yield
        except Behind as behind:
            if behind.error is None and not self._checker.breaches_total:
                raise
            self._checker.found([Breach(12, behind.at + 1, str(behind))])

    def _note(self, table: str, rows: int) -> None:
        self._checked[table] = rows
        self._progress(table, rows, rows)


def as_dict(report: Report) -> dict[str, Any]:
    """A report as the command line prints it in JSON."""
    return {
        "ok": report.breaches_total == 0,
        "position": report.position,
        "events": report.events,
        "checked": report.checked,
        "breaches": [
            {"law": breach.law, "position": breach.position, "what": breach.what}
            for breach in report.breaches
        ],
    }
