"""Working a broken promise off: the word and what it does are one commit."""

from typing import Any

import pytest

from ledger.domain.events import (
    ConflictCleared,
    ConflictOpened,
    ConflictResolved,
    HoldAmended,
    HoldReleased,
    HoldRelocated,
    ReservationAmended,
    ReservationReleased,
    ReservationRelocated,
    StockReserved,
)
from ledger.domain.refusals import IllegalState, InsufficientStock, Malformed
from tests.support.builders import (
    PLACE,
    SKU,
    received,
    reserved,
    resolve,
    sell,
    sold,
)
from tests.support.given import Given, Step, Then, Wait, given, happened
from tests.support.manual_clock import moment

NYC, BER = "nyc-2", "ber-3"
SHORT: list[Step] = [
    received(6),
    received(4, location=NYC),
    received(4, location=BER),
    reserved("old", 3),
    reserved("new", 3, expires_at=moment(60)),
    sold(2),
]
"""Two orders of three, four mugs left: two of the newer one are short."""


def _short() -> tuple[Given, str]:
    base = given(*SHORT)
    return base, base.ledger.stock().conflicts["promise_broken", "new"].conflict_id


def _with_line(then: Then, location: str) -> Any:
    outcome = then.ledger.world.reservation("new")
    assert outcome is not None
    return next(line for line in outcome.lines if line.location == location)


def test_re_sourcing_holds_the_short_units_elsewhere() -> None:
    """The word, the move at both places, and the end of the conflict."""
    base, name = _short()
    then = base.when(resolve(name, "re_source", NYC)).then(
        happened(ConflictResolved, conflict_id=name, resolution="re_source"),
        happened(HoldRelocated, location=PLACE, quantity=2, to_location=NYC),
        happened(ConflictCleared, conflict_id=name),
        happened(StockReserved, location=NYC, quantity=2, kind="soft", expires_at=moment(60)),
        happened(ReservationRelocated),
    )
    then.answering(status="resolved", resolution="re_source").broken({}).leaving(
        reserved=4, available=0
    )
    assert (1, 2) == (_with_line(then, PLACE).open, _with_line(then, NYC).open)


@pytest.mark.parametrize(
    ("locations", "choice", "expected"),
    [
        ((NYC, BER), {}, {BER: 2}),
        ((NYC, BER), {"split": True}, {NYC: 1, BER: 1}),
        ((NYC, BER), {"split": True, "sourcing": "most_available"}, {BER: 2}),
    ],
)
def test_re_sourcing_picks_among_candidates(
    locations: tuple[str, ...], choice: Any, expected: dict[str, int]
) -> None:
    """As a line with candidates does: to the last unit, or not at all."""
    base, name = _short()
    base.when(sell(3, location=NYC), resolve(name, "re-source", *locations, **choice)).answering(
        status="resolved"
    )
    found = {place: base.ledger.stock(SKU, place).reserved for place in (NYC, BER)}

    assert expected == {place: held for place, held in found.items() if held}


def test_re_sourcing_what_nobody_has_is_refused() -> None:
    """The conflict stays open, and nothing has moved."""
    base, name = _short()
    base.when(sell(3, location=NYC), resolve(name, "re_source", NYC)).then_refused(
        InsufficientStock, location=NYC, requested=2, available=1
    ).broken({"new": 2})
    base.when(resolve(name, "re_source", NYC, PLACE)).then_refused(Malformed, path="$.locations")


def test_shortening_promises_the_short_units_no_longer() -> None:
    """What can be kept is kept."""
    base, name = _short()
    then = base.when(resolve(name, "shorten")).then(
        happened(ConflictResolved, resolution="shorten"),
        happened(HoldAmended, delta=-2),
        happened(ConflictCleared, conflict_id=name),
        happened(ReservationAmended),
    )
    line = _with_line(then.broken({}), PLACE)

    assert (1, 1, 1) == (line.requested, line.granted, line.open)


def test_releasing_gives_up_what_is_held_there() -> None:
    """Also the units that were not short."""
    base, name = _short()
    then = base.when(resolve(name, "release")).then(
        happened(ConflictResolved, resolution="release"),
        happened(HoldReleased, quantity=3),
        happened(ConflictCleared, conflict_id=name),
        happened(ReservationReleased),
    )
    line = _with_line(then.broken({}), PLACE)

    assert (3, 0, 3) == (line.granted, line.open, line.released)
    then.leaving(reserved=3, available=1)


@pytest.mark.parametrize("word", ["dismiss", "counted", "re_source", "apologised"])
def test_any_other_word_is_only_said(word: str) -> None:
    """Also `re_source` without candidates: somebody found the units in another way."""
    base, name = _short()
    base.when(resolve(name, word)).then(
        happened(ConflictResolved, conflict_id=name, resolution=word)
    ).broken({"new": 2}).answering(status="resolved", resolution=word)


@pytest.mark.parametrize("words", [("shorten",), ("release",), ("re_source", NYC)])
def test_a_resolution_again_decides_nothing(words: tuple[str, ...]) -> None:
    """What was done once is not done twice, and no other word comes after it."""
    base, name = _short()
    base.when(resolve(name, *words), resolve(name, *words)).then_nothing().answering(
        status="resolved"
    ).when(resolve(name, "dismiss")).then_refused(IllegalState, state="resolved")


@pytest.mark.parametrize("words", [("shorten",), ("release",), ("re_source", NYC)])
def test_units_that_came_back_unwritten_are_not_given_up(words: tuple[str, ...]) -> None:
    """Where another hold has run out, nothing is short any more, although nobody wrote it down."""
    base = given(
        received(6),
        received(4, location=NYC),
        reserved("brief", 3, expires_at=moment(12)),
        reserved("new", 3, expires_at=moment(90)),
        sold(2),
    )
    name = base.ledger.stock().conflicts["promise_broken", "new"].conflict_id

    base.when(Wait(20), resolve(name, *words)).then(happened(ConflictResolved)).leaving(reserved=3)


def test_a_conflict_that_is_no_broken_promise_has_nothing_to_move() -> None:
    """Its words are only said; naming locations for it is a mistake."""
    then = given(received(1)).when(sell(3))
    name = next(e.conflict_id for e in then.decision.events if isinstance(e, ConflictOpened))

    then.when(resolve(name, "re_source", NYC)).then_refused(Malformed, path="$.locations").when(
        resolve(name, "release")
    ).then(happened(ConflictResolved)).answering(status="resolved")
