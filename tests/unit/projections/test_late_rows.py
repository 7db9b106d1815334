"""Late rows: few are left alone, those of a crowd are added up in cells."""

from projections.history.late import Crowd, Grid, add_up, late_rows
from projections.history.projection import HistoryRow

GRID = Grid(few=2, chunk=2, chunks=4, span=3, spans=5)
MUG, LAMP = 1, 2


def row(
    position: int, occurred: int, effective: int = 100, *, stock: int = MUG, part: int = 0
) -> HistoryRow:
    """A row that adds one sellable unit."""
    return (part, stock, position, occurred, effective, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0)


def crowds(**counts: int) -> dict[int, Crowd]:
    return {MUG: Crowd(counts.get("mug", 0)), LAMP: Crowd(counts.get("lamp", 0))}


def test_a_row_is_late_when_a_later_fact_was_recorded_before_it() -> None:
    """A backfill in order has no late rows, however long ago it was."""
    assert [row(2, 7, 8)] == late_rows([row(1, 8, 8), row(2, 7, 8), row(3, 9, 9)])


def test_few_late_rows_are_in_no_sum() -> None:
    """They are read one by one in no time, and most stocks never have more."""
    known = crowds()
    sums = add_up([row(1, 4), row(2, 5), row(3, 6, stock=LAMP)], known, GRID)

    assert ({}, {}) == sums
    assert (2, 1) == (known[MUG].rows, known[LAMP].rows)


def test_a_crowd_begins_with_the_first_position_after_the_few() -> None:
    """From there on every late row counts in a cell of each size."""
    known = crowds()
    sums = add_up([row(1, 4), row(2, 5), row(21, 70)], known, GRID)
    one = [1, 0, 0, 0, 0, 0]

    assert {MUG: (21, 30)} == sums.crowded
    assert {
        (MUG, 0, 5, 8): one,
        (MUG, 1, 5, 2): one,
        (MUG, 2, 1, 8): one,
        (MUG, 3, 1, 2): one,
    } == sums.cells


def test_rows_of_one_position_are_never_parted() -> None:
    """A sweep's expiries stand at one position: all of them are few, or none."""
    parts = [row(1, 4), row(2, 5, part=0), row(2, 6, part=1), row(2, 7, part=2), row(3, 8)]
    known = crowds()
    sums = add_up(parts, known, GRID)

    assert 3 == known[MUG].crowded_from
    assert 4 == len(sums.cells)


def test_what_was_counted_before_goes_on() -> None:
    """Batches make no difference: a count that was read back is one like any other."""
    known = crowds(mug=2)
    add_up([row(9, 4)], known, GRID)

    assert 9 == known[MUG].crowded_from


def test_rows_of_a_cell_are_added_up() -> None:
    """Neighbours in ledger and time are one sum."""
    known = crowds()
    known[MUG].crowded_from = 1
    sums = add_up([row(4, 8), row(5, 9)], known, GRID)

    assert {0: 2, 1: 2, 2: 2, 3: 2} == {cell[1]: deltas[0] for cell, deltas in sums.cells.items()}


def test_the_latest_of_many_late_rows_says_how_far_a_question_has_to_look() -> None:
    """What is no later than one before it changes nothing that is kept."""
    known = crowds()
    known[MUG].crowded_from = 1
    told = [
        add_up([row(p, 4, 4 + late)], known, GRID).crowded for p, late in ((4, 3), (5, 2), (6, 4))
    ]

    assert [{MUG: (1, 3)}, {}, {MUG: (1, 4)}] == told
    assert 4 == known[MUG].lateness


def test_time_before_1970_has_cells_too() -> None:
    """Pieces are cut downwards everywhere, as the database cuts them."""
    known = crowds()
    known[MUG].crowded_from = 1
    sums = add_up([row(4, -1)], known, GRID)

    assert {-1} == {cell[3] for cell in sums.cells}
