"""Strategies for commands: few stocks, few promises, so that everything meets everything."""

from hypothesis import strategies as st

from ledger.domain.values import PHYSICAL_BUCKETS
from tests.support import builders as b
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
    st.builds(lambda q, p, t: b.take_back(q, to_bucket=t, **p), _quantities, _places, _buckets),
    st.builds(lambda q, p, t: b.scrap(q, bucket=t, **p), _quantities, _places, _buckets),
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
        lambda o, lines, at, if_open: b.fulfil(o, *lines, occurred_at=at, if_open=if_open),
        _orders,
        st.lists(_lines, max_size=2),
        st.none() | _seconds,
        st.booleans(),
    ),
)

steps: st.SearchStrategy[Step] = st.one_of(
    movements,
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
