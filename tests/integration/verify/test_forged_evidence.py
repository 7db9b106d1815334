"""Changes that leave every law intact: the tree, its checkpoints and what was kept tell of them."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from api.cli.rebuild import rebuild_command
from api.cli.verify import command
from projections.audit.notes import Note, read, read_all
from projections.audit.verification import verify
from projections.proof.notary import fell
from projections.proof.notes import Signer, checkpoint
from projections.proof.tree import Frontier
from tests.support.attested import attest, signer_of, vkey_of
from tests.support.audited import Audited, project
from tests.support.histories import Histories, append
from tests.support.servers import Cluster

REFERENCE = (
    "update ledger.events set state = replace(convert_from(state, 'UTF8'), 'ref-', 'fer-')::bytea"
    " where position = %s"
)
"""No law and no projection knows a reference."""


@pytest.fixture(scope="module")
def original(postgres_cluster: Cluster) -> Iterator[Audited]:
    """A ledger that was attested in the middle and at the end; nobody touches it."""
    with postgres_cluster.database() as database:
        items = list(Histories(3).items(300))
        with psycopg.connect(database.owner_url) as connection:
            append(connection, items[:150])
            connection.commit()
            attest(database.service_url)
            head = append(connection, items[150:])
        project(database.service_url)
        yield Audited(database, head)


@pytest.fixture
def twice(postgres_cluster: Cluster, original: Audited) -> Iterator[Audited]:
    """A copy of it."""
    with postgres_cluster.database(original.database.name) as database:
        yield Audited(database, original.head)


def kept(audited: Audited) -> list[Note]:
    """What an auditor has kept."""
    rows = audited.database.execute("select note from proof.checkpoints where size > 0 order by 1")
    return sorted((read(row[0]) for row in rows), key=lambda note: note.size)


def referring(audited: Audited, place: int) -> int:
    """The position of a row with a reference."""
    rows = audited.database.execute(
        "select position from ledger.events where convert_from(state, 'UTF8') like %s order by 1",
        "%ref-%",
    )
    return int(rows[place][0])


def grown_anew(audited: Audited) -> None:
    """The tree as it would be had the rows always been as they are now; nothing is left to see."""
    url = audited.database.service_url
    sizes = audited.database.execute("select size from proof.checkpoints order by size")
    audited.forge("delete from proof.checkpoints")
    fell(url)
    head = audited.database.execute("select position from ledger.heads")[0][0]
    for (size,) in sizes:
        audited.forge("update ledger.heads set position = %s", size)
        attest(url)
    audited.forge("update ledger.heads set position = %s", head)


def places(audited: Audited, notes: list[Note] | None = None) -> list[tuple[int, int]]:
    """Law and position of what an audit finds."""
    breaches = verify(audited.database.service_url, timeout_s=2.0, notes=notes or []).breaches
    return [(breach.law, breach.position) for breach in breaches]


def test_a_ledger_that_nobody_touched_is_what_was_attested(twice: Audited) -> None:
    """Every leaf, every tile, every checkpoint, the kept ones as well."""
    report = verify(twice.database.service_url, notes=kept(twice))

    assert [] == report.breaches
    assert (twice.head, 2, 2) == tuple(
        report.checked[name] for name in ("leaves", "checkpoints", "kept")
    )


def test_a_row_changed_against_no_law_is_found_by_the_tree(twice: Audited) -> None:
    """The tree still has the leaf that was there."""
    position = referring(twice, 4)
    twice.forge(REFERENCE, position)

    assert [(17, position)] * 2 == places(twice)
    assert [(17, position)] * 4 == places(twice, kept(twice))


def test_a_tree_grown_over_the_change_does_not_come_to_what_was_signed(twice: Audited) -> None:
    """Whoever has the database, and not the key, cannot sign the new tree."""
    position = referring(twice, -1)
    first, _ = kept(twice)
    assert position > first.size
    twice.forge(REFERENCE, position)
    rows = twice.database.execute("select note from proof.checkpoints order by size")
    grown_anew(twice)
    for (note,) in rows:
        twice.forge("update proof.checkpoints set note = %s where size = %s", note, read(note).size)

    # The row says one root, the note another; and the rows are not those of the note.
    assert {(17, twice.head), (17, first.size + 1)} == set(places(twice))


def test_a_kept_checkpoint_tells_of_what_was_changed_with_the_key(twice: Audited) -> None:
    """Rows, tree, checkpoints and signatures agree; the auditor's copy does not."""
    notes = kept(twice)
    position = referring(twice, -1)
    twice.forge(REFERENCE, position)
    grown_anew(twice)

    assert [] == places(twice)
    report = verify(twice.database.service_url, notes=notes)
    assert [(17, notes[0].size + 1)] == [(b.law, b.position) for b in report.breaches]
    assert f"the rows up to {twice.head} are not those" in report.breaches[0].what
    assert notes[0].size < position <= twice.head


