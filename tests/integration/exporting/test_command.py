"""`inventory-ledger export` of real ledgers, killed and repeated."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from api.cli.export import command
from api.exporting.jsonl import row_of
from api.runtime.processes import wait_until
from projections.audit.row import Row
from tests.support.event_log import EventLog
from tests.support.histories import fill
from tests.support.http import Api, new, receive
from tests.support.servers import REPOSITORY, Database, RunningService

COMMANDS = 300
MANY = 60_000
DOCUMENT = REPOSITORY / "docs" / "export.md"
FORMATS = ("jsonl", "parquet")
FILL = """
insert into ledger.events (shard, stream, version, position, recorded_at, topic, state)
select 0, 'stock/ams-1/MUG', n, n, now(), 'stock.sold.v1', format('{{"number": %s}}', n)::bytea
  from generate_series(1, {0}) as n;
update ledger.heads set position = {0}
"""
"""More rows than one part of a file has; no event that anything could be made of."""


def export(source: Database | Path, path: Path | str, *options: str) -> Result:
    """Run the command; the file's name tells the format."""
    form = "parquet" if str(path).endswith(".parquet") else "jsonl"
    where = (
        ["--data-dir", str(source)]
        if isinstance(source, Path)
        else ["--database-url", source.service_url]
    )
    return CliRunner().invoke(command, ["--format", form, "-o", str(path), *where, *options])


def stored(database: Database) -> list[Row]:
    """The rows as the database has them."""
    found = database.execute(
        "select position, stream, version, topic, state,"
        " (extract(epoch from recorded_at) * 1000000)::bigint from ledger.events order by position"
    )
    return [Row(*row) for row in found]


