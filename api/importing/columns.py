"""Reads a CSV or Parquet file into named text and number columns, whatever it called them.

Everything here is columnar: half a million lines are read in a fraction of a second, and no line
becomes a Python object before it is sent.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

Column: TypeAlias = Any
"""A pyarrow array, or a chunked one. pyarrow comes without types."""

Table: TypeAlias = Any
"""A pyarrow table."""

_ENCODINGS: Final = ("utf8", "latin1")  # Spreadsheets of the nineties still write Latin-1.
_UNAMBIGUOUS_FORMS: Final = (
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
)
_RFC_3339: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
_DATE_FORMS: Final = (
    "%m/%d/%Y %H:%M",  # The original UCI form: 12/1/2010 8:26.
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
)
EMPTY: Final = [""]
"""What stands for nothing in a CSV file: NA and null are names like any other."""

_PARQUET_SUFFIXES: Final = (".parquet", ".pq")
_CSV_SUFFIXES: Final = (".csv", ".txt", ".gz", ".bz2")


class UnreadableFile(ValueError):
    """The file is not what the import expects; the message says why."""


def is_parquet(path: Path) -> bool:
    """Whether a file is read as Parquet; it goes by its name."""
    return path.suffix.lower() in _PARQUET_SUFFIXES


def read_columns(path: Path, aliases: Mapping[str, Iterable[str]], optional: set[str]) -> Table:
    """The columns named in `aliases`, under our names, in the file's order.

    Names are compared without case, spaces and punctuation. An absent optional column is null.
    """
    form = _Parquet(path) if is_parquet(path) else _Csv(path)
    present = {_plain(name): name for name in reversed(form.names)}
    found: dict[str, str] = {}
    for name, spellings in aliases.items():
        spelt = next((present[s] for s in map(_plain, spellings) if s in present), None)
        if spelt is not None:
            if form.names.count(spelt) > 1:
                raise UnreadableFile(f"{path.name} has more than one column {spelt}; leave one")
            found[name] = spelt
        elif name not in optional:
            raise UnreadableFile(
                f"{path.name} has no column {' or '.join(spellings)};"
                f" it has {', '.join(form.names)}"
            )
    table = form.read(list(dict.fromkeys(found.values())))
    columns = {
        name: readable(path, found[name], table[found[name]])
        if name in found
        else pa.nulls(table.num_rows, pa.string())
        for name in aliases
    }
    return pa.table(columns)


def readable(path: Path, name: str, column: Column) -> Column:
    """A column of text, numbers or times, in one piece; any other raises UnreadableFile."""
    try:
        column = _plain_array(column)
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            return pc.cast(column, pa.string())
        as_text(column[:0])
    except pa.ArrowException as error:
        raise UnreadableFile(
            f"{path.name}: its column {name} is of type {column.type}, which holds no text and no"
            " number; save it as text"
        ) from error
    return column


def as_text(column: Column) -> Column:
    """A column as text, trimmed; blank becomes null; numbers lose a fraction of zero."""
    text = pc.utf8_trim_whitespace(pc.cast(_plain_array(column), pa.string()))
    text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    if pa.types.is_floating(column.type):
        text = pc.replace_substring_regex(text, r"\.0+$", "")
    return text


def as_integers(column: Column) -> Column:
    """A column as 64-bit integers; what is not an integer of up to twelve digits is null."""
    text = as_text(column)
    readable = pc.match_substring_regex(text, r"^[+-]?[0-9]{1,12}$")
    digits = pc.replace_substring_regex(text, r"^\+", "")
    return pc.cast(pc.if_else(readable, digits, pa.scalar(None, pa.string())), pa.int64())


def is_zero(column: Column) -> Column:
    """Whether a price is nothing at all, as it stands, never rounded. Blank is not zero."""
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return pc.fill_null(pc.equal(column, pa.scalar(0, column.type)), False)
    zero = pc.match_substring_regex(as_text(column), r"^[+-]?0*\.?0*$")
    return pc.fill_null(zero, False)


def as_instants(column: Column) -> Column:
    """A column as timestamps in microseconds, UTC where it names no zone; unreadable is null."""
    column = _plain_array(column)
    if pa.types.is_timestamp(column.type):
        utc = pc.cast(column, pa.timestamp("us", column.type.tz), safe=False)
        return pc.cast(utc, pa.timestamp("us"))
    if pa.types.is_date(column.type):
        return pc.cast(column, pa.timestamp("us"))
    # Few distinct minutes against many lines: each is parsed once.
    coded = pc.dictionary_encode(as_text(column))
    return pc.take(_parsed(coded.dictionary), coded.indices)


def as_moments(column: Column) -> tuple[Column, Column]:
    """A column as timestamps in microseconds, UTC, and as it is written, where that is a text.

    A text has to be RFC 3339, with an offset; any other is null among the timestamps.
    """
    column = _plain_array(column)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return as_instants(column), pa.nulls(len(column), pa.string())
    coded = pc.dictionary_encode(written := as_text(column))
    return pc.take(_moments(coded.dictionary), coded.indices), written


def _moments(texts: Column) -> Column:
    is_one = pc.match_substring_regex(texts, _RFC_3339)
    plain = pc.utf8_upper(pc.if_else(is_one, texts, pa.scalar(None, pa.string())))
    plain = pc.replace_substring_regex(plain, r"(\.[0-9]{6})[0-9]+", r"\1")
    try:
        return pc.cast(pc.cast(plain, pa.timestamp("us", "UTC")), pa.timestamp("us"))
    except pa.ArrowInvalid:  # One of them is the 30th of February, or the like.
        return pa.array(map(_moment, plain.to_pylist()), pa.timestamp("us"))


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _parsed(texts: Column) -> Column:
    texts = pc.replace_substring_regex(texts, r"(Z|[+]00:?00)$", "")
    texts = pc.replace_substring_regex(texts, r"\.0+$", "")
    known = pa.nulls(len(texts), pa.timestamp("us"))
    for form in _UNAMBIGUOUS_FORMS:
        known = pc.coalesce(known, pc.strptime(texts, format=form, unit="us", error_is_null=True))
    if known.null_count == texts.null_count:
        return known
    # 1/2/2011 is two dates: one reading holds for the whole file, the one that explains most.
    readings = [
        pc.strptime(texts, format=form, unit="us", error_is_null=True) for form in _DATE_FORMS
    ]
    return pc.coalesce(known, min(readings, key=lambda reading: reading.null_count))


def _plain_array(column: Column) -> Column:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


class _Parquet:
    """A Parquet file: its column names, and some of its columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.names: list[str] = pa_parquet.read_schema(path).names
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFile(f"{path.name} is not a readable Parquet file: {error}") from error

    def read(self, names: list[str]) -> Table:
        try:
            return pa_parquet.read_table(self._path, columns=names)
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFile(f"{self._path.name} cannot be read: {error}") from error


