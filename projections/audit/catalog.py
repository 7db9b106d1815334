"""How the auditor reads definitions, converted quantities, and facts that waited."""

from __future__ import annotations

import unicodedata
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import Struct, field

from ledger.domain.laws import Breach
from ledger.domain.values import stream_id
from projections.audit import wire, wire_base
from projections.audit.wire_catalog import (
    AnyCatalog,
    KeptMovement,
    LocationDefined,
    Pack,
    ParkedFact,
    SkuDefined,
)

if TYPE_CHECKING:
    from projections.audit.checker import Checker

UNKNOWN_ITEM: Final = "unknown_item"
RELEASED: Final = "release"

_kept: Final = msgspec.json.Decoder(KeptMovement).decode

# Movements whose events say their quantity, all of it.
_WHOLE: Final = frozenset(("opening", "receive", "sale", "return", "move", "scrap"))
_SAYING: Final = (
    wire.Opened,
    wire.Received,
    wire.Sold,
    wire.HoldFulfilled,
    wire.Returned,
    wire.Moved,
    wire.Scrapped,
)


class SkuBook:
    """A SKU and its definitions, oldest first."""

    __slots__ = ("definitions", "last", "version")

    def __init__(self) -> None:
        """Before its first definition."""
        self.definitions: list[SkuDefined] = []
        self.version = 0
        self.last = 0

    def at(self, instant: int) -> SkuDefined:
        """What was in force then; before the first definition, that."""
        in_force = [one for one in self.definitions if one.occurred_at <= instant]
        return in_force[-1] if in_force else self.definitions[0]

    def smallest_in(self, unit: str, instant: int) -> int:
        """Smallest units in one of a unit, then or as soon as it was defined; 0: it never was."""
        now = self.at(instant)
        for one in (now, *self.definitions[self.definitions.index(now) :]):
            factor = _base_units(one, unit or one.base_unit)
            if factor is not None:
                return factor * int(10**one.scale)
        return 0


class LocationBook:
    """A location as it is defined."""

    __slots__ = ("definition", "last", "version")

    def __init__(self, definition: LocationDefined) -> None:
        """At its first definition."""
        self.definition = definition
        self.version = 0
        self.last = 0


class WaitingBook:
    """A fact that waits."""

    __slots__ = ("fact", "location", "movement", "position", "sku")

    def __init__(self, event: wire.ConflictOpened, fact: ParkedFact, position: int) -> None:
        """From its parking on."""
        self.fact = fact
        self.location = event.location
        self.sku = event.sku
        self.position = position
        self.movement: KeptMovement | None = None


class CatalogBooks(Struct):
    """Everything defined, and everything that waits for a definition."""

    skus: dict[str, SkuBook] = field(default_factory=dict)
    locations: dict[str, LocationBook] = field(default_factory=dict)
    waiting: dict[str, WaitingBook] = field(default_factory=dict)
    released: dict[tuple[str, str], WaitingBook] = field(default_factory=dict)
    told: dict[tuple[str, str], int] = field(default_factory=dict)
    """Of an item: facts that its conflicts say were recorded, and units that its events tell of."""


# --- definitions --------------------------------------------------------------------------------


def stream_of(event: AnyCatalog) -> str:
    """The stream a definition says it belongs to."""
    if isinstance(event, LocationDefined):
        return stream_id("location", event.location)
    return stream_id("sku", event.sku)


def take_definition(checker: Checker, event: AnyCatalog, position: int) -> None:
    """Enter one definition into the books."""
    books = checker.catalog
    if isinstance(event, LocationDefined):
        place = books.locations.setdefault(event.location, LocationBook(event))
        place.definition = event
        place.version += 1
        place.last = position
        return
    book = books.skus.setdefault(event.sku, SkuBook())
    _judge_definition(checker, event, book, position)
    book.definitions.append(event)
    book.version += 1
    book.last = position


def _judge_definition(checker: Checker, event: SkuDefined, book: SkuBook, position: int) -> None:
    """What recorded integers and codes mean never changes."""
    wrong = []
    if spelled(event.sku, event.case_policy) != event.sku:
        wrong.append(f"its code is not in the form of {event.case_policy!r}")
    wrong += [f"pack {name!r} is made of nothing" for name in _bottomless(event)]
    if book.definitions:
        before = book.definitions[-1]
        for name in ("base_unit", "scale", "case_policy"):
            if getattr(event, name) != getattr(before, name):
                wrong.append(f"its {name} was {getattr(before, name)!r}")
        if event.service and not before.service:
            wrong.append("it was goods")
    checker.found([Breach(11, position, f"SKU {event.sku!r}: {what}") for what in wrong])


