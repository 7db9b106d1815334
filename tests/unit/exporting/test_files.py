"""Files of an export: what is in them, and how they go on after a kill."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pyarrow.parquet as pq
import pytest

from api.exporting.jsonl import JsonLinesFile, lines, row_of
from api.exporting.ledger import CannotExport, Ledger, Span
from api.exporting.output import Output
from api.exporting.parquet import FORMAT, SCHEMA, ParquetFile, held
from projections.audit.row import Row

START = 1_764_000_000_000_000
PART = 10
PAGE = 7
MEMORY_MAX = 32 * 1024 * 1024

Attempt: TypeAlias = Callable[..., Output]


class FakeLedger(Ledger):
    """A ledger of so many rows, without a database. `salt` makes it another one."""

    def __init__(self, events: int, salt: str = "") -> None:
        self.rows = [row(position, salt) for position in range(1, events + 1)]

    @property
    def head(self) -> int:
        return len(self.rows)

    def row(self, position: int) -> Row | None:
        return self.rows[position - 1] if 0 < position <= len(self.rows) else None

    def pages(self, after: int, last: int) -> Iterator[list[Row]]:
        for start in range(after, last, PAGE):
            yield self.rows[start : min(start + PAGE, last)]


def row(position: int, salt: str = "") -> Row:
    """A row that can be told from every other one."""
    state = f'{{"meta":{{"note":"ö{salt}"}}, "event":{{"n": {position} }}}}'.encode()
    return Row(
        position, f"stock/ams-1/MUG-{position % 3}", position, "t.v1", state, START + position
    )


def export(output: Output, ledger: Ledger, span: Span, pages: int | None = None) -> int:
    """One attempt, killed after so many pages; where it began."""
    try:
        after = output.resume(ledger, span)
        for number, page in enumerate(ledger.pages(after, span.last)):
            if number == pages:
                return after
            output.write(page)
        output.finish(span)
    finally:
        output.close()
    return after


def parquet(path: Path) -> ParquetFile:
    """An attempt in small parts."""
    return ParquetFile(path, part_events=PART)


def rows_in(path: Path) -> list[Row]:
    """What a file holds, whatever its format."""
    if path.suffix == ".jsonl":
        return [row_of(line) for line in path.read_bytes().splitlines()]
    table = pq.read_table(path)
    at = [value.value for value in table.column("recorded_at")]
    columns = [table.column(n).to_pylist() for n in ("position", "stream", "version", "topic")]
    return [
        Row(*values) for values in zip(*columns, table.column("state").to_pylist(), at, strict=True)
    ]


@pytest.fixture(params=[JsonLinesFile, parquet], ids=["jsonl", "parquet"])
def attempt(request: pytest.FixtureRequest) -> Attempt:
    """How a format begins or goes on."""
    chosen: Attempt = request.param
    return chosen


@pytest.fixture
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that is named for its format."""
    name = "jsonl" if "jsonl" in request.node.name else "parquet"
    return tmp_path / f"ledger.{name}"


def test_a_line_says_the_row_in_a_fixed_order_and_its_body_verbatim() -> None:
    """Auditors hash the bytes between; spaces and escapes are part of them."""
    line = b'{"shard":0,"position":12,"stream":"stock/ams-1/MUG-0","version":12,"topic":"t.v1",'
    line += b'"recorded_at":"2025-11-24T16:00:00.000012Z",'
    line += '"state":{"meta":{"note":"ö"}, "event":{"n": 12 }}}\n'.encode()

    assert line == lines([row(12)])
    assert row(12) == row_of(line)


@pytest.mark.parametrize("state", [b"\xff{", b"{", b'{"a":\n1}', b'"\xff"'])
def test_a_body_that_would_break_its_line_is_named(state: bytes) -> None:
    """A file that cannot be read line by line is worth nothing."""
    with pytest.raises(CannotExport, match="position 5"):
        lines([Row(5, "s", 1, "t.v1", state, START)])


