"""The tree grows behind the writer and is signed wherever it stops, never over what was changed."""

import threading
from collections.abc import Iterator
from functools import partial
from hashlib import sha256

import psycopg
import pytest
from proofbundle.checkpoint import verify_checkpoint

from api.runtime.processes import wait_until
from projections.proof.notary import CannotAttest, Notary, connect, fell
from projections.proof.tree import HASH_BYTES, Frontier, leaf_hash
from tests.support.attested import attest, settings_of, vkey_of
from tests.support.event_log import EventLog
from tests.support.servers import Database

PATIENCE_S = 20.0
OTHER_BIT = "set_bit(hashes, 48, 1 - get_bit(hashes, 48))"


@pytest.fixture
def log(database: Database) -> Iterator[EventLog]:
    """An empty ledger."""
    log = EventLog(database.service_url)
    yield log
    log.close()


def leaves(database: Database) -> list[bytes]:
    """The leaves of every row, written down once more."""
    rows = database.execute(
        "select shard, position, stream, version, topic, state,"
        " extract(epoch from date_trunc('second', recorded_at))::bigint,"
        " extract(microseconds from recorded_at)::bigint %% 1000000"
        " from ledger.events where %s order by position",
        True,
    )
    return [
        f"inventory-ledger/row/v1\n{shard}\n{position}\n{stream}\n{version}\n{topic}\n"
        f"{sha256(state).hexdigest()}\n{seconds * 1_000_000 + micros}\n".encode()
        for shard, position, stream, version, topic, state, seconds, micros in rows
    ]


def checkpoints(database: Database) -> list[tuple[int, bytes, str]]:
    """Everything attested, smallest first."""
    rows = database.execute("select size, root, note from proof.checkpoints order by size")
    return [(size, bytes(root), note) for size, root, note in rows]


def attested(database: Database, size: int) -> bool:
    """Whether there is a checkpoint of a size."""
    return size in {one for one, _, _ in checkpoints(database)}


