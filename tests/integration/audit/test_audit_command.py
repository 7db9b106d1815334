"""`inventory-ledger audit`: an export and what an auditor kept, and nothing else of ours."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from click.testing import CliRunner, Result
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.cli.audit import command
from api.schemas.audit import ConsistencyAnswer, InclusionAnswer
from projections.progress import Pool
from projections.proof import queries
from projections.proof.notes import Signer, checkpoint
from tests.support.attested import attest, vkey_of
from tests.support.exports import rows_of, write
from tests.support.histories import Histories, append
from tests.support.servers import Cluster

Rows = list[dict[str, Any]]
MIDDLE = 100


class Evidence(Struct):
    """Rows, checkpoints and proofs, as an auditor has them."""

    rows: Rows
    notes: list[str]
    key: str
    inclusion: bytes
    consistency: bytes
    proven: int

    @property
    def sizes(self) -> list[int]:
        """Of the checkpoints."""
        return [int(note.split("\n")[1]) for note in self.notes]


@pytest.fixture(scope="module")
def evidence(postgres_cluster: Cluster) -> Iterator[Evidence]:
    """Of a ledger that has been attested twice and gone on."""
    with postgres_cluster.database() as database:
        url = database.service_url
        items = list(Histories(5).items(260))
        with psycopg.connect(database.owner_url) as connection:
            for part in (items[:MIDDLE], items[MIDDLE:200]):
                append(connection, part)
                connection.commit()
                attest(url)
            append(connection, items[200:])
        notes = database.execute("select note from proof.checkpoints where size > 0 order by size")
        inclusion, consistency = asyncio.run(_proofs(url))
        yield Evidence(
            rows=rows_of(database),
            notes=[note for (note,) in notes],
            key=vkey_of(url),
            inclusion=msgspec.json.encode(inclusion),
            consistency=msgspec.json.encode(consistency),
            proven=inclusion.position,
        )


async def _proofs(url: str) -> tuple[InclusionAnswer, ConsistencyAnswer]:
    pool: Pool = AsyncConnectionPool(url, min_size=1, max_size=1, open=False)
    async with pool:
        last = await queries.last(pool)
        assert last is not None
        inclusion = await queries.inclusion(pool, 42, last)
        consistency = await queries.consistency(pool, MIDDLE, last.size)
    return InclusionAnswer.of(inclusion), ConsistencyAnswer.of(consistency)


class Auditor:
    """Who has files in a directory, and the command."""

    def __init__(self, home: Path, evidence: Evidence) -> None:
        self.home = home
        self.kept = home / "kept.txt"
        self.kept.write_text("\n".join(evidence.notes))

    def export(self, rows: Rows, name: str = "ledger.jsonl") -> Path:
        """Write an export."""
        return write(self.home / name, rows)

    def audit(self, *arguments: object) -> Result:
        """Run the command with what was kept."""
        given = [str(one) for one in arguments]
        return CliRunner().invoke(command, [*given, "--checkpoint", str(self.kept)])

    def found(self, *arguments: object) -> list[tuple[int, int]]:
        """Law and position of what differs."""
        result = self.audit(*arguments, "--json")
        document = json.loads(result.stdout)
        found = [(one["law"], one["position"]) for one in document["breaches"]]
        assert (1 if found else 0) == result.exit_code
        return found


@pytest.fixture
def auditor(tmp_path: Path, evidence: Evidence) -> Auditor:
    """One who has kept the checkpoints."""
    return Auditor(tmp_path, evidence)


@pytest.mark.parametrize("name", ["ledger.jsonl", "ledger.parquet"])
def test_an_export_that_nobody_touched_passes(
    auditor: Auditor, evidence: Evidence, name: str
) -> None:
    """In either format: rows, laws, tree, checkpoints, signatures and proofs."""
    export = auditor.export(evidence.rows, name)
    proofs = [auditor.home / "inclusion.json", auditor.home / "consistency.json"]
    proofs[0].write_bytes(evidence.inclusion)
    proofs[1].write_bytes(evidence.consistency)

    result = auditor.audit(export, *proofs, "--key", evidence.key, "--json")
    assert 0 == result.exit_code, result.output
    report = json.loads(result.stdout)
    count = len(evidence.rows)
    assert (True, 1, count) == (report["ok"], report["first"], report["last"])
    assert {"positions": count, "laws": count, "checkpoints": 3, "proofs": 2} == report["checked"]
    assert (
        f"positions {evidence.sizes[-1] + 1} to {count}: no checkpoint" in report["not_checked"][0]
    )


def test_files_are_taken_in_the_order_of_their_positions(
    auditor: Auditor, evidence: Evidence
) -> None:
    """A shell names ten before nine; and formats may be mixed."""
    ends = (0, 90, 300, len(evidence.rows))
    files = [
        auditor.export(evidence.rows[start:end], name)
        for start, end, name in zip(
            ends, ends[1:], ("c.jsonl", "b.parquet", "a.jsonl"), strict=False
        )
    ]

    assert [] == auditor.found(*reversed(files))
    assert (10, 91) in auditor.found(files[0], files[2])


def _altered(rows: Rows) -> Rows:
    state = rows[49]["state"].replace(b'"reason":"', b'"reason":"x')
    assert state != rows[49]["state"]
    return [*rows[:49], {**rows[49], "state": state}, *rows[50:]]


def _spaced(rows: Rows) -> Rows:
    """The same fact in other bytes."""
    state = rows[49]["state"].replace(b'":', b'": ', 1)
    return [*rows[:49], {**rows[49], "state": state}, *rows[50:]]


def _later(rows: Rows) -> Rows:
    last = len(rows) - 1
    return [*rows[:last], {**rows[last], "recorded_at": rows[0]["recorded_at"]}]


def _closed(rows: Rows) -> Rows:
    """No position is missing, whatever is."""
    return [{**row, "position": number} for number, row in enumerate(rows, 1)]


@pytest.mark.parametrize(
    ("tamper", "law", "at"),
    [
        (_altered, 17, (1, MIDDLE + 200)),
        (_spaced, 17, (1, MIDDLE + 200)),
        (lambda rows: [*rows[:49], *rows[50:]], 10, (50, 50)),
        (lambda rows: [*rows[:49], rows[50], rows[49], *rows[51:]], 10, (50, 52)),
        (lambda rows: rows[:50], 17, (51, 51)),
        (lambda rows: [*rows[:49], rows[49], *rows[49:]], 10, (50, 51)),
        (lambda rows: _closed([*rows[:49], *rows[50:]]), 17, (1, 50)),
        (_later, 10, (1, 10**6)),
    ],
)
def test_what_was_changed_is_found(
    auditor: Auditor,
    evidence: Evidence,
    tamper: Callable[[Rows], Rows],
    law: int,
    at: tuple[int, int],
) -> None:
    """By a law, or by the checkpoints, which name between which positions to look."""
    export = auditor.export(tamper(evidence.rows))

    assert any(law == found and at[0] <= where <= at[1] for found, where in auditor.found(export))


def test_the_first_change_lies_after_the_last_checkpoint_that_holds(
    auditor: Auditor, evidence: Evidence
) -> None:
    """The more an auditor keeps, the less there is to search."""
    first, second = evidence.sizes
    at = next(
        n for n in range(first, second) if b'"reason":"' in evidence.rows[n]["state"]
    )  # Index n is position n + 1.
    row = {**evidence.rows[at], "state": evidence.rows[at]["state"] + b" "}
    export = auditor.export([*evidence.rows[:at], row, *evidence.rows[at + 1 :]], "x.parquet")

    result = auditor.audit(export)
    assert 1 == result.exit_code
    assert f"Law 17 at position {first + 1}: the rows up to {second} are not" in result.stdout
    assert f"is one of {first + 1} to {second}" in result.stdout


def test_a_line_that_cannot_be_read_is_a_finding(auditor: Auditor, evidence: Evidence) -> None:
    """Not a crash; the position that should be there is named."""
    export = auditor.export(evidence.rows)
    lines = export.read_bytes().splitlines(keepends=True)
    export.write_bytes(b"".join([*lines[:9], b'{"shard": 0\n', *lines[10:]]))

    assert (17, 10) in auditor.found(export)


def test_a_part_says_what_only_the_whole_can_show(auditor: Auditor, evidence: Evidence) -> None:
    """Its positions, and rows that somebody has a proof of; laws begin with the first event."""
    part = auditor.export(evidence.rows[30:60])
    proof = auditor.home / "inclusion.json"
    proof.write_bytes(evidence.inclusion)

    result = auditor.audit(part, proof, "--key", evidence.key)
    assert 0 == result.exit_code, result.output
    assert "Not checked: laws, and rows against checkpoints" in result.stdout
    row = evidence.rows[evidence.proven - 1]
    changed = {**row, "version": row["version"] + 1}
    rows = [changed if one is row else one for one in evidence.rows[30:60]]
    assert [(17, evidence.proven)] == auditor.found(auditor.export(rows), proof)
    gap = auditor.export([*evidence.rows[30:40], *evidence.rows[45:60]])
    assert [(10, 41), (17, 42)] == auditor.found(gap, proof)


def test_proofs_that_prove_nothing_are_found(auditor: Auditor, evidence: Evidence) -> None:
    """A path that leads elsewhere, a root that is another one."""
    export, proof = auditor.export(evidence.rows), auditor.home / "proof.json"
    inclusion = json.loads(evidence.inclusion)
    proof.write_text(json.dumps({**inclusion, "audit_path": inclusion["audit_path"][::-1]}))
    assert [(17, evidence.proven)] == auditor.found(export, proof)
    consistency = json.loads(evidence.consistency)
    swapped = {**consistency, "from_root": consistency["to_root"]}
    proof.write_text(json.dumps(swapped))
    assert (17, MIDDLE + 1) in auditor.found(export, proof)


def test_a_signature_is_only_believed_under_the_given_key(
    auditor: Auditor, evidence: Evidence
) -> None:
    """Without a key that is said; with one, every checkpoint has to be signed by it."""
    export = auditor.export(evidence.rows)

    assert "who signed the checkpoints: no --key was given" in auditor.audit(export).stdout
    note = evidence.notes[0]
    forged = note[:-10] + ("A" if note[-10] != "A" else "B") + note[-9:]
    auditor.kept.write_text(forged)
    assert (17, evidence.sizes[0]) in auditor.found(export, "--key", evidence.key)


def test_a_proof_alone_is_held_against_its_own_checkpoint(
    auditor: Auditor, evidence: Evidence
) -> None:
    """Without a key that is believed, and said; rows that differ from it are found all the same."""
    export, proof = auditor.export(evidence.rows), auditor.home / "inclusion.json"
    proof.write_bytes(evidence.inclusion)

    result = CliRunner().invoke(command, [str(export), str(proof)])
    assert 0 == result.exit_code, result.output
    assert "who signed the checkpoints: no --key was given" in result.stdout
    assert result.stdout.endswith("No difference.\n")
    changed = {**evidence.rows[50], "state": evidence.rows[50]["state"] + b" "}
    export = auditor.export([*evidence.rows[:50], changed, *evidence.rows[51:]], "x.parquet")
    assert 1 == CliRunner().invoke(command, [str(export), str(proof)]).exit_code


def test_what_is_of_another_ledger_accuses_nobody(auditor: Auditor, evidence: Evidence) -> None:
    """A foreign checkpoint, also that of a proof, does not count; the export is as it is."""
    export, proof = auditor.export(evidence.rows), auditor.home / "inclusion.json"
    proof.write_bytes(evidence.inclusion)
    other = Signer.new("inventory-ledger/other")
    auditor.kept.write_text(other.sign(checkpoint(other.name, 3, bytes(32))))

    checkpoints = ["--checkpoint", auditor.kept, "--key", evidence.key]
    for given in (checkpoints, [proof, "--key", other.public_key]):
        result = CliRunner().invoke(command, [str(one) for one in (export, *given)])
        assert 1 == result.exit_code
        assert "no checkpoint was given" not in result.stdout
        assert "does not go with this export" in result.stdout
        assert "The export differs." not in result.stdout


@pytest.mark.parametrize("text", ["# A page of text\n", "{}\n", "PAR1"])
def test_a_file_that_is_no_export_is_bad_usage(auditor: Auditor, text: str) -> None:
    """It is named, and nothing is said about any ledger."""
    path = auditor.home / "notes.md"
    path.write_text(text)

    result = auditor.audit(path)
    assert 2 == result.exit_code
    assert "no export of a ledger" in " ".join(result.stderr.split())


def test_bad_usage_is_told_apart(auditor: Auditor, evidence: Evidence) -> None:
    """Exit 2: no export, no such file, no proof, no key."""
    export, proof = auditor.export(evidence.rows[:3]), auditor.home / "proof.json"
    proof.write_text("{}")

    assert 2 == auditor.audit().exit_code
    assert 2 == auditor.audit(auditor.home / "missing.jsonl").exit_code
    assert 2 == auditor.audit(export, proof).exit_code
    assert 2 == auditor.audit(export, "--key", "nobody").exit_code
    proof.write_bytes(evidence.inclusion)
    assert 2 == auditor.audit(proof).exit_code
