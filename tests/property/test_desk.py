"""Whatever is delivered in whatever order, and however handlers fail: newest only, nothing lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from subscribers.sdk import Key, Limits
from subscribers.sdk.desk import Desk, Item, Value
from subscribers.sdk.fake_ats import told_as
from subscribers.sdk.reading import read
from tests.support.channel_bus import number

SKUS = ("MUG", "LAMP")
OFTEN = ("offer", "offer", "offer", "take", "take", "succeed", "fail", "give_up")
STEPS = st.lists(
    st.tuples(st.sampled_from((*OFTEN, *OFTEN, "begin")), st.sampled_from(SKUS), st.integers(1, 5)),
    max_size=60,
)


class Desked:
    """A desk, and what is known of it from outside."""

    def __init__(self) -> None:
        self.desk = Desk(Limits(retry_min_ms=1, retry_max_ms=1))
        self.now = 0.0
        self.at_work: list[Item] = []
        self.generation = 1
        self.offered: dict[Key, int] = {}
        self.settled: dict[Key, int] = {}
        self.desk.begin(1, 0)

    def offer(self, sku: str, told: int) -> None:
        subject, headers, payload = told_as(number(sku, told, told), self.generation)
        value = read(subject, headers, payload)
        assert isinstance(value, Value)
        self.offered[value.key] = max(told, self.offered.get(value.key, 0))
        self.desk.offer(value, self.now)

    def begin(self, generation: int) -> None:
        if generation != self.generation:
            self.offered, self.settled = {}, {}
        self.generation = generation
        self.desk.begin(generation, len(SKUS))

    def take(self) -> None:
        self.now += 1
        if (item := self.desk.take(self.now)) is None:
            return
        value = item.at_work
        assert value is not None
        assert value.generation == self.generation
        assert value.state.told > self.settled.get(item.key, 0)
        assert item.key not in {other.key for other in self.at_work}
        self.at_work.append(item)

    def end(self, how: str) -> None:
        if not self.at_work:
            return
        item = self.at_work.pop(0)
        if how == "fail":
            self.desk.failed(item, self.now)
            return
        ending = self.desk.succeeded if how == "succeed" else self.desk.given_up
        value = ending(item, self.now)
        if value.generation == self.generation:
            self.settled[item.key] = value.state.told


@settings(max_examples=400)
@given(STEPS)
def test_keys_only_move_forward_and_none_is_forgotten(steps: list[tuple[str, str, int]]) -> None:
    """A number is handed over if it is newer, alone of its key, and the newest in the end."""
    desked = Desked()
    for step, sku, argument in steps:
        match step:
            case "offer":
                desked.offer(sku, argument)
            case "take":
                desked.take()
            case "begin":
                desked.begin(desked.generation + argument % 2)
            case _:
                desked.end(step)
        assert desked.desk.held == len([*desked.desk.values()])

    while desked.at_work or desked.desk.next_due() is not None:
        desked.take()
        desked.end("succeed")
        desked.desk.arrived()
        desked.desk.completed(desked.now)

    assert desked.offered == desked.settled
    assert 0 == desked.desk.held
