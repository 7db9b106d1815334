"""How the auditor keeps accounts: every movement between two buckets, and sums over blocks."""

from collections.abc import Callable
from hashlib import blake2b
from struct import Struct
from typing import Final, TypeAlias

from projections.audit import wire, wire_base
from projections.audit.fingerprints import Fingerprint

STOCK_BLOCK = 256
PLACE_BLOCK = 4_096
FANOUT: Final = 16
NETWORK: Final = 0
_DAY: Final = 86_400_000_000
_YEAR_1: Final = -62_135_596_800_000_000

Kind: TypeAlias = tuple[str, str, str, str]
Row: TypeAlias = tuple[int, int, int, int, int, int, int, int]
"""Book, position, leg, kind, place, number, occurred_at, quantity."""

Cell: TypeAlias = tuple[int, int, int, int, int, int, int]
"""Book, level, block, day, kind, quantity, entries."""

OnCell: TypeAlias = Callable[[Cell], None]


ENTRY: Final = Struct("!8q")
_CELL: Final = Struct("!7q")

MASK: Final = 2**256 - 1
"""So wide that no set of other sums can be found that comes to the same."""


def cell_hash(cell: Cell) -> int:
    """The fingerprint of one sum, to be added to those of its book's other ones."""
    return int.from_bytes(blake2b(_CELL.pack(*cell), digest_size=32).digest(), "big")


class Blocks:
    """Sums of books whose blocks fill together; each is told once, when its block is full."""

    def __init__(self, *, of_places: bool = False) -> None:
        """Begin with the first block of every level; the network is all places together."""
        self._of_places = of_places
        self._levels: list[dict[tuple[int, int, int], tuple[int, int]]] = [{}]
        self._block = 0

    def add(self, book: int, kind: int, occurred_at: int, quantity: int) -> None:
        """One more entry in the present block."""
        key = (book, (occurred_at - _YEAR_1) // _DAY, kind)
        units, entries = self._levels[0].get(key, (0, 0))
        self._levels[0][key] = units + quantity, entries + 1

    def fill(self, blocks: int, on_cell: OnCell) -> None:
        """So many blocks are full."""
        while self._block < blocks:
            self._close(self._block, on_cell)
            self._block += 1

    def _close(self, block: int, on_cell: OnCell) -> None:
        level = 0
        if self._of_places:
            self._add_network(self._levels[0])
        while True:
            sums, self._levels[level] = self._levels[level], {}
            if len(self._levels) == level + 1:
                self._levels.append({})
            above = self._levels[level + 1]
            for key, (units, entries) in sums.items():
                book, day, kind = key
                on_cell((book, level, block, day, kind, units, entries))
                more, others = above.get(key, (0, 0))
                above[key] = units + more, entries + others
            block, rest = divmod(block + 1, FANOUT)
            if rest:
                return
            block, level = block - 1, level + 1

    def _add_network(self, sums: dict[tuple[int, int, int], tuple[int, int]]) -> None:
        for (_, day, kind), (units, entries) in list(sums.items()):
            more, others = sums.get((NETWORK, day, kind), (0, 0))
            sums[NETWORK, day, kind] = units + more, entries + others


class Account:
    """One stock: its number, its location's, and the fingerprint of its entries in order."""

    __slots__ = ("entries", "location", "number", "place", "rows", "sku", "trail")

    def __init__(self, location: str, sku: str, number: int, place: int) -> None:
        """Begin without entries, at the position of the first."""
        self.location = location
        self.sku = sku
        self.number = number
        self.place = place
        self.entries = 0
        self.trail = Fingerprint()
        self.rows: dict[tuple[int, int], Row] | None = None  # Kept where somebody looks into it.


class AccountBooks:
    """The accounts of all stocks, and the sums of locations and of the network."""

    def __init__(self) -> None:
        """Nothing has moved yet."""
        self.kinds: dict[Kind, int] = {}
        self.accounts: dict[tuple[str, str], Account] = {}
        self.places: dict[str, int] = {}
        self.sums: dict[int, int] = {}  # Fingerprints of sums, by book.
        self.cells: dict[int, set[Cell]] = {}  # The same, kept where somebody looks into it.
        self._blocks = Blocks(of_places=True)
        self._until = 0  # The last position of the block that is not full.

    def take(self, event: wire_base.Stock, reason: str, position: int) -> None:
        """Enter what one event of a stock moves."""
        accounts = event.accounts()
        if not accounts:
            return
        if position > self._until:
            self._until = -(-position // PLACE_BLOCK) * PLACE_BLOCK
            self._blocks.fill((position - 1) // PLACE_BLOCK, self._take_cell)
        account = self._account(event, position)
        for leg, (source, target, units) in enumerate(accounts):
            name = (source, target, wire.TOPICS[type(event)], reason)
            kind = self.kinds.setdefault(name, len(self.kinds) + 1)
            at, place, number = event.occurred_at, account.place, account.entries
            row = (account.number, position, leg, kind, place, number, at, units)
            account.entries += 1
            account.trail.add(ENTRY.pack(*row))
            if account.rows is not None:
                account.rows[position, leg] = row
            self._blocks.add(place, kind, at, units)

    def fill(self, head: int) -> None:
        """The log has been read up to a position."""
        self._blocks.fill(head // PLACE_BLOCK, self._take_cell)

    def _account(self, event: wire_base.Stock, position: int) -> Account:
        key = (event.location, event.sku)
        account = self.accounts.get(key)
        if account is None:
            place = self.places.setdefault(event.location, -position)
            account = self.accounts[key] = Account(*key, position, place)
        return account

    def _take_cell(self, cell: Cell) -> None:
        book = cell[0]
        self.sums[book] = (self.sums.get(book, 0) + cell_hash(cell)) & MASK
        if book in self.cells:
            self.cells[book].add(cell)