class _Csv:
    """A CSV file, every column as text: an invoice number is a name, a quantity may be a slip."""

    _PARSE: Final = pa_csv.ParseOptions(newlines_in_values=True)

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.suffix.lower() not in _CSV_SUFFIXES:
            raise UnreadableFile(f"{path.name} is neither .csv nor .parquet; save it as one")
        self._encoding = _ENCODINGS[0]
        self.names: list[str] = self._in_some_encoding(self._names)

    def read(self, names: list[str]) -> Table:
        convert = pa_csv.ConvertOptions(
            include_columns=names,
            column_types=dict.fromkeys(names, pa.string()),
            null_values=EMPTY,
            strings_can_be_null=True,
        )
        return self._in_some_encoding(lambda: self._read(convert))

    def _names(self) -> list[str]:
        read = pa_csv.ReadOptions(encoding=self._encoding)
        with pa_csv.open_csv(self._path, read_options=read, parse_options=self._PARSE) as reader:
            names: list[str] = reader.schema.names
            return names

    def _read(self, convert: Any) -> Table:
        read = pa_csv.ReadOptions(encoding=self._encoding)
        return pa_csv.read_csv(
            self._path, read_options=read, parse_options=self._PARSE, convert_options=convert
        )

    def _in_some_encoding(self, attempt: Callable[[], Any]) -> Any:
        problem = ""
        for encoding in _ENCODINGS:
            self._encoding = encoding
            try:
                return attempt()
            except (pa.ArrowInvalid, OSError) as error:
                problem = str(error)
        raise UnreadableFile(f"{self._path.name} is not a readable CSV file: {problem}")
