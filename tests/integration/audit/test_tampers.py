"""Random changes by a superuser: `verify` and `audit` find every one, and nothing where none is."""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random

import psycopg
import pytest
from msgspec import Struct

from projections.audit.notes import Key, Note, read
from projections.audit.offline import Findings, Offline
from projections.audit.verification import verify
from tests.support.attested import attest, vkey_of
from tests.support.audited import Audited, project
from tests.support.exports import rows_of, write
from tests.support.figures import Tell
from tests.support.histories import Histories, append
from tests.support.servers import Cluster, Database
from tests.support.tampers import EVIDENCE, ROWS, Tamper, with_projections

TAMPERS = int(os.environ.get("TAMPERS", "14"))
"""How many changes. A nightly run asks for a thousand."""
CLEAN_RUNS = int(os.environ.get("CLEAN_RUNS", "2"))
SEED = int(os.environ.get("TAMPER_SEED", "0"))
COMMANDS = 140
TIMEOUT_S = 0.2
TOUCHED = (
    *("ledger.events", "ledger.heads", "ledger.receipts", "projections.tracking"),
    *("proof.ledgers", "proof.tiles", "proof.checkpoints", "proof.keys"),
)
"""The tables that changes other than a rebuild reach."""


class Attested(Struct):
    """A ledger nobody has touched, and what an auditor has of it."""

    ledger: Audited
    kept: list[Note]
    keys: list[Key]


def recorded(database: Database, seed: int) -> Attested:
    """A random history, attested at random moments, the last of them the end."""
    random, url = Random(seed), database.service_url
    items = list(Histories(seed).items(COMMANDS))
    moments = sorted({0, *random.sample(range(1, len(items)), 3), len(items)})
    head = 0
    with psycopg.connect(database.owner_url) as connection:
        for start, end in pairwise(moments):
            head = append(connection, items[start:end])
            connection.commit()
            attest(url)
    project(url)
    notes = database.execute("select note from proof.checkpoints order by size")
    kept = [read(note) for (note,) in notes]
    return Attested(Audited(database, head), kept, [Key.read(vkey_of(url))])


def audited(database: Database, attested: Attested, path: Path) -> Findings:
    """The export of what stands there now, as its auditor sees it."""
    export = write(path, rows_of(database))
    return Offline(attested.kept, attested.keys).run([export], lambda _: None)


class Copies:
    """Copies of one ledger: a new database where projections are rebuilt, else one mended again.

    Dropping a database makes the server write everything down; a thousand times it is slow.
    """

    def __init__(self, cluster: Cluster, original: Audited, mended: Database) -> None:
        self._cluster = cluster
        self._original = original
        self._mended = mended
        mended.execute("create schema original")
        for table in TOUCHED:
            self._copy(f"create table original.{table.replace('.', '_')} as table {table}")

    def _copy(self, *statements: str) -> None:
        Audited(self._mended, 0).forge(";".join(("set synchronous_commit = off", *statements)))

    @contextmanager
    def one(self, tamper: Tamper) -> Iterator[Audited]:
        """A copy to be changed."""
        if tamper is with_projections:
            with self._cluster.database(self._original.database.name) as database:
                yield Audited(database, self._original.head)
            return
        yield Audited(self._mended, self._original.head)
        for table in TOUCHED:
            copy = f"original.{table.replace('.', '_')}"
            self._copy(f"delete from {table}", f"insert into {table} table {copy}")


@pytest.fixture
def copies(postgres_cluster: Cluster, attested: Attested) -> Iterator[Copies]:
    """Copies of the ledger."""
    with postgres_cluster.database(attested.ledger.database.name) as database:
        yield Copies(postgres_cluster, attested.ledger, database)


@pytest.fixture(scope="module")
def attested(postgres_cluster: Cluster) -> Iterator[Attested]:
    """The ledger that is copied and changed."""
    with postgres_cluster.database() as database:
        yield recorded(database, SEED + 5)


@pytest.mark.timeout(0)  # Any number of changes; none of them waits for anything long.
def test_every_change_is_found(
    copies: Copies, attested: Attested, tmp_path: Path, tell: Tell
) -> None:
    """Before a kept checkpoint nothing can be altered unseen, whatever else is made to agree."""
    found: Counter[str] = Counter()
    for number in range(TAMPERS):
        tampers = ROWS + EVIDENCE
        tamper = tampers[number % len(tampers)]
        random = Random(f"{SEED}-{number}")
        name = f"{tamper.__name__}, TAMPER_SEED={SEED}, number {number}"
        with copies.one(tamper) as ledger:
            at = tamper(ledger, random)
            _found_by_verify(ledger, attested, at, name)
            if at is not None:
                findings = audited(ledger.database, attested, tmp_path / "ledger.parquet")
                _names(at, attested, [breach.position for breach in findings.breaches], name)
        found[tamper.__name__] += 1

    tell(f"{TAMPERS} changes, all found: {dict(found)}")


def _found_by_verify(ledger: Audited, attested: Attested, at: int | None, name: str) -> None:
    url, kept, keys = ledger.database.service_url, attested.kept, attested.keys
    report = verify(url, timeout_s=TIMEOUT_S, notes=kept, keys=keys)
    assert report.breaches_total, name
    if at is not None:
        _names(at, attested, [one.position for one in report.breaches if one.law != 12], name)


def _names(at: int, attested: Attested, positions: list[int], name: str) -> None:
    """The first row that differs, or the first one after the last checkpoint that still holds."""
    below = max((note.size for note in attested.kept if note.size < at), default=0)
    assert {at, below + 1} & set(positions), f"{name}: {at} in {positions[:9]}"
    assert min(positions) > below, f"{name}: {positions[:9]}, {below} hold"


@pytest.mark.timeout(0)  # As above.
def test_nothing_is_found_where_nothing_was_changed(
    postgres_cluster: Cluster, tmp_path: Path, tell: Tell
) -> None:
    """An alarm that goes off by itself is soon switched off."""
    for seed in range(SEED + 100, SEED + 100 + CLEAN_RUNS):
        with postgres_cluster.database() as database:
            attested = recorded(database, seed)
            kept, keys = attested.kept, attested.keys
            report = verify(database.service_url, timeout_s=TIMEOUT_S, notes=kept, keys=keys)
            assert [] == report.breaches, f"seed {seed}"
            assert len(kept) == report.checked["kept"]
            findings = audited(database, attested, tmp_path / f"{seed}.jsonl")
            assert [] == findings.breaches, f"seed {seed}"
            assert len(kept) == findings.checked["checkpoints"]

    tell(f"{CLEAN_RUNS} clean runs without an alarm")
