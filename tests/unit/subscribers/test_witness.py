"""The record of what a machine has told."""

from pathlib import Path

from subscribers.witness import Place, Witness

PLACE = Place(1, 9, "9f" * 16)


def test_what_was_noted_is_known_to_the_next_life(tmp_path: Path) -> None:
    """Place and name survive; that is all it is for."""
    first = Witness(tmp_path, "ours")
    first.note(PLACE)
    first.close()

    second = Witness(tmp_path, "ours")
    assert (PLACE, first.name) == (second.place, second.name)
    second.close()


def test_a_relay_that_was_overtaken_takes_nothing_back(tmp_path: Path) -> None:
    """Two relays of one directory: the earlier place is no news."""
    first, second = Witness(tmp_path, "ours"), Witness(tmp_path, "ours")
    second.note(PLACE)
    first.note(Place(1, 8, "08" * 16))

    assert PLACE == first.look()
    first.note(Place(2, 1, "01" * 16))
    assert Place(2, 1, "01" * 16) == second.look()
    first.close()
    second.close()


def test_a_torn_record_is_no_witness(tmp_path: Path) -> None:
    """What cannot be read vouches for nothing, and the next note makes another witness of it."""
    witness = Witness(tmp_path, "ours")
    witness.note(PLACE)
    name = witness.name
    path = tmp_path / "relay-ours.told"
    path.write_bytes(path.read_bytes().replace(b" 9 ", b" 7 "))

    assert witness.look() is None
    assert name != witness.name
    witness.close()


def test_without_a_directory_nothing_is_vouched_for_and_nothing_fails(tmp_path: Path) -> None:
    """A machine without a disk can still tell."""
    (tmp_path / "file").write_text("no directory")
    witness = Witness(tmp_path / "file", "ours")

    witness.note(PLACE)

    assert witness.look() is None
    witness.close()
