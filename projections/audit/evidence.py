"""The tree once more from the rows, against its tiles, its checkpoints and those that were kept."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ledger.domain.laws import Breach, Breaches
from projections.audit.attested import LAW, Attested, NotOurs, not_attested, unsigned
from projections.audit.leaves import HASH_BYTES, TILE_HEIGHT, TILE_WIDTH, Tree, leaf_hash
from projections.audit.log import Behind, Source, wait_for
from projections.audit.notes import BadNote, Key, Note, read
from projections.audit.row import Row

_PAGE_TILES: Final = 64
_PAGE_CHECKPOINTS: Final = 1_000
_DIFFERENCES_MAX: Final = 20  # Rows named one by one; what follows is most often their echo.
_GONE: Final = b"\0" * HASH_BYTES  # Stands for a row that is not there.
_TILE: Final = 12  # A tile follows from the rows, as a projection does.


class Evidence:
    """Follows the log row by row. What differs is known at the end, when all has been seen."""

    def __init__(
        self,
        source: Source,
        found: Callable[[Breaches], None],
        kept: Sequence[Note] = (),
        keys: Sequence[Key] = (),
    ) -> None:
        """Take what an auditor has kept, and the keys he trusts instead of the ledger's own."""
        self._source = source
        self._found = found
        self._kept_notes = sorted(kept, key=lambda note: note.size)
        self._keys = list(keys)
        self._is_unknown = False  # Whether the ledger does not name the given keys as its own.
        self._origin: str | None = None
        self._attested = 0  # The size of the stored tree, as far as it is compared.
        self._stored = self._kept = Attested(iter(()))
        self._next = -1  # The size at which something is to be judged.
        self._tree = Tree(self._hash)
        self._levels: dict[int, list[bytes]] = {}  # Of each level, the tile that is not full yet.
        self._counts: dict[int, int] = {}
        self._pages: dict[int, dict[int, bytes]] = {}
        self._differences: list[int] = []
        self._differences_total = 0
        self._nodes: list[tuple[int, int]] = []  # Level and number of hashes above the leaves.
        self.behind: Behind | None = None

    def begin(self, head: int, timeout_s: float) -> None:
        """Wait for the tree as for a projection, and see what there is up to a position."""
        try:
            wait_for(self._source, "proof", head, timeout_s)
        except Behind as behind:
            self.behind = behind
        row = self._source.one("evidence")
        if row is None:
            self._found([Breach(LAW, 1, "the tree's place is gone")])
            self._kept = Attested(iter(self._kept_notes))  # All that is left to go by.
            self._judge()
            return
        ledger, end, size, last, number, count, keys = row
        self._origin = f"inventory-ledger/{ledger}"
        self._learn_keys(keys)
        if max(size, last) > end:
            what = f"{max(size, last)} positions are attested, the ledger ends at {end}"
            self._found([Breach(LAW, end + 1, what)])
        if size > max(0, last):
            what = f"the tree has {size} leaves, the last checkpoint attests {max(0, last)}"
            self._found([Breach(LAW, max(0, last) + 1, what)])
        if number != count:
            what = f"{number} checkpoints were made, {count} are there"
            self._found([Breach(LAW, 1, what)])
        self._attested = min(size, head)
        self._shape()
        self._stored = Attested(self._stored_notes(head))
        self._kept = Attested(note for note in self._kept_notes if self._is_ours(note))
        self._judge()

    def take(self, row: Row) -> None:
        """The next row of the log. Places that are missing before it are known to be empty."""
        for _ in range(min(row.position - 1, self._attested) - self._tree.size):
            self._append(_GONE)
        # What stands below the first position, or beyond a gap, is a breach of another law.
        if row.position == self._tree.size + 1:
            self._append(leaf_hash(row))

    def close(self) -> dict[str, int]:
        """Say what differs; how much was compared."""
        for _ in range(self._attested - self._tree.size):
            self._append(_GONE)
        for level in list(self._levels):
            self._compare(level)
        first = min(self._differences, default=None)
        self._rows(max(self._stored.held, self._kept.held))
        self._tiles_above()
        self._checkpoints(first)
        compared = {
            "leaves": min(self._tree.size, self._attested),
            "checkpoints": self._stored.compared,
        }
        return compared | ({"kept": self._kept.compared} if self._kept_notes else {})

    # -- the tree ----------------------------------------------------------------------------------

    def _append(self, leaf: bytes) -> None:
        self._hash(0, leaf)
        self._tree.append(leaf)
        if self._tree.size == self._next:
            self._judge()

    def _judge(self) -> None:
        size, root = self._tree.size, self._tree.root()
        self._stored.judge(size, root)
        self._kept.judge(size, root)
        sizes = [one.next_size for one in (self._stored, self._kept) if one.next_size >= 0]
        self._next = min(sizes, default=-1)

    def _hash(self, level: int, node: bytes) -> None:
        tile = self._levels.setdefault(level, [])
        tile.append(node)
        self._counts[level] = self._counts.get(level, 0) + 1
        if len(tile) == TILE_WIDTH:
            self._compare(level)

    def _compare(self, level: int) -> None:
        """A tile, as far as the stored tree went when the audit began."""
        hashes = self._levels.pop(level)
        first = self._counts[level] - len(hashes)
        due = min(len(hashes), (self._attested >> TILE_HEIGHT * level) - first)
        if due <= 0:
            return
        stored = self._tile(level, first // TILE_WIDTH)[: due * HASH_BYTES]
        if stored == b"".join(hashes[:due]):
            return
        for place in range(due):
            if stored[place * HASH_BYTES : (place + 1) * HASH_BYTES] != hashes[place]:
                self._differs(level, first + place)

    def _differs(self, level: int, number: int) -> None:
        if level:
            if len(self._nodes) < _DIFFERENCES_MAX:
                self._nodes.append((level, number))
            return
        self._differences_total += 1
        if len(self._differences) < _DIFFERENCES_MAX:
            self._differences.append(number + 1)

    def _tile(self, level: int, number: int) -> bytes:
        page = self._pages.get(level)
        if page is None or not min(page) <= number <= max(page):
            rows = self._source.all("tiles_from", (level, number, _PAGE_TILES))
            page = self._pages[level] = {number: b"", **dict(rows)}
        return page.get(number, b"")

    def _shape(self) -> None:
        """No tile is missing, too short, or of no tree at all."""
        for size, level, count, last, length in self._source.all("tile_levels"):
            hashes = 0 if level is None else size >> TILE_HEIGHT * level
            tiles = -(-hashes // TILE_WIDTH)
            if level is not None and (count, last, length) != (
                tiles,
                tiles - 1,
                hashes * HASH_BYTES,
            ):
                what = f"level {level} of the tree has {length // HASH_BYTES} hashes in {count}"
                what += f" tiles, a tree of {size} has {hashes} in {tiles}"
                self._found([Breach(_TILE, max(1, size), what)])

    # -- what was signed ---------------------------------------------------------------------------

    def _learn_keys(self, stored: list[str]) -> None:
        """The keys the ledger says it signs with, unless the auditor brought those he trusts."""
        named = []
        for text in stored:
            try:
                named.append(Key.read(text))
            except BadNote as problem:
                self._found([Breach(LAW, 1, str(problem))])
        if self._keys and not set(self._keys) & set(named):
            what = "the ledger does not name the given key as one of its own"
            self._found([NotOurs(LAW, 1, what)])
            self._is_unknown = True
        # A key of another ledger says nothing about this one, for or against it.
        self._keys = [key for key in self._keys if key.name == self._origin] or named

    def _stored_notes(self, until: int) -> Iterator[Note]:
        """Every stored checkpoint that can be read, each checked against its own row."""
        after, expected = -1, 0
        while rows := self._source.all("checkpoints_from", (after, until, _PAGE_CHECKPOINTS)):
            for size, number, root, text in rows:
                after, expected = size, expected + 1
                try:
                    note = read(text)
                except BadNote as problem:
                    self._found([Breach(LAW, size, f"the checkpoint of {size}: {problem}")])
                    continue
                if (note.size, note.root, number) != (size, root, expected):
                    what = f"the checkpoint of {size} stands in a row that says something else"
                    self._found([Breach(LAW, size, what)])
                if self._is_ours(note, is_stored=True) and note.size == size:
                    yield note

    def _is_ours(self, note: Note, *, is_stored: bool = False) -> bool:
        """Whether this ledger's key has signed it; others are breaches, and attest nothing."""
        breaches = unsigned(note, self._origin, self._keys)
        if is_stored and not self._is_unknown:  # Under its own key: that was not the ledger.
            breaches = [Breach(LAW, breach.position, breach.what) for breach in breaches]
        self._found(breaches)
        return not breaches

    # -- the end -----------------------------------------------------------------------------------

    def _rows(self, held: int) -> None:
        """Rows and leaves that differ: the rows were changed, or the tree was, if they hold."""
        for position in self._differences:
            if position <= held:
                what = "the tree holds another leaf here, and the rows are as they were attested:"
                what += " let it grow again with `rebuild proof`"
                self._found([Breach(_TILE, position, what)])
            else:
                what = "the row here is not the one that was attested, or it is gone"
                self._found([Breach(LAW, position, what)])
        more = self._differences_total - len(self._differences)
        if more:
            what = f"{more} rows from here on are not those that were attested"
            self._found([Breach(LAW, self._differences[-1] + 1, what)])

    def _tiles_above(self) -> None:
        """Hashes above the leaves, where no leaf below explains the difference."""
        for level, number in self._nodes:
            width = 1 << TILE_HEIGHT * level
            start = number * width
            if not any(start < position <= start + width for position in self._differences):
                what = f"the tree holds another hash over {start + 1} to {start + width}:"
                what += " let it grow again with `rebuild proof`"
                self._found([Breach(_TILE, start + 1, what)])

    def _checkpoints(self, first: int | None) -> None:
        failed = min(self._stored.failed, default=None)
        if failed is not None:
            where = (
                first if first is not None and first <= failed else max(self._stored.held, 0) + 1
            )
            what = f"the rows up to {failed} are not those that were attested"
            self._found([Breach(LAW, min(where, failed), what)])
        for size in self._kept.failed:
            # Who changed rows and had the key has signed them anew: then only what was kept counts.
            held = self._kept.held
            if failed is not None and failed <= size:
                held = max(held, self._stored.held)
            self._found([not_attested(size, held if held < size else 0, first)])
        end = self._tree.size
        for size in self._kept.beyond():
            what = f"a kept checkpoint attests {size} positions, the ledger has {end}"
            self._found([Breach(LAW, end + 1, what)])
