"""Another system's balances in a file: read piece by piece, however many there are."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from msgspec import Struct

from api.importing.columns import EMPTY, UnreadableFile, as_text, readable

PIECE_ROWS: Final = 10_000
"""Rows in memory at once."""

FORMS: Final = {
    ".csv": "csv",
    ".txt": "csv",
    ".gz": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
"""What a file is, by its suffix."""

COLUMNS: Final = ("sku", "location", "quantity")
_UNIT: Final = "uom"  # Nobody has to say it.

_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,13}")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,13}\.[0-9]{1,12}")


class Balance(Struct, frozen=True, omit_defaults=True):
    """What the other system has of one key; a decimal number stays the text it is."""

    sku: str
    location: str
    quantity: int | str
    uom: str | None = None


_line: Final = msgspec.json.Decoder(Balance).decode
_encode: Final = msgspec.json.Encoder().encode


def form_of(path: Path, given: str | None) -> str:
    """A file's form: the one given, or that of its suffix. Raises UnreadableFile."""
    form = given or FORMS.get(path.suffix.lower())
    if form is None:
        raise UnreadableFile(f"{path.name}: say --format csv, jsonl or parquet")
    return form


def rows_of(path: Path, form: str) -> int | None:
    """About how many balances a file has; None where only reading it would tell."""
    if form == "parquet":
        rows: int = _parquet(path).metadata.num_rows
        return rows
    if path.suffix.lower() == ".gz":
        return None
    with path.open("rb") as file:
        lines = sum(piece.count(b"\n") for piece in iter(lambda: file.read(1 << 20), b""))
    return max(1, lines - (form == "csv"))


def lines_of(path: Path, form: str, location: str | None) -> Iterator[list[bytes]]:
    """The balances as JSON lines, some at a time. Raises UnreadableFile naming the row.

    `location` stands where the file has no such column.
    """
    read: dict[str, Callable[[Path, str | None], Iterator[list[bytes]]]] = {
        "csv": _of_csv,
        "jsonl": _of_json_lines,
        "parquet": _of_parquet,
    }
    try:
        yield from read[form](path, location)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(f"{path.name} is not a readable {form} file: {error}") from error


def _of_csv(path: Path, location: str | None) -> Iterator[list[bytes]]:
    # Every column as text: a SKU of digits stays what it is.
    with pa_csv.open_csv(path) as first:
        names: list[str] = first.schema.names
    wanted = _wanted(path, names, location)
    convert = pa_csv.ConvertOptions(
        include_columns=list(wanted.values()),
        column_types=dict.fromkeys(wanted.values(), pa.string()),
        null_values=EMPTY,
        strings_can_be_null=True,
    )
    with pa_csv.open_csv(path, convert_options=convert) as batches:
        yield from _of_batches(path, batches, wanted, location)


def _of_parquet(path: Path, location: str | None) -> Iterator[list[bytes]]:
    file = _parquet(path)
    wanted = _wanted(path, file.schema_arrow.names, location)
    columns = list(wanted.values())
    batches = file.iter_batches(batch_size=PIECE_ROWS, columns=columns)
    yield from _of_batches(path, batches, wanted, location)


def _parquet(path: Path) -> Any:
    try:
        return pa_parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFile(f"{path.name} is not a readable Parquet file: {error}") from error


def _wanted(path: Path, names: Iterable[str], location: str | None) -> dict[str, str]:
    """Our columns to the file's, whose names are compared without case."""
    present = {name.strip().lower(): name for name in names}
    needed = [name for name in COLUMNS if name != "location" or location is None]
    lacking = [name for name in needed if name not in present]
    if lacking:
        raise UnreadableFile(
            f"{path.name} has no column {' and no '.join(lacking)}; it has {', '.join(present)}"
        )
    return {name: present[name] for name in (*COLUMNS, _UNIT) if name in present}


def _of_batches(
    path: Path, batches: Iterable[Any], wanted: dict[str, str], location: str | None
) -> Iterator[list[bytes]]:
    def texts(batch: Any, name: str) -> list[str | None]:
        column = readable(path, wanted[name], batch[wanted[name]])
        found: list[str | None] = as_text(column).to_pylist()
        return found

    before = 0
    for batch in batches:
        skus = texts(batch, "sku")
        places: list[str | None] = [location] * len(skus)
        if "location" in wanted:
            places = texts(batch, "location")
        quantities = map(_quantity, texts(batch, "quantity"))
        units: list[str | None] = [None] * len(skus)
        if _UNIT in wanted:
            units = texts(batch, _UNIT)
        lines = []
        for row, (sku, place, quantity, unit) in enumerate(
            zip(skus, places, quantities, units, strict=True), start=before + 1
        ):
            if sku is None or place is None or quantity is None:
                lacking = COLUMNS[(sku, place, quantity).index(None)]
                raise UnreadableFile(f"{path.name}, row {row}: its {lacking} cannot be read")
            lines.append(_encode(Balance(sku, place, quantity, unit)))
        before += len(skus)
        yield lines


def _quantity(text: str | None) -> int | str | None:
    """An integer, or a decimal number as it stands; none where it is neither."""
    if text is None:
        return None
    if _INTEGER.fullmatch(text) is not None:
        return int(text)
    return text.lstrip("+") if _DECIMAL.fullmatch(text) is not None else None


def _of_json_lines(path: Path, location: str | None) -> Iterator[list[bytes]]:
    lines: list[bytes] = []
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                lines.append(_encode(_read(line, location)))
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise UnreadableFile(f"{path.name}, line {number}: {error}") from error
            if len(lines) == PIECE_ROWS:
                yield lines
                lines = []
    yield lines


def _read(line: bytes, location: str | None) -> Balance:
    if location is None:
        return _line(line)
    return msgspec.convert({"location": location} | msgspec.json.decode(line, type=dict), Balance)
