"""The auditor's reader of notes: what others sign it accepts, and nothing else."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from proofbundle.checkpoint import sign_checkpoint, vkey

from projections.audit.notes import BadNote, Key, is_signed, read, read_all

ROOT = bytes(range(32))
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = SIGNER.public_key().public_bytes_raw()
NAME = "inventory-ledger/x"
NOTE = sign_checkpoint(NAME, 7, ROOT, SIGNER, NAME)
KEY = Key.read(vkey(NAME, PUBLIC))


def test_a_note_that_others_have_signed_is_read() -> None:
    """Written and signed by a published implementation."""
    note = read(NOTE)

    assert (NAME, 7, ROOT) == (note.origin, note.size, note.root)
    assert is_signed(note, [KEY])


def test_what_is_signed_is_the_text_to_the_letter() -> None:
    """Another size, another root, another name: no signature."""
    for before, after in (("\n7\n", "\n8\n"), ("AAEC", "AAED"), (NAME + "\n7", NAME + "y\n7")):
        changed = NOTE.replace(before, after, 1)
        assert changed != NOTE
        assert not is_signed(read(changed), [KEY])


def test_a_note_under_other_keys_counts_for_nothing() -> None:
    """Signatures of witnesses may stand beside ours, which must be there and must be right."""
    other = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
    foreign = sign_checkpoint(NAME, 7, ROOT, other, "witness.example").split("\n\n")[1]

    assert not is_signed(read(NOTE.split("\n\n")[0] + "\n\n" + foreign), [KEY])
    assert is_signed(read(NOTE + foreign), [KEY])
    witness = Key.read(vkey("witness.example", other.public_key().public_bytes_raw()))
    assert is_signed(read(NOTE + foreign), [KEY, witness])
    spoilt = read(NOTE + foreign.replace(foreign[-9], "A" if foreign[-9] != "A" else "B"))
    assert not is_signed(spoilt, [KEY, witness])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n\n", "\n"),
        ("\n7\n", "\n07\n"),
        ("\n7\n", "\n-7\n"),
        ("\n7\n", "\n7 \n"),
        ("\n7\n", "\n٧\n"),
        ("\n7\n", "\n7\r\n"),
        ("\nAAEC", "\nAAE"),
        ("Hh8=\n", "Hh9=\n"),
        ("Hh8=\n", "Hh8\n"),
        ("Hh8=\n", "Hh8=\n\nmore\n"),
        (NAME + "\n", "\n"),
        ("— ", "- "),
        ("— ", "—"),
    ],
)
def test_what_is_no_checkpoint_is_refused(before: str, after: str) -> None:
    """Leniency in a format is how two readers come to see two different notes."""
    changed = NOTE.replace(before, after, 1)
    assert changed != NOTE

    with pytest.raises(BadNote):
        read(changed)


def test_a_note_without_its_last_line_break_is_refused() -> None:
    """Something may have been cut off."""
    with pytest.raises(BadNote):
        read(NOTE[:-1])


@pytest.mark.parametrize("between", ["", "\n", "\n\n\n"])
def test_notes_may_stand_one_after_the_other(between: str) -> None:
    """Whoever keeps them appends to a file; `tail` puts the subject before each."""
    later = sign_checkpoint(NAME, 9, ROOT, SIGNER, NAME)

    assert [7, 9] == [note.size for note in read_all(NOTE + between + later)]
    told = f"inventory.checkpoints\t{NOTE}\ninventory.checkpoints\t{later}\n"
    assert [7, 9] == [note.size for note in read_all(told)]
    assert [] == read_all("\n")
    with pytest.raises(BadNote):
        read_all(NOTE + "rubbish\n" + later)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        vkey(NAME, PUBLIC)[:-4],
        vkey(NAME, PUBLIC).replace("+A", "+B"),
        "another" + vkey(NAME, PUBLIC),
    ],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    """A key that nobody has would make every signature look false."""
    with pytest.raises(BadNote):
        Key.read(text)
