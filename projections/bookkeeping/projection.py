"""Events to entries, and to sums over blocks of positions, given the books and kinds so far."""

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct, field

from ledger.domain.events import StockEvent
from ledger.domain.values import EARLIEST
from projections.batch import Batch
from projections.bookkeeping import blocks
from projections.bookkeeping.blocks import DAY, NETWORK

StockKey: TypeAlias = tuple[str, str]
"""Location and SKU."""

Kind: TypeAlias = tuple[str, str, str, str]
"""From which bucket, to which, by which type of event, for what reason."""

Entry: TypeAlias = tuple[int, int, int, int, int, int, int, int]
"""Leg, kind, book, place, position, number, occurred_at, quantity."""

CellKey: TypeAlias = tuple[int, int, int]
"""Book, day, kind."""

Cell: TypeAlias = tuple[int, int, int, int, int, int]
"""Book, block, day, kind, quantity, entries: of level 0."""


class Book(Struct, gc=False):
    """A stock's number, that of its location, and how many entries it has."""

    number: int
    place: int
    entries: int = 0


class State(Struct):
    """What the fold needs to know of what a batch touches, and the block that is not yet full."""

    stocks: dict[StockKey, Book] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    kinds: dict[Kind, int] = field(default_factory=dict)
    kinds_total: int = 0
    sums: dict[CellKey, list[int]] = field(default_factory=dict)


class Changes(Struct):
    """New books and kinds, entries, sums of full blocks, stocks with how many entries they had."""

    books: dict[StockKey, tuple[int, int]] = field(default_factory=dict)
    kinds: dict[Kind, int] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    grown: dict[int, tuple[Book, int]] = field(default_factory=dict)


def touched(batch: Batch) -> tuple[set[StockKey], set[Kind]]:
    """The stocks a batch moves units of, and the ways in which it does."""
    stocks: set[StockKey] = set()
    kinds: set[Kind] = set()
    for recorded, posted in batch.moved:
        stock_id, source, _ = posted[0]
        stocks.add(stock_id)
        topic, reason = recorded.topic, recorded.meta.reason
        kinds.update([(source, target, topic, reason) for _, target, _ in posted[1:]])
    return stocks, kinds


def fold(batch: Batch, state: State) -> Changes:
    """Turn a batch into entries; `state` moves on with it."""
    changes = Changes()
    sums, kinds, entries = state.sums, state.kinds, changes.entries
    size = blocks.SIZES.place
    block = (batch.recorded[0].position - 1) // size
    for recorded, posted in batch.moved:
        event, position = recorded.event, recorded.position
        assert isinstance(event, StockEvent)
        if position > (block + 1) * size:
            close(block, state, changes)
            block = (position - 1) // size
        book = _book(event, position, state, changes)
        number, place, at = book.number, book.place, event.occurred_at
        source, topic, reason = posted[0][1], recorded.topic, recorded.meta.reason
        for leg in range(1, len(posted)):
            _, target, quantity = posted[leg]
            name = (source, target, topic, reason)
            kind = kinds.get(name) or _new_kind(name, state, changes)
            entries.append((leg - 1, kind, number, place, position, book.entries, at, quantity))
            book.entries += 1
            key = (place, (at - EARLIEST) // DAY, kind)
            cell = sums.get(key)
            if cell is None:
                cell = sums[key] = [0, 0]
            cell[0] += quantity
            cell[1] += 1
    if batch.recorded[-1].position >= (block + 1) * size:
        close(block, state, changes)
    return changes


def close(block: int, state: State, changes: Changes) -> None:
    """A block of positions is full: write down its sums, and begin the next one."""
    network: dict[tuple[int, int], list[int]] = {}
    for (place, day, kind), (quantity, count) in state.sums.items():
        changes.cells.append((place, block, day, kind, quantity, count))
        total = network.setdefault((day, kind), [0, 0])
        total[0] += quantity
        total[1] += count
    changes.cells.extend(
        (NETWORK, block, day, kind, quantity, count)
        for (day, kind), (quantity, count) in network.items()
    )
    state.sums.clear()


def take_sums(state: State, rows: Iterable[tuple[int, int, int, int, int]]) -> None:
    """Sums of the block that is not yet full, from its stored entries."""
    for place, day, kind, quantity, count in rows:
        state.sums[place, day, kind] = [quantity, count]


def _book(event: StockEvent, position: int, state: State, changes: Changes) -> Book:
    key = (event.location, event.sku)
    book = state.stocks.get(key)
    if book is None:
        place = state.places.get(event.location)
        if place is None:
            place = state.places[event.location] = -position
            changes.books[event.location, ""] = (place, place)
        book = state.stocks[key] = Book(position, place)
        changes.books[key] = (position, place)
    if book.number not in changes.grown:
        changes.grown[book.number] = (book, book.entries)
    return book


def _new_kind(name: Kind, state: State, changes: Changes) -> int:
    state.kinds_total += 1
    state.kinds[name] = changes.kinds[name] = state.kinds_total
    return state.kinds_total
