"""What waits for the writer: three lanes, their shares, and a door that closes."""

from typing import Any

import pytest

from ledger.domain.commands import AnyCommand
from ledger.submission import Lane, NoWriter, Overloaded, Submission
from ledger.writer.lanes import Lanes, Waiting
from tests.support.builders import receive, reserve, together


class Nobody:
    """A sink that is never asked."""

    def deliver(self, replies: list[tuple[object, Any]]) -> None:
        """Nobody calls this."""
        raise AssertionError(replies)


def _waiting(name: str, lane: Lane, command: AnyCommand | None = None) -> Waiting:
    submission = Submission(
        command=command or reserve(name, 1),
        principal="till-7",
        command_id=name,
        source="pos",
        correlation_id=name,
        deadline=0.0,
        lane=lane,
    )
    return Waiting(submission, Nobody(), name)


def _lanes(commands_max: int = 10_000, **counts: int) -> Lanes:
    lanes = Lanes(commands_max)
    lanes.open()
    for lane, count in counts.items():
        for number in range(count):
            lanes.put(_waiting(f"{lane}-{number}", lane))  # type: ignore[arg-type]
    return lanes


def _counts(taken: list[Waiting]) -> dict[str, int]:
    lanes = [one.submission.lane for one in taken]
    return {lane: lanes.count(lane) for lane in ("promise", "fact", "bulk") if lane in lanes}


@pytest.mark.parametrize(
    ("waiting", "taken"),
    [
        ({"promise": 5, "fact": 5, "bulk": 5}, {"promise": 5, "fact": 5, "bulk": 5}),
        ({"promise": 500}, {"promise": 100}),
        ({"fact": 500}, {"fact": 100}),
        ({"bulk": 500}, {"bulk": 10}),
        ({"promise": 500, "fact": 500}, {"promise": 75, "fact": 25}),
        ({"promise": 500, "fact": 5}, {"promise": 95, "fact": 5}),
        ({"promise": 5, "fact": 500}, {"promise": 5, "fact": 95}),
        ({"promise": 500, "fact": 500, "bulk": 500}, {"promise": 75, "fact": 25, "bulk": 1}),
        ({"promise": 40, "fact": 40, "bulk": 500}, {"promise": 40, "fact": 40, "bulk": 10}),
    ],
)
def test_each_lane_has_its_share_of_a_batch(waiting: dict[str, int], taken: dict[str, int]) -> None:
    """Promises first, facts a share no rush can take, bulk what costs nobody else much.

    And one, where nothing is left for it: a rush delays the sweeper and never silences it.
    """
    assert taken == _counts(_lanes(**waiting).take(100))


def test_a_lane_is_served_in_order() -> None:
    """First come, first decided."""
    names = [one.ticket for one in _lanes(promise=3, fact=2).take(100)]

    assert ["promise-0", "promise-1", "promise-2", "fact-0", "fact-1"] == names


def test_a_batch_is_limited_in_movements() -> None:
    """A command of many movements weighs as many; one that is too big for any batch goes alone."""
    lanes = _lanes()
    big = together(*[receive(1) for _ in range(60)])
    for number in range(3):
        lanes.put(_waiting(f"big-{number}", "fact", big))
    huge = together(*[receive(1) for _ in range(500)])
    lanes.put(_waiting("huge", "fact", huge))

    assert [["big-0", "big-1"], ["big-2", "huge"], []] == [
        [one.ticket for one in lanes.take(100)] for _ in range(3)
    ]


def test_what_is_put_back_comes_first_in_its_old_order() -> None:
    """Taken and not decided: nobody overtakes it."""
    lanes = _lanes(promise=2)
    taken = lanes.take(100)
    lanes.put(_waiting("new", "promise"))
    lanes.put_back(taken)

    assert 3 == len(lanes)
    assert ["promise-0", "promise-1", "new"] == [one.ticket for one in lanes.take(100)]


def test_a_full_queue_refuses_and_keeps_what_it_has() -> None:
    """Overload is an answer, not memory."""
    lanes = _lanes(3, promise=3)

    with pytest.raises(Overloaded):
        lanes.put(_waiting("one-too-many", "fact"))
    assert 3 == len(lanes)


def test_a_closed_queue_lets_nobody_in_and_serves_those_inside() -> None:
    """The end of a term, or a stop."""
    lanes = _lanes(promise=2)
    lanes.close()

    with pytest.raises(NoWriter):
        lanes.put(_waiting("late", "promise"))
    assert 2 == len(lanes.drain())
    assert 0 == len(lanes)


def test_a_queue_is_closed_until_a_term_begins() -> None:
    """A process that has just started is not in office."""
    with pytest.raises(NoWriter):
        Lanes(10).put(_waiting("early", "promise"))


def test_who_comes_in_while_the_door_closes_is_told_so() -> None:
    """Seen open, closed before the command was inside: it must not lie there for ever."""
    lanes = _lanes()

    class Closing:
        @property
        def lane(self) -> Lane:
            lanes.close()
            return "promise"

    with pytest.raises(NoWriter):
        lanes.put(Waiting(Closing(), Nobody(), "late"))  # type: ignore[arg-type]
    assert 0 == len(lanes)
