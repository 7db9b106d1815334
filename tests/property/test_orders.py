"""What is open over an order depends on the facts, not on the order in which they are told."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.commands import AnyCommand, AuthoriseReturn
from ledger.domain.events import ConflictOpened
from ledger.domain.order import RETURNED_BEYOND_SOLD, Order
from ledger.domain.values import order_stream
from tests.support.builders import named, sell, take_back, void
from tests.support.documents import authorise, came, units
from tests.support.given import Ledger
from tests.support.manual_clock import START

ORDERS = ("A-1", "A-2")
SKUS = ("MUG", "LAMP")
PLACES = ("ams-1", "nyc-2")
SECOND = 1_000_000

_where: dict[str, Any] = {
    "order": st.sampled_from(ORDERS),
    "sku": st.sampled_from(SKUS),
    "location": st.sampled_from(PLACES),
    "occurred_at": st.integers(-500, 0).map(lambda second: START + second * SECOND),
}
_movements = st.tuples(
    st.sampled_from(("sale", "return", "document", "voided")),
    st.integers(1, 5),
    st.fixed_dictionaries(_where),
)
_histories = st.lists(_movements, min_size=1, max_size=10)


def story(number: int, kind: str, quantity: int, where: dict[str, Any]) -> list[AnyCommand]:
    """The commands of one fact, in the only order they can be told in."""
    match kind:
        case "sale":
            return [sell(quantity, **where)]
        case "return":
            return [take_back(quantity, **where)]
        case "voided":
            place = {name: where[name] for name in ("sku", "location")}
            sale = named(f"sale-{number}", sell(quantity, **where))
            return [sale, void(f"sale-{number}", max(1, quantity - 1), **place)]
        case _:
            line = units(quantity, where["sku"])
            asked = authorise(line, order=where["order"], return_id=f"rma-{number}")
            arrived = came(
                line,
                location=where["location"],
                occurred_at=where["occurred_at"],
                return_id=f"rma-{number}",
            )
            return [asked, arrived]


def told(stories: list[list[AnyCommand]], places: list[int]) -> Ledger:
    """A ledger told one story's next command after another, in an order of arrival."""
    ledger = Ledger()
    left = [list(one) for one in stories]
    for place in places:
        if left[place]:
            decision = ledger.take(left[place].pop(0))
            assert decision.refusal is None, decision.refusal
    assert not any(left)
    return ledger


def still_open(ledger: Ledger) -> Counter[tuple[str, str, int]]:
    """The open conflicts over orders: which SKU of which order, by how much."""
    found: Counter[tuple[str, str, int]] = Counter()
    for events in ledger.streams.values():
        first = events[0]
        if not isinstance(first, ConflictOpened) or first.kind != RETURNED_BEYOND_SOLD:
            continue
        conflict = ledger.world.conflict(first.conflict_id)
        assert conflict is not None
        assert first.order is not None
        if conflict.status == "open":
            found[first.order, conflict.sku, conflict.short] += 1
    return found


def expected(history: list[tuple[str, int, dict[str, Any]]]) -> Counter[tuple[str, str, int]]:
    """The same from the facts alone: what came back beyond what was sold."""
    excess: Counter[tuple[str, str]] = Counter()
    for kind, quantity, where in history:
        key = (where["order"], where["sku"])
        sold = quantity - max(1, quantity - 1) if kind == "voided" else quantity
        excess[key] += -sold if kind in {"sale", "voided"} else quantity
    return Counter({(*key, units): 1 for key, units in excess.items() if units > 0})


@given(history=_histories, data=st.data())
def test_the_conflicts_open_at_the_end_do_not_depend_on_the_order_of_arrival(
    history: list[tuple[str, int, dict[str, Any]]], data: st.DataObject
) -> None:
    """One for each order and SKU of which more came back than was sold, by exactly that."""
    stories = [story(number, *fact) for number, fact in enumerate(history)]
    turns = [place for place, one in enumerate(stories) for _ in one]

    ledgers = [told(stories, data.draw(st.permutations(turns))) for _ in range(2)]

    for ledger in ledgers:
        assert expected(history) == still_open(ledger)
    for order in ORDERS:
        first, second = (ledger.world.state(order_stream(order)) for ledger in ledgers)
        assert _totals(first) == _totals(second)


def _totals(state: object) -> dict[str, tuple[int, int]]:
    if state is None:
        return {}
    assert isinstance(state, Order)
    return {sku: (line.sold, line.returned) for sku, line in state.lines.items()}


def test_an_order_that_nothing_names_has_no_stream() -> None:
    """A return that is only authorised moved nothing yet."""
    ledger = Ledger()
    ledger.take(AuthoriseReturn(return_id="rma-1", lines=(units(1),), order="A-1"))

    assert order_stream("A-1") not in ledger.streams
