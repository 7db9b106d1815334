"""A return: per SKU what may come, what came, what it was found to be, and where it went."""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from ledger.domain.events import (
    AnyReturnEvent,
    DispositionedLine,
    GradedLine,
    ReturnAuthorised,
    ReturnClosed,
    ReturnDispositioned,
    ReturnInspected,
    ReturnReceived,
    SkuQuantity,
)
from ledger.domain.outcomes import ReturnedAt, ReturnLineState

ReturnStatus: TypeAlias = Literal[
    "authorised",
    "partially_received",
    "received",
    "partially_inspected",
    "inspected",
    "partially_dispositioned",
    "dispositioned",
    "closed",
]


class ReturnLine(Struct, frozen=True, kw_only=True):
    """Units of one SKU. The units received are those dispositioned and those still `open`.

    `waived` were authorised and never received: credited without the goods, or found missing.
    """

    sku: str
    authorised: int = 0
    received: int = 0
    waived: int = 0
    grades: Mapping[str, int] = {}
    dispositions: Mapping[str, int] = {}  # By kind, the waived ones included.
    at: Mapping[str, int] = {}  # Units still in `returned`, by location, in order of arrival.

    @property
    def open(self) -> int:
        """Units received of which nobody has decided yet what becomes of them."""
        return sum(self.at.values())

    @property
    def inspected(self) -> int:
        """Units somebody has looked at."""
        return sum(self.grades.values())

    @property
    def awaited(self) -> int:
        """Units that may still come."""
        return max(0, self.authorised - self.received - self.waived)

    @property
    def excess(self) -> int:
        """Units that came beyond what was authorised."""
        return max(0, self.received + self.waived - self.authorised)


class CustomerReturn(Struct, frozen=True, kw_only=True):
    """A return after its last event."""

    return_id: str
    version: int
    authorised: ReturnAuthorised  # As it was asked for, to recognise the same request again.
    lines: Mapping[str, ReturnLine]
    closed: bool = False

    @property
    def order(self) -> str | None:
        """The order it belongs to, if it names one."""
        return self.authorised.order

    def line(self, sku: str) -> ReturnLine:
        """The units of one SKU; none where it is not in this return."""
        return _line(self.lines, sku)

    @property
    def status(self) -> ReturnStatus:
        """The furthest step that has begun; `partially_` while units wait for it."""
        if self.closed:
            return "closed"
        lines = self.lines.values()
        received = sum(line.received for line in lines)
        awaited = any(line.awaited for line in lines)
        if any(line.dispositions for line in lines):
            left = any(line.open for line in lines) or (not received and awaited)
            return "partially_dispositioned" if left else "dispositioned"
        if inspected := sum(line.inspected for line in lines):
            return "partially_inspected" if inspected < received else "inspected"
        if received:
            return "partially_received" if awaited else "received"
        return "authorised"

    def line_states(self) -> tuple[ReturnLineState, ...]:
        """The lines as an answer shows them."""
        return line_states(self.lines.values())


def line_states(lines: Iterable[ReturnLine]) -> tuple[ReturnLineState, ...]:
    """Lines as an answer shows them."""
    return tuple(
        ReturnLineState(
            sku=line.sku,
            authorised=line.authorised,
            received=line.received,
            awaited=line.awaited,
            excess=line.excess,
            waived=line.waived,
            inspected=line.inspected,
            open=line.open,
            grades=dict(line.grades),
            dispositions=dict(line.dispositions),
            at=tuple(ReturnedAt(location=at, quantity=n) for at, n in line.at.items()),
        )
        for line in lines
    )


def evolve(document: CustomerReturn | None, event: AnyReturnEvent) -> CustomerReturn:
    """The return after one more event of its stream."""
    if isinstance(event, ReturnAuthorised):
        assert document is None, "a return is authorised once"
        lines = {line.sku: ReturnLine(sku=line.sku) for line in event.lines}
        for line in event.lines:
            _add(lines, line.sku, authorised=lines[line.sku].authorised + line.quantity)
        return CustomerReturn(return_id=event.return_id, version=1, authorised=event, lines=lines)
    assert document is not None, "a return's first event authorises it"
    lines = dict(document.lines)
    closed = document.closed
    match event:
        case ReturnReceived():
            _receive(lines, event.location, event.lines)
        case ReturnInspected():
            _inspect(lines, event.lines)
        case ReturnDispositioned():
            _disposition(lines, event.lines)
        case ReturnClosed():
            closed = True
    return msgspec.structs.replace(
        document, version=document.version + 1, lines=lines, closed=closed
    )


def _line(lines: Mapping[str, ReturnLine], sku: str) -> ReturnLine:
    """The units of a SKU so far: none before it came, which a late report may have before."""
    return lines.get(sku) or ReturnLine(sku=sku)


def _add(lines: dict[str, ReturnLine], sku: str, **changes: object) -> None:
    lines[sku] = msgspec.structs.replace(_line(lines, sku), **changes)


def _receive(lines: dict[str, ReturnLine], location: str, came: Iterable[SkuQuantity]) -> None:
    for one in came:
        line = _line(lines, one.sku)
        at = more(line.at, location, one.quantity)
        _add(lines, one.sku, received=line.received + one.quantity, at=at)


def _inspect(lines: dict[str, ReturnLine], graded: Iterable[GradedLine]) -> None:
    for one in graded:
        grades = more(_line(lines, one.sku).grades, one.grade, one.quantity)
        _add(lines, one.sku, grades=grades)


def _disposition(lines: dict[str, ReturnLine], decided: Iterable[DispositionedLine]) -> None:
    for one in decided:
        line = _line(lines, one.sku)
        dispositions = more(line.dispositions, one.disposition, one.quantity)
        if one.location is None:
            waived = line.waived + one.quantity
            _add(lines, one.sku, dispositions=dispositions, waived=waived)
        else:
            at = more(line.at, one.location, -one.quantity)
            _add(lines, one.sku, dispositions=dispositions, at=at)


def more(amounts: Mapping[str, int], name: str, quantity: int) -> dict[str, int]:
    """The amounts with one of them changed; what comes to nothing is left out."""
    changed = {**amounts, name: amounts.get(name, 0) + quantity}
    return {name: amount for name, amount in changed.items() if amount}
