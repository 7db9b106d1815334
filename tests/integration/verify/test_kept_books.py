"""The books of a clean audit: gone on from where the rows are still those, never believed."""

import json
import pickle
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from api.cli.verify import command
from api.runtime.verified import FILE
from projections.audit import kept
from tests.support.audited import Audited, project
from tests.support.histories import Histories, Item, append
from tests.support.servers import Database

FIRST, ALL = 200, 400


class Growing:
    """A ledger whose history is written in two halves, and its data directory."""

    def __init__(self, database: Database, home: Path) -> None:
        self.home = home
        self._database = database
        self._items: list[Item] = list(Histories(7).items(ALL))
        self.middle = self._write(self._items[:FIRST])
        self.audited = Audited(database, self.middle)

    def grow(self) -> int:
        """Write the second half."""
        self.audited.head = self._write(self._items[FIRST:])
        return self.audited.head

    def _write(self, items: list[Item]) -> int:
        with psycopg.connect(self._database.owner_url) as connection:
            head = append(connection, items)
        project(self._database.service_url)
        return head

    def run(self, *options: str) -> Result:
        """Run the command."""
        urls = ["--database-url", self._database.service_url, "--data-dir", str(self.home)]
        return CliRunner().invoke(command, [*urls, *options])

    def answer(self, *options: str) -> dict[str, Any]:
        """What it prints with `--json`."""
        result = self.run("--json", *options)
        found: dict[str, Any] = json.loads(result.stdout) | {"said": result.stderr}
        return found

    def found(self, *options: str) -> list[tuple[int, int]]:
        """Law and position of every breach."""
        return [(one["law"], one["position"]) for one in self.answer(*options)["breaches"]]


@pytest.fixture
def growing(database: Database, tmp_path: Path) -> Growing:
    """A ledger that has been audited once, and has grown since."""
    ledger = Growing(database, tmp_path)
    assert ledger.answer()["ok"]
    ledger.grow()
    return ledger


def test_only_what_came_since_is_judged_anew(growing: Growing) -> None:
    """The same books come of it as of an audit from zero; what was only hashed is said."""
    since = growing.answer("--incremental")
    whole = growing.answer()

    assert (True, growing.middle + 1) == (since["ok"], since["from"]), since["said"]
    assert since["position"] == whole["position"] == growing.audited.head
    assert since["fingerprint"] == whole["fingerprint"]
    assert growing.middle == since["checked"]["kept rows"]
    for name in ("stock", "history", "reservations", "order_lines"):
        assert since["checked"][name] == whole["checked"][name], name


def test_what_was_gone_on_from_is_kept_again(growing: Growing) -> None:
    """So that every audit costs what has come since the last one."""
    growing.answer("--incremental")

    assert growing.audited.head + 1 == growing.answer("--incremental")["from"]


def test_the_file_is_its_owners_alone(growing: Growing) -> None:
    """It holds what the ledger holds."""
    assert 0o600 == stat.S_IMODE((growing.home / FILE).stat().st_mode)


def test_a_row_altered_since_it_was_verified_is_found(growing: Growing) -> None:
    """Even a text that no law and no projection knows: it was attested, and is another now."""
    position = growing.audited.position_of("stock.sold.v1", 3)
    assert position <= growing.middle
    growing.audited.forge(
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), 'ref-',"
        " 'fer-')::bytea where position = %s",
        position,
    )

    assert {(17, position)} == set(growing.found())


def test_a_row_altered_since_is_found_by_the_books(growing: Growing) -> None:
    """To the block of rows, where they were hashed; the tree beside them says which one it is."""
    position = growing.audited.position_of("stock.sold.v1", 3)
    growing.audited.forge(
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), 'ref-',"
        " 'fer-')::bytea where position = %s",
        position,
    )

    for _ in range(2):  # What was found does not go away by looking.
        assert {(17, 1), (17, position)} == set(growing.found("--incremental"))