OTHER_BIT = "set_bit(hashes, 256, 1 - get_bit(hashes, 256))"
TILES = (
    f"update {{}} set hashes = {OTHER_BIT} where (level, tile) = (0, 0)",
    f"update {{}} set hashes = {OTHER_BIT} where level = 1",
    "update {} set hashes = substr(hashes, 1, 32) where (level, tile) = (0, 0)",
    "update {} set hashes = hashes || substr(hashes, 1, 32) where level = 1",
    "delete from {} where level = 1",
    "delete from {} where (level, tile) = (0, 0)",
    "insert into {0} select 0, 0, 77, hashes from {0} where level = 1",
    "insert into {0} select 0, 2, 0, hashes from {0} where level = 1",
)
CHECKPOINTS = (
    "update {} set root = '\\x00' where size > 0",
    "update {} set size = size - 1 where size > 0",
    "update {} set note = replace(note, '=', '') where size > 0",
    "update {} set note = upper(note)",
    "update {} set number = number + 5 where number > 1",
    "delete from {0} where size = (select max(size) from {0})",
    "delete from {} where number = 2",
    "delete from {}",
)
OTHERS = (
    "delete from proof.keys",
    "update proof.ledgers set id = 'another'",
    "update projections.tracking set position = position + 1 where projection = 'proof'",
    "delete from projections.tracking where projection = 'proof'",
)
TAMPERS = [
    *((tamper.format("proof.tiles"), 12) for tamper in TILES),
    *((tamper.format("proof.checkpoints"), 17) for tamper in CHECKPOINTS),
    *((tamper, 17) for tamper in OTHERS),
]


@pytest.mark.parametrize(("tamper", "law"), TAMPERS, ids=[tamper for tamper, _ in TAMPERS])
def test_a_change_of_the_evidence_itself_is_found(twice: Audited, tamper: str, law: int) -> None:
    """Its own tables are no safer than the ledger's, and say so: the rows still hold."""
    twice.forge(tamper)

    assert law in {found for found, _ in places(twice)}


def test_a_damaged_tree_grows_again(twice: Audited) -> None:
    """The rows are as they were attested; what follows from them can be made anew."""
    twice.forge(TAMPERS[0][0])
    url = twice.database.service_url
    ((law, at),) = places(twice)
    assert (12, 2) == (law, at)

    done = CliRunner().invoke(rebuild_command, ["proof", "--database-url", url])
    assert 0 == done.exit_code, done.output
    attest(url)
    assert [] == places(twice, kept(twice))


def test_a_checkpoint_of_a_ledger_that_was_longer_is_found(twice: Audited) -> None:
    """The end of a ledger can be cut off so that nothing in the database misses it."""
    notes = kept(twice)
    end = notes[0].size
    twice.forge(
        "delete from ledger.receipts where position > %s;"
        "delete from ledger.events where position > %s;"
        "update ledger.heads set position = %s;"
        "delete from proof.checkpoints where size > %s".replace("%s", str(end))
    )
    fell(twice.database.service_url)
    attest(twice.database.service_url)

    assert (17, end + 1) in places(twice, notes)


def test_a_stranger_has_signed_nothing(twice: Audited) -> None:
    """Neither another ledger's checkpoint nor a note under a key nobody knows is evidence."""
    url = twice.database.service_url
    tree = Frontier()
    size, name = kept(twice)[0].size, signer_of(url).name
    foreign = Signer.new(name).sign(checkpoint(name, size, tree.root()))
    other = Signer.new("inventory-ledger/other").sign(checkpoint("other", size, tree.root()))

    assert [(17, size), (17, size)] == places(twice, [read(foreign), read(other)])


def test_verify_takes_what_an_auditor_has_kept(twice: Audited, tmp_path: Path) -> None:
    """Files with one or many notes, and the key he was given; bad files are bad usage."""
    url, file = twice.database.service_url, tmp_path / "kept.txt"
    rows = twice.database.execute("select note from proof.checkpoints order by size")
    file.write_text("\n".join(note for (note,) in rows))
    assert 2 == len(read_all(file.read_text()))
    arguments = ["--database-url", url, "--checkpoint", str(file)]

    good = CliRunner().invoke(command, [*arguments, "--key", vkey_of(url)])
    assert 0 == good.exit_code, good.output
    assert "kept" in good.output
    other = Signer.new(signer_of(url).name).public_key
    assert 1 == CliRunner().invoke(command, [*arguments, "--key", other]).exit_code
    assert 2 == CliRunner().invoke(command, [*arguments, "--key", "nonsense"]).exit_code
    file.write_text(file.read_text()[:-3])
    assert 2 == CliRunner().invoke(command, arguments).exit_code


def test_what_is_of_another_ledger_accuses_nobody(twice: Audited, tmp_path: Path) -> None:
    """A key, a checkpoint, or both: that they do not fit is said, and not that rows were forged."""
    url, file = twice.database.service_url, tmp_path / "kept.txt"
    other = Signer.new("inventory-ledger/other")
    file.write_text(other.sign(checkpoint(other.name, 7, bytes(32))))
    checkpoints, key = ["--checkpoint", str(file)], ["--key", other.public_key]
    stranger = ["--key", Signer.new(signer_of(url).name).public_key]

    for given in (checkpoints, key, checkpoints + key, stranger):
        result = CliRunner().invoke(command, ["--database-url", url, *given])
        assert 1 == result.exit_code
        assert "what was given does not go with it" in result.stdout
        assert "The log itself" not in result.stdout
    twice.forge(REFERENCE, referring(twice, 0))
    forged = CliRunner().invoke(command, ["--database-url", url, *key])
    assert "The log itself is not what was written" in forged.stdout
    assert "from position 0 on" not in forged.stdout