def exported(path: Path) -> list[Row]:
    """The rows as a file has them."""
    if path.suffix == ".jsonl":
        return [row_of(line) for line in path.read_bytes().splitlines()]
    names = ("position", "stream", "version", "topic", "state")
    table = pq.read_table(path)
    at = [value.value for value in table.column("recorded_at")]
    return [
        Row(*row) for row in zip(*(table.column(n).to_pylist() for n in names), at, strict=True)
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_has_every_row_as_it_is_stored(
    database: Database, tmp_path: Path, form: str
) -> None:
    """To the byte and to the microsecond, whatever kinds of events there are."""
    head = fill(database.owner_url, 11, COMMANDS)
    path = tmp_path / f"ledger.{form}"
    result = export(database, path)

    assert 0 == result.exit_code, result.output
    assert stored(database) == exported(path)
    assert f"exported {head:,} events" in result.stdout
    assert "is complete already" in export(database, path).stdout


def test_standard_output_is_nothing_but_lines(database: Database) -> None:
    """What is said goes to standard error, so that the rest can be piped."""
    fill(database.owner_url, 11, COMMANDS)
    result = export(database, "-", "--from", "3", "--to", "40")

    assert 0 == result.exit_code, result.output
    rows = [row_of(line) for line in result.stdout_bytes.splitlines()]
    assert stored(database)[2:40] == rows
    assert "exported 38 events" in result.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_ledger_is_a_file_without_rows(
    database: Database, tmp_path: Path, form: str
) -> None:
    """Not an error: there is nothing, and that can be shown."""
    path = tmp_path / f"ledger.{form}"

    assert 0 == export(database, path).exit_code
    assert [] == exported(path)


@pytest.mark.parametrize("options", [("--to", "100"), ("--from", "7"), ("--from", "0")])
def test_positions_that_are_not_there_are_bad_usage(
    database: Database, tmp_path: Path, options: tuple[str, str]
) -> None:
    """Exit 2, and no file."""
    log = EventLog(database.owner_url)
    log.fill(5)
    log.close()
    result = export(database, tmp_path / "ledger.jsonl", *options)

    assert 2 == result.exit_code, result.output
    assert options[0] in result.stderr
    assert [] == list(tmp_path.iterdir())


def test_parquet_is_not_streamed(database: Database) -> None:
    """Its index is at its end; the other format is named."""
    arguments = ["--format", "parquet", "-o", "-", "--database-url", database.service_url]
    result = CliRunner().invoke(command, arguments)

    assert 2 == result.exit_code
    assert "jsonl" in result.stderr


def test_a_row_that_is_missing_is_named(database: Database, tmp_path: Path) -> None:
    """A file with a gap would look like a ledger with one."""
    fill(database.owner_url, 11, COMMANDS)
    database.execute(
        "set session_replication_role = replica; delete from ledger.events where position = 77"
    )
    result = export(database, tmp_path / "ledger.jsonl")

    assert 1 == result.exit_code
    assert "position 77 is missing" in result.stderr


def test_a_killed_process_is_simply_started_again(database: Database, tmp_path: Path) -> None:
    """The file it leaves is continued, and in the end like that of one nobody had killed."""
    database.execute(FILL.format(MANY))
    for form, half_way in (
        ("jsonl", lambda path: path.exists() and path.stat().st_size > 1_000_000),
        ("parquet", lambda path: any(Path(f"{path}.parts").glob("*.parquet"))),
    ):
        path, whole = tmp_path / f"killed.{form}", tmp_path / f"whole.{form}"
        while True:
            kill(database, path, form, half_way)
            result = export(database, path)
            assert 0 == result.exit_code, result.output
            if "is complete already" not in result.stdout:
                break
            path.unlink()  # It was done before it was killed, on a busy machine: once more.

        assert 0 == export(database, whole).exit_code
        assert "were there already" in result.stdout
        if form == "jsonl":
            assert whole.read_bytes() == path.read_bytes()
        else:
            assert pq.read_table(whole).equals(pq.read_table(path))
            assert MANY == pq.read_metadata(path).num_rows


def kill(database: Database, path: Path, form: str, half_way: Callable[[Path], bool]) -> None:
    """Start an export in a process of its own and kill it as soon as there is a part of it."""
    arguments = ["--format", form, "-o", str(path), "--database-url", database.service_url]
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli.main", "export", *arguments],
        cwd=REPOSITORY,
        env=dict(os.environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert wait_until(lambda: half_way(path) or process.poll() is not None, timeout_s=60.0)
    process.kill()
    assert process.wait() in {0, -signal.SIGKILL}


def test_the_running_service_is_used_and_a_stopped_one_is_not_needed(
    service_factory: Callable[..., RunningService], tmp_path: Path
) -> None:
    """With --data-dir one never has to know which of the two it is."""
    service = service_factory()
    api = Api.of(service)
    position = api.record(*[receive(new("MUG"))] * 3)["position"]
    api.close()
    path = tmp_path / "ledger.jsonl"
    while_running = export(service.data_dir, path)
    service.stop()
    afterwards = export(service.data_dir, path)

    assert 0 == while_running.exit_code, while_running.output
    assert position == len(exported(path))
    assert "is complete already" in afterwards.stdout


def test_the_questions_of_the_documentation_have_answers(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is printed there was run here: SQL of both formats says the same."""
    fill(database.owner_url, 11, COMMANDS)
    monkeypatch.chdir(tmp_path)
    for form in FORMATS:
        assert 0 == export(database, tmp_path / f"ledger.{form}").exit_code
    text = DOCUMENT.read_text()
    blocks = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    shell = re.findall(r'duckdb -c "([^"]+)"', text)
    topics, sold, sold_of_lines, counted = map(asked, [*blocks, *shell])

    assert sold
    assert sold == sold_of_lines
    assert [(row["topic"], row["events"]) for row in topics] == [
        (*row.values(),) for row in counted
    ]
    assert len(stored(database)) == sum(row["events"] for row in topics)


def asked(query: str) -> list[dict[str, Any]]:
    """The rows of an answer."""
    found = duckdb.sql(query)
    assert found is not None, "a question has an answer"
    rows: list[dict[str, Any]] = found.to_arrow_table().to_pylist()
    return rows
