"""A row of a projection changed behind the projector's back: found, table and position named."""

import pytest

from tests.support.audited import Audited

LAST_CHANGE = {
    "stock": "position",
    "reservations": "position",
    "conflicts": "position",
    "history": "position",
    "history_holds": "from_position",
    "history_stocks": "stock",
    "history_in_transit": "position",
    "transfers": "position",
    "returns": "position",
    "order_lines": "position",
    "counts": "position",
    "statement_entries": "position",
}


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("stock", "sellable = sellable + 1"),
        ("stock", "reserved = reserved - 1"),
        ("stock", "version = version + 1"),
        ("stock", "effective_at = effective_at + 1"),
        ("stock_holds", "quantity = quantity + 1"),
        ("stock_holds", "expires_at = expires_at + 1"),
        ("reservations", "status = 'released!'"),
        ("reservations", "channel = 'kiosk'"),
        ("reservations", "open = open + 1"),
        ("reservation_lines", "granted = granted + 1"),
        ("reservation_lines", "line = line + 100"),
        ("conflicts", "short = short + 1"),
        ("conflicts", "note = 'never written'"),
        ("history", "sellable = sellable + 1"),
        ("history", "d_reserved = d_reserved + 1"),
        ("history", "occurred_at = occurred_at - 1"),
        ("history", "effective_at = effective_at + 1"),
        ("history_holds", "quantity = quantity + 1"),
        ("history_holds", "to_position = to_position + 1"),
        ("history_stocks", "stock = stock + 1"),
        ("stock", "in_transit = in_transit + 1"),
        ("history_in_transit", "delta = delta + 1"),
        ("history_in_transit", "quantity = quantity + 1"),
        ("history_in_transit", "occurred_at = occurred_at - 1"),
        ("history_in_transit", "effective_at = effective_at + 1"),
        ("transfers", "status = 'received!'"),
        ("transfers", "to_location = 'lon-3'"),
        ("transfers", "requested_at = requested_at + 1"),
        ("transfer_lines", "requested = requested + 1"),
        ("transfer_lines", "dispatched = dispatched + 1"),
        ("transfer_lines", "lost = lost + 1"),
        ("transfer_lines", "sku = 'GHOST'"),
        ("returns", "status = 'closed!'"),
        ("returns", "order_ref = 'another'"),
        ("return_lines", "received = received + 1"),
        ("return_lines", "dispositions = '{\"restock\":99}'"),
        ("return_lines", "at = '{\"lon-3\":1}'"),
        ("order_lines", "sold = sold + 1"),
        ("order_lines", "returned = returned - 1"),
        ("counts", "approved_by = 'nobody'"),
        ("counts", "blind = not blind"),
        ("count_lines", "counted = counted + 1"),
        ("count_lines", "earlier = '[]   '"),
        ("statement_books", "book = book - 1"),
        ("statement_kinds", "reason = 'never given'"),
        ("statement_entries", "quantity = quantity + 1"),
        ("statement_entries", "occurred_at = occurred_at - 1"),
        ("statement_entries", "kind = kind + 1"),
        ("statement_entries", "number = number + 1"),
    ],
)
def test_an_altered_row_is_found(audited: Audited, table: str, change: str) -> None:
    """One row, one difference, at the position of the event behind it."""
    column = LAST_CHANGE.get(table)
    wanted = f" where {change.partition(' = ')[0]} is not null" if "to_position" in change else ""
    row = audited.forge(
        f"with one as (select ctid as place from projections.{table}{wanted} order by ctid limit 1)"
        f" update projections.{table} t set {change} from one where t.ctid = one.place"
        f" returning {column or 0}"
    )

    breaches = audited.breaches()
    assert breaches
    assert {12} == {breach.law for breach in breaches}
    assert all(table in breach.what for breach in breaches), breaches
    if column is not None:
        position = int(row[0][0]) - (table == "history_stocks")
        assert position in {breach.position for breach in breaches}


@pytest.mark.parametrize(
    ("value", "forged"),
    [("-1", "-2"), ("n", "n + 2305843009213693951")],
    ids=["the two numbers that Python hashes alike", "a number and its neighbour modulo 2^61-1"],
)
def test_a_number_that_hashes_alike_is_another_number(
    audited: Audited, value: str, forged: str
) -> None:
    """Whoever forges a row may know how the auditor works."""
    wanted = value.replace("n", "d_sellable")
    row = audited.forge(
        "with one as (select ctid as place from projections.history"
        f" where d_sellable = {wanted} order by ctid limit 1)"
        f" update projections.history t set d_sellable = {forged.replace('n', 'd_sellable')}"
        " from one where t.ctid = one.place returning position"
    )

    assert [(12, row[0][0])] == [(b.law, b.position) for b in audited.breaches()]


@pytest.mark.parametrize(
    "table",
    [
        "stock",
        "stock_holds",
        "reservations",
        "reservation_lines",
        "conflicts",
        "history",
        "history_holds",
        "history_stocks",
        "history_in_transit",
        "transfers",
        "transfer_lines",
        "returns",
        "return_lines",
        "order_lines",
        "counts",
        "count_lines",
        "statement_books",
        "statement_kinds",
        "statement_entries",
    ],
)
def test_a_deleted_row_is_found(audited: Audited, table: str) -> None:
    """A row that is due and is not there is named, too."""
    audited.forge(
        f"delete from projections.{table} where ctid = (select min(ctid) from projections.{table})"
    )

    breaches = audited.breaches()
    assert breaches
    assert all(table in breach.what and breach.position > 0 for breach in breaches), breaches


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("stock", "sku = 'GHOST'"),
        ("stock_holds", "reservation_id = 'ghost'"),
        ("reservations", "reservation_id = 'ghost'"),
        ("reservation_lines", "reservation_id = 'ghost'"),
        ("conflicts", "conflict_id = 'ghost'"),
        ("history", "stock = 999999"),
        ("history_holds", "stock = 999999"),
        ("history_stocks", "sku = 'GHOST'"),
        ("history_in_transit", "stock = 999999"),
        ("transfers", "transfer_id = 'ghost'"),
        ("transfer_lines", "transfer_id = 'ghost'"),
        ("statement_books", "sku = 'GHOST'"),
        ("statement_entries", "book = 999999"),
    ],
)
def test_a_row_that_no_event_explains_is_found(audited: Audited, table: str, change: str) -> None:
    """Moving a row to another key leaves one too many and one too few."""
    audited.forge(
        f"update projections.{table} set {change}"
        f" where ctid = (select min(ctid) from projections.{table})"
    )

    breaches = audited.breaches()
    assert 2 <= len(breaches)
    assert all(table in breach.what for breach in breaches), breaches
