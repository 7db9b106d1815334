"""Movements in columns, cut into the requests that carry them.

Every movement goes out under an id of its own, `<document>:<line>`, so the same line is the same
movement in whichever file, at whichever time, beside whichever neighbours it is sent. A request
takes as many whole documents as fit: one round trip and one commit for a thousand movements
instead of for twenty, and no document recorded by halves.
"""

from collections.abc import Hashable
from typing import Final, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from api.importing.columns import Column, Table

BATCH_MOVEMENTS_MAX: Final = 1_000
"""What the service takes in one call; a longer document goes in several."""


class Batch(msgspec.Struct, frozen=True, gc=False):
    """One request: its idempotency key, its JSON body, and how many movements it has."""

    key: str
    body: bytes
    movements: int


class Work(Protocol):
    """Requests in an order that each stock's are sent in."""

    def __len__(self) -> int:
        """How many requests there are."""
        ...

    def __getitem__(self, index: int) -> Batch:
        """One request, as it goes over the wire."""
        ...

    def stocks(self, index: int) -> tuple[Hashable, ...]:
        """Which stocks one request touches: requests that share one are sent one by one."""
        ...

    def parts(self, index: int) -> list[Batch]:
        """The same movements in smaller requests, where one of them is refused for its id."""
        ...


class Batches:
    """All requests of an import, in file order, made ready one by one.

    `table` needs the columns `document`, `id`, `stock` (equal numbers: the same stock) and `body`
    (JSON objects).
    """

    def __init__(self, table: Table) -> None:
        """Cut the rows, never within a document that fits into a request."""
        table = table.combine_chunks()
        self.rows: int = table.num_rows
        self._ids = _array(table["id"])
        self._bodies = _array(table["body"])
        self._stocks: list[int] = table["stock"].to_pylist()
        self._ends = _document_ends(_array(table["document"]))
        self._packs = _packs(self._ends)

    def __len__(self) -> int:
        """How many requests there are."""
        return len(self._packs)

    def __getitem__(self, index: int) -> Batch:
        """One request, as it goes over the wire."""
        return self._batch(*self._packs[index])

    def stocks(self, index: int) -> tuple[int, ...]:
        """Which stocks one request touches; a number may come up more than once."""
        return tuple(self._stocks[slice(*self._packs[index])])

    def parts(self, index: int) -> list[Batch]:
        """One request for each document in it."""
        low, high = self._packs[index]
        ends = [end for end in self._ends if low < end < high] + [high]
        return [self._batch(*span) for span in zip([low, *ends], ends, strict=False)]

    def _batch(self, low: int, high: int) -> Batch:
        """The key says from which line to which: it is the same in every file that has them."""
        key = f"{self._ids[low]}..{self._ids[high - 1]}"
        movements = ",".join(self._bodies[low:high].to_pylist())
        return Batch(key, f'{{"movements":[{movements}]}}'.encode(), high - low)


def _document_ends(documents: Column) -> list[int]:
    """The row after the last one of each run of one document."""
    ends: list[int] = pc.run_end_encode(documents, run_end_type=pa.int64()).run_ends.to_pylist()
    return ends


def _packs(ends: list[int]) -> list[tuple[int, int]]:
    """Spans of rows: whole documents as long as they fit, a longer document in several."""
    packs: list[tuple[int, int]] = []
    low = high = 0
    for end in ends:
        if end - low > BATCH_MOVEMENTS_MAX and high > low:
            packs.append((low, high))
            low = high
        while end - low > BATCH_MOVEMENTS_MAX:
            packs.append((low, low + BATCH_MOVEMENTS_MAX))
            low += BATCH_MOVEMENTS_MAX
        high = end
    if high > low:
        packs.append((low, high))
    return packs


def _array(column: Column) -> Column:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def movement_ids(documents: Column) -> Column:
    """`<document>:<line>` for each row, lines counted from 1 within the document."""
    coded = pc.dictionary_encode(_array(documents))
    seen = [0] * len(coded.dictionary)
    lines: list[int] = []
    for code in coded.indices.to_pylist():
        if code is None:
            lines.append(0)
            continue
        seen[code] += 1
        lines.append(seen[code])
    return join_texts(documents, ":", pc.cast(pa.array(lines, pa.int64()), pa.string()))


def json_texts(texts: Column) -> Column:
    """Each text as a JSON string, quotes included; each distinct one is encoded once."""
    coded = pc.dictionary_encode(texts)
    encode = msgspec.json.encode
    distinct = coded.dictionary.to_pylist()
    quoted = pa.array([encode(text).decode() for text in distinct], pa.string())
    return pc.take(quoted, coded.indices)


def json_instants(instants: Column) -> Column:
    """Each timestamp as a quoted RFC 3339 time in UTC, without a fraction where it has none."""
    coded = pc.dictionary_encode(instants)
    times = pc.strftime(coded.dictionary, format='"%Y-%m-%dT%H:%M:%SZ"')
    return pc.take(pc.replace_substring_regex(times, r"\.0+Z", "Z"), coded.indices)


def join_texts(*parts: Column) -> Column:
    """Columns and constants, side by side, as one text a row."""
    columns = [pa.scalar(part, pa.string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*columns, "")
