"""No batch overtakes another on a stock they share, however answers arrive."""

import random

from hypothesis import given
from hypothesis import strategies as st

from api.importing.order import Schedule

BATCHES = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4).map(tuple), max_size=40)


@given(
    batches=BATCHES, seed=st.integers(0, 2**32), flights=st.integers(1, 6), window=st.integers(1, 9)
)
def test_every_stock_sees_its_batches_in_order(
    batches: list[tuple[int, ...]], seed: int, flights: int, window: int
) -> None:
    """Whatever is in flight shares no stock, all is sent once, and each stock's order is kept."""
    chance = random.Random(seed)
    schedule = Schedule(len(batches), batches.__getitem__, window)
    in_flight: list[int] = []
    sent: list[int] = []
    while not schedule.finished:
        while len(in_flight) < flights and (batch := schedule.take()) is not None:
            assert not any(set(batches[batch]) & set(batches[other]) for other in in_flight)
            in_flight.append(batch)
            sent.append(batch)
        assert in_flight, "something can always be sent"
        schedule.done(in_flight.pop(chance.randrange(len(in_flight))))

    assert list(range(len(batches))) == sorted(sent)
    for stock in range(6):
        mine = [batch for batch in sent if stock in batches[batch]]
        assert sorted(mine) == mine


def test_batches_that_share_nothing_travel_together() -> None:
    """The window bounds how far ahead of the oldest unanswered one they may be."""
    schedule = Schedule(4, lambda batch: (batch,), window=3)

    assert [0, 1, 2, None] == [schedule.take() for _ in range(4)]
    schedule.done(1)
    assert schedule.take() is None
    schedule.done(0)
    assert 3 == schedule.take()


def test_an_import_of_nothing_is_finished() -> None:
    """There is nothing to wait for."""
    assert Schedule(0, lambda _: ()).finished