def test_an_event_forged_beyond_the_books_is_found(growing: Growing) -> None:
    """With the same sentence as from zero."""
    position = growing.audited.position_of("stock.received.v1", -2)
    assert position > growing.middle
    growing.audited.forge(
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), '\"quantity\":',"
        " '\"quantity\":9')::bytea where position = %s",
        position,
    )

    since = growing.answer("--incremental")["breaches"]
    whole = growing.answer()["breaches"]
    assert since == whole != []


def test_books_that_end_before_a_range_carry_every_law_into_it(growing: Growing) -> None:
    """A range is judged like the whole log, as far as that goes without the projections."""
    position = growing.audited.position_of("stock.reserved.v1", -5)
    growing.audited.forge(
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), '\"quantity\":',"
        " '\"quantity\":9')::bytea where position = %s",
        position,
    )
    assert growing.middle + 20 < position
    options = ("--from", str(growing.middle + 20), "--to", str(growing.audited.head - 1))

    alone = growing.answer(*options)
    carried = growing.answer(*options, "--incremental")
    assert ([], growing.middle + 20) == (alone["breaches"], alone["from"])
    assert growing.middle + 1 == carried["from"]
    assert carried["breaches"]
    assert "need the books" not in " ".join(carried["uncovered"])


def test_a_projections_row_of_before_is_compared_all_the_same(growing: Growing) -> None:
    """A projection may be altered at any time, however old the event behind the row."""
    row = growing.audited.forge(
        "with one as (select ctid as place from projections.history order by position limit 1)"
        " update projections.history t set sellable = sellable + 1 from one"
        " where t.ctid = one.place returning position"
    )

    assert [(12, row[0][0])] == growing.found("--incremental")


def _damage(data: bytes) -> bytes:
    return data[:-10] + bytes(10)


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _of_other_code(data: bytes) -> bytes:
    return data.replace(kept.code_hash().encode(), b"0" * 64)


def _of_another_ledger(data: bytes) -> bytes:
    line, _, content = data.partition(b"\n")
    header = json.loads(line) | {"ledger": "1/1"}
    return json.dumps(header).encode() + b"\n" + content


def _evil(data: bytes) -> bytes:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (Path("/tmp/evil"),)

    content = pickle.dumps(Evil())
    header = json.loads(data.partition(b"\n")[0])
    header["content"] = sha256(content).hexdigest()
    return json.dumps(header).encode() + b"\n" + content


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_damage, "it is damaged"),
        (_half, "it is damaged"),
        (_of_other_code, "another version of the auditor"),
        (_of_another_ledger, "about another ledger"),
        (_evil, "which no book is made of"),
        (lambda _: b"", "it is damaged"),
    ],
    ids=["damaged", "half", "other code", "another ledger", "evil", "empty"],
)
def test_what_does_not_fit_is_said_and_the_audit_begins_at_zero(
    growing: Growing, change: Callable[[bytes], bytes], why: str
) -> None:
    """Nothing is taken from a file that is not exactly what was left."""
    file = growing.home / FILE
    file.write_bytes(change(file.read_bytes()))

    result = growing.run("--incremental", "--json")
    assert why in result.stderr
    answer = json.loads(result.stdout)
    assert (True, 1, growing.audited.head) == (answer["ok"], answer["from"], answer["events"])


def test_without_books_the_audit_begins_at_zero(growing: Growing) -> None:
    """The first audit of a ledger asks for no other command."""
    (growing.home / FILE).unlink()

    result = growing.run("--incremental", "--json")
    assert "no clean audit" in result.stderr
    assert 1 == json.loads(result.stdout)["from"]


def test_an_audit_that_found_something_leaves_the_books_alone(growing: Growing) -> None:
    """What it has seen is not worth going on from."""
    before = (growing.home / FILE).read_bytes()
    growing.audited.forge("update projections.stock set sellable = sellable + 1")

    assert growing.found()
    assert before == (growing.home / FILE).read_bytes()