def forge(database: Database, statement: str) -> None:
    """Do what only a superuser can."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(statement.encode())


def test_every_row_is_a_leaf_of_the_tree(database: Database, log: EventLog) -> None:
    """In ledger order, and the leaf is what the documents say it is."""
    log.fill(700, batch=70)
    attest(database.service_url, notary_batch_events=300)

    expected = list(map(leaf_hash, leaves(database)))
    tiles = database.execute("select hashes from proof.tiles where level = 0 order by tile")
    assert b"".join(expected) == b"".join(bytes(row[0]) for row in tiles)
    for size, root, _ in checkpoints(database):
        tree = Frontier()
        tree.grow(b"".join(expected[:size]))
        assert tree.root() == root
    assert [0, 300, 600, 700] == sorted({0, *(size for size, _, _ in checkpoints(database))})


def test_a_published_reader_accepts_every_checkpoint(database: Database, log: EventLog) -> None:
    """The notes are those that witnesses and other logs read and write."""
    attest(database.service_url)
    log.fill(10)
    attest(database.service_url)

    key = vkey_of(database.service_url)
    for size, root, note in checkpoints(database):
        read = verify_checkpoint(note, key)
        assert (True, size, root) == (read["ok"], read["tree_size"], read["root"])
        assert key.partition("+")[0] == read["origin"]
        assert not verify_checkpoint(note.replace(f"\n{size}\n", f"\n{size + 1}\n"), key)["ok"]
    assert 2 == len(checkpoints(database))
    assert [(key,)] == database.execute("select key from proof.keys")


def test_a_notary_follows_the_writer(database: Database, log: EventLog) -> None:
    """Nobody has to ask for a checkpoint."""
    stop = threading.Event()
    notary = threading.Thread(
        target=Notary(settings_of(database.service_url)).run, args=(stop,), daemon=True
    )
    notary.start()
    try:
        for _ in range(3):
            head = log.fill(5)
            assert wait_until(partial(attested, database, head), timeout_s=PATIENCE_S)
    finally:
        stop.set()
        notary.join(PATIENCE_S)
    assert not notary.is_alive()


def test_two_notaries_grow_one_tree(database: Database, log: EventLog) -> None:
    """Whoever comes second reads the tree as the first has left it."""
    notaries = [Notary(settings_of(database.service_url)) for _ in range(2)]
    with connect(database.service_url) as one, connect(database.service_url) as other:
        for turn in range(8):
            log.fill(40)
            notaries[turn % 2].step((one, other)[turn % 2])

    tree = Frontier()
    tree.grow(b"".join(map(leaf_hash, leaves(database))))
    assert (320, tree.root()) == checkpoints(database)[-1][:2]


def test_a_step_that_fails_is_taken_again(database: Database, log: EventLog) -> None:
    """What was not committed was not attested, and what is in memory is not believed."""
    log.fill(300)
    notary = Notary(settings_of(database.service_url))
    with connect(database.service_url) as connection:
        notary.start()
        database.execute("alter table proof.checkpoints add constraint full_disk check (size < 1)")
        with pytest.raises(psycopg.errors.CheckViolation):
            notary.step(connection)
        database.execute("alter table proof.checkpoints drop constraint full_disk")
        assert 300 == notary.step(connection)

    assert 300 * HASH_BYTES == sum(
        row[0] for row in database.execute("select length(hashes) from proof.tiles where level = 0")
    )


@pytest.mark.parametrize(
    ("tamper", "sentence"),
    [
        ("delete from ledger.events where position = 305", "positions are missing"),
        ("update ledger.heads set position = 299", "the ledger ends at position 299"),
        (
            f"update proof.tiles set hashes = {OTHER_BIT} where tile = 1",
            "is not the one that was attested",
        ),
        ("delete from proof.tiles where level = 1", "tile 0 of level 1 is not as long"),
    ],
)
def test_nothing_is_signed_over_a_tree_that_was_changed(
    database: Database, log: EventLog, tamper: str, sentence: str
) -> None:
    """A second signature would cover up what the first one shows."""
    log.fill(300)
    attest(database.service_url)
    log.fill(10)
    before = checkpoints(database)
    forge(database, tamper)

    with pytest.raises(CannotAttest, match=sentence):
        attest(database.service_url)
    assert before == checkpoints(database)


def test_a_tree_that_was_thrown_away_grows_again(database: Database, log: EventLog) -> None:
    """Its checkpoints stay, and the new tree must come to the last of them."""
    log.fill(300)
    attest(database.service_url)
    log.fill(10)
    attest(database.service_url)
    before = checkpoints(database)
    fell(database.service_url)
    attest(database.service_url, notary_batch_events=100)
    assert before == checkpoints(database)

    forge(database, "update ledger.events set state = '{}' where position = 7")
    fell(database.service_url)
    with pytest.raises(CannotAttest, match="is not the one that was attested"):
        attest(database.service_url)


def test_a_notary_without_the_ledgers_key_signs_nothing(database: Database, log: EventLog) -> None:
    """Neither with none nor with another ledger's."""
    log.fill(3)
    settings = settings_of(database.service_url)
    with connect(database.service_url) as connection:
        for key in (None, "PRIVATE+KEY+x+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"):
            notary = Notary(type(settings)(database_url=settings.database_url, checkpoint_key=key))
            with pytest.raises(CannotAttest, match="the signing key"):
                notary.step(connection)

    assert [] == checkpoints(database)


def test_what_was_attested_cannot_be_taken_back(database: Database, log: EventLog) -> None:
    """Not by the service, whatever it is told."""
    log.fill(3)
    attest(database.service_url)
    with psycopg.connect(database.service_url, autocommit=True) as service:
        for statement in (
            "delete from proof.checkpoints",
            "update proof.checkpoints set size = 4",
            "update proof.ledgers set id = 'another'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(statement.encode())
    with (
        psycopg.connect(database.owner_url, autocommit=True) as owner,
        pytest.raises(psycopg.DatabaseError, match="immutable"),
    ):
        owner.execute("delete from proof.checkpoints")
