"""Strategies for commands: few stocks, few promises, so that everything meets everything."""

from hypothesis import strategies as st

from ledger.domain.values import PHYSICAL_BUCKETS
from tests.support import builders as b
from tests.support import transfers as t
from tests.support.given import Step, Wait
from tests.support.manual_clock import START

_quantities = st.integers(1, 9)
_buckets = st.sampled_from(PHYSICAL_BUCKETS)
_seconds = st.integers(-30, 120).map(lambda seconds: START + seconds * 1_000_000)
_orders = st.sampled_from([f"order-{number}" for number in range(1, 7)])
_new_orders = st.integers(1, 30).map(lambda number: f"order-{number}")
_expiries = st.none() | st.integers(10, 80).map(lambda s: START + s * 1_000_000)
_known = st.integers(8, 20)  # Commands that the first few steps have given a number.
_places = st.fixed_dictionaries(
    {"sku": st.sampled_from(["MUG", "MUG", "LAMP"])},
    optional={"occurred_at": _seconds},
)
_lines = st.builds(b.line, _quantities, st.sampled_from(["MUG", "MUG", "LAMP"]))
_some_lines = st.lists(_lines, min_size=1, max_size=3)

movements = st.one_of(
    st.builds(lambda q, p: b.receive(q + 3, **p), _quantities, _places),
    st.builds(lambda q, p: b.sell(q, **p), _quantities, _places),
    st.builds(lambda q, p, o: b.sell(q, reservation_id=o, **p), _quantities, _places, _orders),
    st.builds(lambda q, p, to: b.take_back(q, to_bucket=to, **p), _quantities, _places, _buckets),
    st.builds(lambda q, p, of: b.scrap(q, bucket=of, **p), _quantities, _places, _buckets),
    st.builds(
        lambda q, p, pair: b.move(q, pair[0], pair[1], **p),
        _quantities,
        _places,
        st.lists(_buckets, min_size=2, max_size=2, unique=True),
    ),
    st.builds(lambda q, p: b.adjust(-q, **p), _quantities, _places),
    st.builds(
        lambda q, e, p: b.adjust(q, expected_on_hand=e, **p), _quantities, _quantities, _places
    ),
    st.builds(lambda n, p, t: b.count(n, bucket=t, **p), st.integers(0, 20), _places, _buckets),
    st.builds(lambda n, p: b.count(n, **p), st.integers(0, 20), _places),
    st.builds(
        lambda n, i, o, p: b.count(o, replaces=f"command-{n}/{i}", **p),
        _known,
        st.integers(0, 1),
        _quantities,
        _places,
    ),
    st.builds(
        lambda n, i, q, p: b.correct(f"command-{n}/{i}", q, **p),
        _known,
        st.integers(0, 1),
        _quantities,
        _places,
    ),
    st.builds(
        lambda n, i, p: b.cancel(f"command-{n}/{i}", **p), _known, st.integers(0, 1), _places
    ),
    st.builds(
        lambda n, i, q, p: b.void(f"command-{n}/{i}", q, **p),
        _known,
        st.integers(0, 1),
        _quantities,
        _places,
    ),
)

promises = st.one_of(
    st.builds(
        lambda o, lines, e, policy: b.reserve(o, None, *lines, expires_at=e, policy=policy),
        _new_orders,
        _some_lines,
        _expiries,
        st.sampled_from(["all", "partial"]),
    ),
    st.builds(b.confirm, _orders),
    st.builds(b.extend, _orders, st.integers(10, 80).map(lambda s: START + s * 1_000_000)),
    st.builds(lambda o, lines: b.amend(o, *lines), _orders, _some_lines),
    st.builds(lambda o, lines: b.release(o, *lines), _orders, _some_lines),
    st.builds(b.release, _orders),
    st.builds(
        lambda o, q, sku, ends: b.relocate(o, b.shift(q, ends[0], ends[1], sku)),
        _orders,
        _quantities,
        st.sampled_from(["MUG", "MUG", "LAMP"]),
        st.permutations(["ams-1", "nyc-2"]),
    ),
    st.builds(
        lambda o, lines, at, if_open: b.fulfil(o, *lines, occurred_at=at, if_open=if_open),
        _orders,
        st.lists(_lines, max_size=2),
        st.none() | _seconds,
        st.booleans(),
    ),
)

_ways = st.sampled_from([("out", "ams-1", "nyc-2"), ("in", "nyc-2", "ams-1")])
_goods = st.builds(t.of_sku, _quantities, st.sampled_from(["MUG", "MUG", "LAMP"]))
_arrivals = st.builds(
    lambda sku, got, damaged, lost, back: t.arrived(
        got, sku, damaged=damaged, lost=lost, returned=back
    ),
    st.sampled_from(["MUG", "LAMP"]),
    _quantities,
    *[st.integers(0, 3)] * 3,
)

transfers = st.one_of(
    st.builds(
        lambda way, goods: t.request(way[0], *goods, source=way[1], to=way[2]),
        _ways,
        st.lists(_goods, min_size=1, max_size=2),
    ),
    st.builds(
        lambda way, goods, at: t.dispatch(way[0], *goods, occurred_at=at),
        _ways,
        st.lists(_goods, max_size=2),
        st.none() | _seconds,
    ),
    st.builds(
        lambda way, came, at: t.receive(way[0], *came, occurred_at=at),
        _ways,
        st.lists(_arrivals, max_size=2),
        st.none() | _seconds,
    ),
    st.builds(lambda way: t.cancel(way[0]), _ways),
    st.builds(lambda way: t.close(way[0]), _ways),
)

steps: st.SearchStrategy[Step] = st.one_of(
    movements,
    transfers,
    st.lists(movements, min_size=1, max_size=4).map(lambda parts: b.together(*parts)),
    promises,
    promises,
    st.builds(b.sweep, st.sampled_from(["MUG", "LAMP"])),
    st.builds(Wait, st.integers(0, 30)),
)

_beginnings = st.lists(st.tuples(st.integers(1, 4), _expiries), min_size=6, max_size=6).map(
    lambda drawn: [
        b.receive(14),
        b.receive(5, sku="LAMP"),
        t.request("out", t.of_sku(4), t.of_sku(2, "LAMP")),
        t.request("in", t.of_sku(3), source="nyc-2", to="ams-1"),
        *(
            b.reserve(f"order-{n}", q, expires_at=e, policy="partial")
            for n, (q, e) in enumerate(drawn, start=1)
        ),
    ]
)

histories: st.SearchStrategy[list[Step]] = st.builds(
    lambda beginning, rest: [*beginning, *rest],
    _beginnings,
    st.lists(steps, min_size=12, max_size=40),
)