def test_an_export_holds_every_row_and_leaves_nothing_beside_it(
    attempt: Attempt, path: Path
) -> None:
    """One file, from the first position to the last."""
    ledger = FakeLedger(33)
    export(attempt(path), ledger, Span(1, 33))

    assert ledger.rows == rows_in(path)
    assert [path] == list(path.parent.iterdir())


@pytest.mark.parametrize("pages", [0, 1, 2, 3, 4])
def test_a_killed_export_goes_on_where_it_ended(attempt: Attempt, path: Path, pages: int) -> None:
    """Whole lines and whole parts stay; the file is that of an export nobody had killed."""
    ledger = FakeLedger(33)
    export(attempt(path), ledger, Span(1, 33), pages)
    went_on = export(attempt(path), ledger, Span(1, 33))

    assert ledger.rows == rows_in(path)
    assert went_on >= pages * PAGE - PART
    assert [path] == list(path.parent.iterdir())


class LongLedger(FakeLedger):
    """Rows of two kilobytes, made when they are asked for."""

    def __init__(self, events: int) -> None:
        super().__init__(1)
        self.events = events

    def row(self, position: int) -> Row:
        state = b'{"n":%d,"text":"%s"}' % (position, b"%x" % position * 400)
        return Row(position, "stock/ams-1/MUG", position, "t.v1", state, START + position)

    def pages(self, after: int, last: int) -> Iterator[list[Row]]:
        for start in range(after, last, 500):
            yield [self.row(start + place) for place in range(1, 501)]


def memory_in_use() -> int:
    """Bytes of this process in the machine's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_a_long_ledger_takes_the_memory_of_some_pages(path: Path, form: str) -> None:
    """Half a million events or fifty thousand: the same, to the end of joining their parts."""

    def attempt() -> Output:
        return JsonLinesFile(path) if form == "jsonl" else ParquetFile(path, part_events=2_000)

    export(attempt(), LongLedger(5_000), Span(1, 5_000))
    path.unlink()
    ledger, output = LongLedger(60_000), attempt()
    output.resume(ledger, Span(1, 60_000))
    written = 0
    before = peak = memory_in_use()
    for page in ledger.pages(0, 60_000):
        output.write(page)
        written += sum(len(row.state) for row in page)
        peak = max(peak, memory_in_use())
    output.finish(Span(1, 60_000))
    output.close()

    assert written > 2 * MEMORY_MAX
    assert MEMORY_MAX > max(peak, memory_in_use()) - before


def test_a_finished_export_writes_nothing_again(attempt: Attempt, path: Path) -> None:
    """Repeating it is safe, and cheap."""
    ledger = FakeLedger(33)
    export(attempt(path), ledger, Span(1, 33))
    before = path.stat()

    assert 33 == export(attempt(path), ledger, Span(1, 33))
    assert (before.st_ino, before.st_mtime_ns) == (path.stat().st_ino, path.stat().st_mtime_ns)


@pytest.mark.parametrize("before", [0, 5, 33])
def test_a_later_export_adds_what_came_since(attempt: Attempt, path: Path, before: int) -> None:
    """A file once a week is a file that grows."""
    export(attempt(path), FakeLedger(before), Span(1, before))

    assert before == export(attempt(path), FakeLedger(50), Span(1, 50))
    assert FakeLedger(50).rows == rows_in(path)


def test_the_file_of_another_ledger_is_left_alone(attempt: Attempt, path: Path) -> None:
    """Two histories in one file would be neither's."""
    export(attempt(path), FakeLedger(20, "other"), Span(1, 20))
    before = path.read_bytes()

    with pytest.raises(CannotExport, match="ledger"):
        export(attempt(path), FakeLedger(33), Span(1, 33))
    assert before == path.read_bytes()


