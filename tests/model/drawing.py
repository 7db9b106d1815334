"""What the machine draws: small numbers and choices, to which it gives its own names and times."""

from typing import Any, Final

from hypothesis import strategies as st

BUCKETS: Final = ("sellable", "quarantine", "damaged", "returned", "blocked")

picks: Final = st.integers(0, 63)
"""Chooses among whatever there is by then."""

stocks: Final = st.sampled_from((0, 0, 0, 1, 2, 3))
quantities: Final = st.integers(1, 9)
buckets: Final = st.sampled_from(BUCKETS)

whens: Final = st.one_of(
    st.just(("now", 0)),
    st.tuples(st.just("day"), st.integers(0, 20)),
    st.tuples(st.just("mark"), picks),
)
"""Business times: left out, a minute of a day long past, or a moment between two commands."""

claims: Final = st.one_of(whens, whens, whens, st.sampled_from((("ahead", 60), ("ahead", 3_600))))
"""The same, and times that have not come yet."""


def _movement(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    shared = {"stock": stocks, "quantity": quantities, "when": claims}
    return st.fixed_dictionaries({"type": st.just(kind), **shared, **more})


MOVEMENTS: Final[dict[str, st.SearchStrategy[dict[str, Any]]]] = {
    "opening": _movement("opening"),
    "receive": _movement("receive"),
    "sale": _movement("sale"),
    "promised": _movement("promised", pick=picks),
    "sale_void": _movement("sale_void", pick=picks),
    "return": _movement("return", to_bucket=buckets),
    "adjust": _movement("adjust", expected=st.sampled_from((None, None, "right", "wrong"))),
    "move": _movement("move", pair=st.permutations(BUCKETS).map(lambda names: names[:2])),
    "scrap": _movement("scrap", bucket=buckets),
    "count": _movement("count", bucket=st.one_of(st.just("sellable"), buckets)),
    "recount": _movement("recount", pick=picks),
    "correct": _movement("correct", pick=picks),
    "cancel": _movement("cancel", pick=picks),
    "cases": _movement("cases", amount=st.sampled_from(("1", "2", "1.5", "0.25"))),
    "ordered": _movement("ordered", pick=picks),
    "returned": _movement("returned", pick=picks),
}

movements: Final = st.one_of(MOVEMENTS["receive"], *MOVEMENTS.values())


def _some(*kinds: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(*(MOVEMENTS[kind] for kind in kinds))


incoming: Final = _some("receive", "opening", "return", "returned", "cases")
outgoing: Final = _some("sale", "promised", "ordered", "scrap")
changing: Final = _some("adjust", "move", "scrap", "adjust")
restatements: Final = _some("count", "recount", "correct", "cancel", "sale_void")
batches: Final = st.lists(movements, min_size=1, max_size=3)

lines: Final = st.lists(st.tuples(stocks, quantities), min_size=1, max_size=3)
few_lines: Final = st.lists(
    st.tuples(stocks, st.integers(1, 4)), min_size=1, max_size=2, unique_by=lambda line: line[0]
)
some_lines: Final = st.none() | few_lines

openings: Final = st.lists(st.integers(1, 30), min_size=4, max_size=4)
promises: Final = st.lists(lines, min_size=2, max_size=4)

lives: Final = st.sampled_from(("hard", "long", "longer", "past"))
"""How long a promise is to run."""

skus: Final = st.sampled_from((0, 0, 1))
goods: Final = st.lists(
    st.tuples(skus, st.integers(1, 6)), min_size=1, max_size=2, unique_by=lambda line: line[0]
)
some_goods: Final = st.none() | goods
arrivals: Final = st.none() | st.lists(
    st.tuples(skus, *[st.integers(0, 3)] * 4).filter(lambda line: any(line[1:])),
    min_size=1,
    max_size=2,
)
figures: Final = st.lists(
    st.tuples(skus, st.integers(0, 20), whens, st.sampled_from(("sellable", "returned"))),
    min_size=1,
    max_size=2,
    unique_by=lambda line: (line[0], line[3]),
)
dispositions: Final = st.sampled_from(
    ("restock", "refurbish", "damaged", "scrap", "return_to_customer", "credit_only", "missing")
)
