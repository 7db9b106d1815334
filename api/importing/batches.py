"""Movements in columns, cut into the requests that carry them.

A batch is what one POST records, whole or not at all: an invoice, or a part of a long one. Its
idempotency key is made of its document's name and its part, so that the same line has the same
movement id, `<key>/<index>`, in whichever file, at whichever time it is sent.
"""

from collections.abc import Hashable
from typing import Final, Protocol

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from api.importing.columns import Column, Table

BATCH_MOVEMENTS_MAX: Final = 1_000
"""What the service takes in one call."""


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


class Batches:
    """All requests of an import, in file order, made ready one by one.

    `stocks` are small numbers: equal numbers in two batches mean that one has to wait for the
    other. `table` needs the columns `document` (keys), `stock` (numbers) and `body` (JSON texts).
    """

    def __init__(self, table: Table) -> None:
        """Cut the rows: a new batch where the document changes and after every 1,000 rows."""
        self.rows: int = table.num_rows
        starts, self._keys = _cut(table["document"].combine_chunks())
        self._offsets = [*starts, self.rows]
        self._stocks: list[int] = table["stock"].to_pylist()
        bodies = pa.ListArray.from_arrays(
            pa.array(self._offsets, pa.int32()), table["body"].combine_chunks()
        )
        self._bodies = pc.binary_join(pc.cast(bodies, pa.list_(pa.string())), ",")

    def __len__(self) -> int:
        """How many requests there are."""
        return len(self._keys)

    def __getitem__(self, index: int) -> Batch:
        """One request, as it goes over the wire."""
        low, high = self._offsets[index], self._offsets[index + 1]
        movements = self._bodies[index].as_py().encode()
        return Batch(
            self._keys[index],
            b'{"movements":[' + movements + b"]}",
            high - low,
        )

    def stocks(self, index: int) -> tuple[int, ...]:
        """Which stocks one request touches; a number may come up more than once."""
        return tuple(self._stocks[self._offsets[index] : self._offsets[index + 1]])


def _cut(documents: Column) -> tuple[list[int], list[str]]:
    """Where batches start, and their keys: the document, and `.2`, `.3` … for its later parts."""
    if not len(documents):
        return [], []
    coded = pc.run_end_encode(documents, run_end_type=pa.int64())
    starts: list[int] = []
    keys: list[str] = []
    parts: dict[str, int] = {}
    low = 0
    for high, name in zip(coded.run_ends.to_pylist(), coded.values.to_pylist(), strict=True):
        for start in range(low, high, BATCH_MOVEMENTS_MAX):
            part = parts[name] = parts.get(name, 0) + 1
            starts.append(start)
            keys.append(name if part == 1 else f"{name}.{part}")
        low = high
    return starts, keys


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
