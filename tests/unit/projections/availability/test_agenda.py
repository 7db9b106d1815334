"""What is due by itself: in its order, once, and not if it has been overtaken."""

from projections.availability.agenda import NEVER, Agenda
from projections.availability.values import Stock

MUG, LAMP = ("ams-1", "MUG"), ("ams-1", "LAMP")
WEB = ("web", "MUG")


def stock(expires: int | None, location: str = "ams-1") -> Stock:
    """A stock whose next hold runs out then."""
    return Stock(location, 10, 1, 0, expires, None)


def test_holds_run_out_in_their_order() -> None:
    """Each stock once, when its first hold has."""
    agenda = Agenda()
    agenda.holds_of([(*LAMP, 30), (*MUG, 20)])

    assert 20 == agenda.next_at()
    assert [] == agenda.expired(19, 9)
    assert [MUG, LAMP] == agenda.expired(30, 9)
    assert NEVER == agenda.next_at()


def test_what_was_found_last_counts() -> None:
    """A hold that was extended, given up, or joined by an earlier one."""
    agenda = Agenda()
    agenda.holds_of([(*MUG, 20)])
    agenda.hold_of("MUG", [stock(25)])
    assert [] == agenda.expired(24, 9)
    agenda.hold_of("MUG", [stock(22)])
    assert [MUG] == agenda.expired(24, 9)
    agenda.hold_of("MUG", [stock(30)])
    agenda.hold_of("MUG", [stock(None)])

    assert [] == agenda.expired(40, 9)


def test_a_value_waits_until_its_earliest_turn() -> None:
    """Asked to wait twice, it has one turn."""
    agenda = Agenda()
    agenda.later(WEB, 30)
    agenda.later(WEB, 20)
    agenda.later(WEB, 40)

    assert 20 == agenda.next_at()
    assert [WEB] == agenda.due(25, 9)
    assert [] == agenda.due(50, 9)


def test_what_is_too_much_at_once_is_still_due() -> None:
    """The rest comes next."""
    agenda = Agenda()
    agenda.holds_of([(*LAMP, 30), (*MUG, 20)])

    assert [MUG] == agenda.expired(40, 1)
    assert 30 == agenda.next_at()
    assert [LAMP] == agenda.expired(40, 1)
