"""Names of streams and subjects: different things never share one."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.streams import decode_part, initial
from ledger.domain.values import StockId, encode_part, reservation_stream, stream_id

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text(
    "ab%/.41 *>é", max_size=6
)


@given(NAMES)
def test_what_is_encoded_can_be_read_back(name: str) -> None:
    """Decoding undoes encoding, so no two names have one encoding."""
    assert name == decode_part(encode_part(name))


@given(NAMES)
def test_an_encoded_part_is_one_token_everywhere(name: str) -> None:
    """Letters, digits, underscore, hyphen and percent: no border of a stream id or a subject."""
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-%"

    assert set(encode_part(name)) <= set(plain)


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_stocks_never_share_a_stream(a: str, b: str, c: str, d: str) -> None:
    """`a/b` at `c` is not `b/c` at `a`; nor is a stock ever a document."""
    same = (a, b) == (c, d)

    assert same == (StockId(a, b).stream == StockId(c, d).stream)
    assert same == (stream_id("movement", a, b) == stream_id("movement", c, d))
    assert StockId(a, b).stream != reservation_stream(c)


@given(NAMES, NAMES)
def test_a_stock_is_known_by_its_stream(location: str, sku: str) -> None:
    """Who reads a stream needs no other place to learn whose it is."""
    state = initial(StockId(location, sku).stream)

    assert StockId(location, sku) == state.stock_id  # type: ignore[union-attr]
