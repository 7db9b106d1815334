"""The commands as somebody meets them who has only a terminal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from api.cli.bench import BENCHES
from api.cli.main import main
from projections.registry import NAMES

COMMANDS = main.list_commands(click.Context(main))


def shown(*arguments: str) -> str:
    """What a call prints; help is no failure."""
    result = CliRunner().invoke(main, [*arguments, "--help"])
    assert 0 == result.exit_code, result.output
    return result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_something_to_copy(name: str) -> None:
    """The last lines are calls that fit a terminal and were not wrapped."""
    *_, last = shown(name).rstrip().split("\n\n")
    title, *calls = last.splitlines()

    assert title.strip() in {"Example:", "Examples:"}
    assert calls
    assert all(f"inventory-ledger {name}" in call and len(call) <= 90 for call in calls)


def test_the_list_of_commands_says_each_in_one_whole_sentence() -> None:
    """A sentence that is cut off leaves the reader to guess."""
    listed = shown().partition("Commands:")[2]

    assert "..." not in listed
    assert [line.split()[0] for line in listed.strip().splitlines()] == COMMANDS


@pytest.mark.parametrize(("command", "names"), [("bench", BENCHES), ("rebuild", NAMES)])
def test_help_lists_what_a_name_may_be(command: str, names: list[str]) -> None:
    """Nobody has to guess wrong first."""
    words = re.findall(r"\w+", shown(command))

    assert set(names) <= set(words)


@pytest.fixture(autouse=True)
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """None that somebody has configured where the tests run."""
    for name in ("DATABASE_URL", "NATS_URL", "NATS_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)


def called(*arguments: object) -> Result:
    """A call to its end, which is never a traceback."""
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    assert isinstance(result.exception, SystemExit | None), repr(result.exception)
    return result


def said(result: Result) -> str:
    """What stands on standard error, however it was wrapped."""
    return " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "url", ["", "foo", "ftp://h", "http://", "http://h:abc", "http://[", "http://h h", "http://ü"]
)
@pytest.mark.parametrize("name", ["import", "reconcile", "channels", "history"])
def test_a_url_that_is_none_is_bad_usage(tmp_path: Path, name: str, url: str) -> None:
    """At once: nobody waits for what can never answer."""
    path = tmp_path / "list.csv"
    path.write_text("document,type,sku,location,quantity\nD,sale,A,ams-1,1\n")
    calls: dict[str, list[object]] = {
        "import": ["import", path, "--format", "movements", "--url", url],
        "reconcile": ["reconcile", path, "--source", "erp", "--url", url],
        "channels": ["channels", "--url", url, "list"],
        "history": ["history", "A", "ams-1", "--url", url],
    }

    result = called(*calls[name])
    assert 2 == result.exit_code
    assert "is no URL such as" in said(result)


def test_a_file_of_unreadable_lines_is_no_success(tmp_path: Path) -> None:
    """Each of the first is named by its line, as an editor counts; nothing is asked of anybody."""
    path = tmp_path / "list.csv"
    path.write_text("document,type,sku,location,quantity\nD,sale,,ams-1,1\nD,sale,,ams-1,1\n")
    url = "http://127.0.0.1:1"

    result = called("import", path, "--format", "movements", "--url", url)
    assert 1 == result.exit_code
    assert "list.csv, line 2 is left out: it has no sku" in said(result)
    assert "no line of list.csv can be read" in said(result)


@pytest.mark.parametrize(
    "given",
    [
        ("--as-of", "yesterday"),
        ("--as-of", "2026-11-23T22:00:00"),
        ("--taken-at", "2026-11"),
        ("--known-at", "soon"),
        ("-o", "missing/all.csv"),
        ("-o", "all.xlsx"),
    ],
)
def test_a_reconciliation_in_wrong_words_is_bad_usage(tmp_path: Path, given: list[str]) -> None:
    """Before anything is sent to anybody."""
    path = tmp_path / "list.csv"
    path.write_text("sku,location,quantity\nA,ams-1,1\n")

    where = ("--source", "erp", "--url", "http://127.0.0.1:1")
    assert 2 == called("reconcile", path, *where, *given).exit_code


def test_what_was_written_before_stays_until_there_is_an_answer(tmp_path: Path) -> None:
    """A service that is away costs nobody the last one."""
    path, output = tmp_path / "list.csv", tmp_path / "all.csv"
    path.write_text("sku,location,quantity\nA,ams-1,1\n")
    output.write_text("of last week")

    where = ("--source", "erp", "--url", "http://127.0.0.1:1", "-o", output)
    assert 1 == called("reconcile", path, *where).exit_code
    assert "of last week" == output.read_text()
    assert {path, output} == set(tmp_path.iterdir())


def test_a_service_that_is_not_there_is_said_in_a_sentence() -> None:
    """Where nobody listens, `channels` has asked often enough after some seconds."""
    result = called("channels", "--url", "http://127.0.0.1:1", "list")

    assert 1 == result.exit_code
    assert "refused" in said(result).lower() or "errno 111" in said(result).lower()


def test_a_message_server_that_is_not_there_is_said_in_a_sentence() -> None:
    """Within seconds, instead of waiting for it without a word."""
    result = called("tail", "--nats-url", "nats://127.0.0.1:1")

    assert 1 == result.exit_code
    assert "the message server does not answer" in said(result)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"http": "http://127.0.0.1:1"}'])
def test_a_damaged_description_of_a_service_is_named(tmp_path: Path, text: str) -> None:
    """And what to do about it."""
    (tmp_path / "runtime.json").write_text(text)

    result = called("history", "A", "ams-1", "--data-dir", tmp_path)
    assert 1 == result.exit_code
    assert "runtime.json is damaged" in said(result)


@pytest.mark.parametrize("name", ["serve", "history A ams-1"])
def test_a_data_directory_that_cannot_be_is_named(tmp_path: Path, name: str) -> None:
    """One below a file is like one without permission, which a superuser never lacks."""
    (tmp_path / "file").touch()

    result = called(*name.split(), "--data-dir", tmp_path / "file" / "data")
    assert 1 == result.exit_code
    assert "choose another with --data-dir" in said(result)


@pytest.mark.parametrize("name", ["verify", "export --format jsonl -o -"])
def test_who_only_reads_makes_no_ledger(tmp_path: Path, name: str) -> None:
    """In a mistyped directory all would be well, and nothing would be verified."""
    result = called(*name.split(), "--data-dir", tmp_path / "typo")

    assert 2 == result.exit_code
    assert "there is no data directory" in said(result)
    assert [] == list(tmp_path.iterdir())


def test_what_cannot_be_printed_is_said(tmp_path: Path) -> None:
    """A full disk is no mistake of ours, and no success."""
    path = tmp_path / "ledger.jsonl"
    path.touch()
    command = [sys.executable, "-m", "api.cli.main", "audit", str(path), "--json"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=os.environ
        )

    assert 1 == ended.returncode
    assert "Error: standard output: No space left" in ended.stderr
    assert "Traceback" not in ended.stderr