def spelled(code: str, policy: Literal["exact", "upper", "fold"]) -> str:
    """The form of a code under a case policy."""
    if policy == "exact":
        return code
    form = code.upper() if policy == "upper" else code.casefold()
    return unicodedata.normalize("NFC", form)


def _bottomless(event: SkuDefined) -> list[str]:
    return [pack.name for pack in event.packs if _base_units(event, pack.name) is None]


def _base_units(event: SkuDefined, unit: str) -> int | None:
    """How many base units are in one of a unit; none where it comes to no base unit."""
    packs: dict[str, Pack] = {pack.name: pack for pack in event.packs}
    factor = 1
    for _ in range(len(packs) + 1):
        if unit == event.base_unit:
            return factor
        pack = packs.get(unit)
        if pack is None or pack.factor < 1:
            return None
        factor, unit = factor * pack.factor, pack.of or event.base_unit
    return factor if unit == event.base_unit else None


# --- quantities in words ------------------------------------------------------------------------


def take_stated(checker: Checker, event: wire_base.Stock, stated: str, position: int) -> None:
    """Convert what a reporter stated once more; one sale may be told by two events."""
    if not isinstance(event, _SAYING) or isinstance(event, wire.Sold | wire.HoldFulfilled):
        return
    amount, _, unit = stated.partition(" ")
    book = checker.catalog.skus.get(event.sku)
    one = 0 if unit else 1
    if book is not None:
        one = book.smallest_in(unit, event.occurred_at)
    if Fraction(amount) * one != event.quantity:
        what = f"{stated!r} of {event.sku!r} was recorded as {event.quantity}"
        checker.found([Breach(18, position, what)])


# --- facts that wait ----------------------------------------------------------------------------


def take_conflict(checker: Checker, event: wire.Conflict, position: int) -> None:
    """A fact begins to wait, or its waiting ends."""
    books = checker.catalog
    if isinstance(event, wire.ConflictOpened):
        if (event.parked is not None) != (event.kind == UNKNOWN_ITEM):
            what = f"a conflict of the kind {event.kind!r} does not keep a fact like this"
            checker.found([Breach(7, position, what)])
        if event.parked is not None:
            books.waiting[event.conflict_id] = _waiting(checker, event, event.parked, position)
    elif event.kind == UNKNOWN_ITEM and isinstance(event, wire.ConflictResolved):
        book = books.waiting.pop(event.conflict_id, None)
        if book is not None and event.resolution == RELEASED:
            books.released[book.fact.owner, book.fact.movement_id] = book


def _waiting(
    checker: Checker, event: wire.ConflictOpened, fact: ParkedFact, position: int
) -> WaitingBook:
    book = WaitingBook(event, fact, position)
    try:
        movement = book.movement = _kept(fact.movement)
    except msgspec.MsgspecError as problem:
        checker.found([Breach(7, position, f"the fact it keeps cannot be read: {problem}")])
        return book
    kept = (movement.sku, movement.location, movement.movement_id)
    if kept != (event.sku, event.location, fact.movement_id):
        checker.found([Breach(7, position, f"it keeps a fact about {kept}")])
    return book


def take_released(
    checker: Checker, event: wire.AnyEvent, owner: str, movement_id: str | None
) -> None:
    """An event that somebody else's fact came to."""
    told = checker.catalog.told
    key = owner, movement_id or ""
    units = event.quantity if isinstance(event, _SAYING) else 0
    told[key] = told.get(key, 0) + units


def judge(checker: Checker) -> None:
    """After an item: each fact that stopped waiting was recorded, all of it, and no other."""
    books, position = checker.catalog, checker.place.position
    for key in books.released.keys() ^ books.told.keys():
        what = "was released and not recorded" if key in books.released else "never waited"
        checker.found([Breach(7, position, f"the fact {key[1]!r} of {key[0]!r} {what}")])
    for key, book in books.released.items():
        movement = book.movement
        if movement is None or movement.type not in _WHOLE or movement.stated:
            continue
        told = books.told.get(key)
        if told is not None and told != movement.quantity:
            what = f"the fact {key[1]!r} was {movement.quantity} units, {told} were recorded"
            checker.found([Breach(7, position, what)])
    books.released.clear()
    books.told.clear()