@pytest.mark.parametrize("content", [b"to whom it may concern", b"line\nline\n", b'{"shard":0}\n'])
def test_a_file_that_is_no_export_is_left_alone(
    attempt: Attempt, path: Path, content: bytes
) -> None:
    """A slip in a name must not cost somebody's work."""
    path.write_bytes(content)

    with pytest.raises(CannotExport, match="no export"):
        export(attempt(path), FakeLedger(33), Span(1, 33))
    assert content == path.read_bytes()


@pytest.mark.parametrize("asked", [Span(2, 33), Span(1, 20)])
def test_a_file_that_holds_other_positions_is_left_alone(
    attempt: Attempt, path: Path, asked: Span
) -> None:
    """It begins where it was told to begin, and never shrinks."""
    export(attempt(path), FakeLedger(33), Span(1, 33))

    with pytest.raises(CannotExport, match="position"):
        export(attempt(path), FakeLedger(33), asked)
    assert FakeLedger(33).rows == rows_in(path)


def test_one_file_is_written_by_one_export_at_a_time(attempt: Attempt, path: Path) -> None:
    """Two would write into each other's lines."""
    first = attempt(path)

    with pytest.raises(CannotExport, match="another export"):
        attempt(path)
    first.close()
    export(attempt(path), FakeLedger(3), Span(1, 3))


def test_a_torn_last_line_is_cut_wherever_it_was_torn(tmp_path: Path) -> None:
    """A kill comes at any byte."""
    ledger, path = FakeLedger(2), tmp_path / "ledger.jsonl"
    whole = lines(ledger.rows)
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        assert whole[:size].count(b"\n") == export(JsonLinesFile(path), ledger, Span(1, 2))
        assert whole == path.read_bytes()


def test_a_last_line_longer_than_a_block_is_found(tmp_path: Path) -> None:
    """A reservation of a thousand lines is one body."""
    ledger, path = FakeLedger(3), tmp_path / "ledger.jsonl"
    long = Row(2, "s", 1, "t.v1", b'{"n":"%s"}' % (b"n" * 300_000), START)
    ledger.rows[1] = long
    export(JsonLinesFile(path), ledger, Span(1, 2))

    assert 2 == export(JsonLinesFile(path), ledger, Span(1, 3))
    assert ledger.rows == rows_in(path)


def test_a_parquet_file_says_what_it_is_and_what_its_columns_mean(tmp_path: Path) -> None:
    """Found without us in ten years, it explains itself."""
    path = tmp_path / "ledger.parquet"
    ledger = FakeLedger(33)
    export(parquet(path), ledger, Span(5, 33))
    found = pq.read_schema(path)

    assert held(path).span == Span(5, 33)
    assert (held(path).ledger, FORMAT) == (
        ledger.name,
        found.metadata[b"inventory-ledger.format"].decode(),
    )
    assert SCHEMA.equals(found)
    assert all(len(field.metadata[b"comment"]) > 1 for field in found)
    assert rows_in(path) == ledger.rows[4:]


def test_parts_left_by_a_kill_after_the_file_got_its_name_are_removed(tmp_path: Path) -> None:
    """Nothing is told twice."""
    path = tmp_path / "ledger.parquet"
    ledger = FakeLedger(33)
    export(parquet(path), ledger, Span(1, 33))
    left = path.with_name("ledger.parquet.parts")
    left.mkdir()
    export(parquet(left / f"{11:019d}.parquet"), ledger, Span(11, 20))

    assert 33 == export(parquet(path), ledger, Span(1, 33))
    assert ledger.rows == rows_in(path)
    assert [path] == list(tmp_path.iterdir())


def test_a_gap_between_parts_is_named(tmp_path: Path) -> None:
    """A part that somebody removed is not passed over."""
    path = tmp_path / "ledger.parquet"
    ledger = FakeLedger(60)
    export(parquet(path), ledger, Span(1, 60), pages=8)
    parts = sorted(path.with_name("ledger.parquet.parts").iterdir())
    parts[1].unlink()

    with pytest.raises(CannotExport, match="not at"):
        export(parquet(path), ledger, Span(1, 60))
