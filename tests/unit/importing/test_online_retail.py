"""The rules that make movements of invoice lines, one line a row of a table."""

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from api.importing.batches import Batches
from api.importing.columns import UnreadableFile
from api.importing.online_retail import apply_rules, read_online_retail
from api.importing.plan import plan_online_retail, with_opening


def lines(*rows: tuple[Any, ...]) -> Any:
    """Invoice lines as they come out of a file: invoice, sku, quantity, price, customer."""
    names = ("invoice", "sku", "quantity", "price", "customer")
    columns = {name: pa.chunked_array([[row[n] for row in rows]]) for n, name in enumerate(names)}
    count = len(rows)
    at = [dt.datetime(2010, 12, 1, 8, 26)] * count  # noqa: DTZ001 - as the file has it
    return pa.table(
        {
            **columns,
            "at": pa.array(at, pa.timestamp("us")),
            "country": pa.repeat(pa.scalar("Norway"), count),
            "row": pa.nulls(count, pa.string()),
        }
    )


def bodies(batches: Batches) -> list[Any]:
    """The movements of every request."""
    numbers = range(len(batches))
    return [msgspec.json.decode(batches[n].body)["movements"] for n in numbers]


@pytest.mark.parametrize(
    ("invoice", "sku", "quantity", "price", "customer", "outcome"),
    [
        ("536365", "85123A", 6, 2.55, 17850, ("sale", 6)),
        ("536365", " 85123a ", 6, 2.55, None, ("sale", 6)),
        ("536365", "85123A", 6, 0.0, 17850, ("sale", 6)),  # A gift to a known customer.
        ("C536379", "85123A", -3, 2.55, 17850, ("return", 3)),
        ("C536379", "85123A", -3, 0.0, None, ("return", 3)),
        ("c536379", "85123A", -3, 2.55, 17850, ("return", 3)),
        ("536589", "21777", -10, 0.0, None, ("adjust", -10)),
        ("536414", "22139", 56, 0.0, None, ("adjust", 56)),
        ("536414", "15056BL", 1, 1.0, None, ("sale", 1)),
        ("536370", "POST", 3, 18.0, 12583, "non_stock"),
        ("536370", "gift_0001_20", 3, 18.0, None, "non_stock"),
        ("536370", "1234", 3, 18.0, None, "non_stock"),
        ("A563185", "85123A", 1, 11062.06, None, "non_stock"),
        ("C536379", "85123A", 3, 2.55, 17850, "non_stock"),
        ("C536379", "85123A", 0, 2.55, 17850, "non_stock"),
        ("536365", "85123A", 0, 2.55, 17850, "no_quantity"),
        ("536365", "85123A", -1, 2.55, 17850, "negative_sale"),
        ("536365", "85123A", -1, 0.0, 17850, "negative_sale"),
        ("536365", "85123A", None, 2.55, 17850, "unreadable"),
        ("536365", None, 1, 2.55, 17850, "unreadable"),
        ("", "85123A", 1, 2.55, 17850, "unreadable"),
        ("no spaces", "85123A", 1, 2.55, 17850, "unreadable"),
        ("536365", "85123A" + "X" * 60, 1, 2.55, 17850, "unreadable"),
        ("536365", "85123\x00", 1, 2.55, 17850, "unreadable"),
        ("536365", "85123\u200bA", 1, 2.55, 17850, "unreadable"),
        ("536365", "85123\u00a0A", 1, 2.55, 17850, "unreadable"),
        ("536365", "85123 A", 1, 2.55, 17850, ("sale", 1)),
    ],
)
def test_a_line_is_one_movement_or_counted_under_a_reason(
    invoice: str, sku: Any, quantity: Any, price: float, customer: Any, outcome: Any
) -> None:
    """Every line becomes exactly one movement, or is left out under exactly one reason."""
    read = apply_rules(lines((invoice, sku, quantity, price, customer)))

    if isinstance(outcome, str):
        assert {outcome: 1} == read.skipped
        assert read.movements.num_rows == 0
        return
    movement = msgspec.json.decode(read.movements["body"][0].as_py())
    assert outcome == (movement["type"], movement.get("quantity", movement.get("delta")))
    assert {} == read.skipped


def test_a_movement_says_where_and_when_and_nothing_private() -> None:
    """The body holds the business time of the line, UTC, and neither customer nor price."""
    read = apply_rules(lines(("536365", "85123a", 6, 2.55, 17850)))

    expected = {
        "movement_id": "536365:1",
        "type": "sale",
        "sku": "85123A",
        "location": "warehouse",
        "quantity": 6,
        "occurred_at": "2010-12-01T08:26:00Z",
    }
    assert expected == msgspec.json.decode(read.movements["body"][0].as_py())


def test_a_customers_return_may_be_sold_again() -> None:
    """The wholesaler put cancelled lines back on the shelf."""
    read = apply_rules(lines(("C1", "85123A", -6, 2.55, 17850)))

    assert "sellable" == msgspec.json.decode(read.movements["body"][0].as_py())["to_bucket"]


def test_locations_may_be_the_countries() -> None:
    """`--location-by country` makes a location of each."""
    read = apply_rules(lines(("1", "85123A", 1, 2.55, 1)), "country")

    assert "Norway" == msgspec.json.decode(read.movements["body"][0].as_py())["location"]


def test_a_movement_is_named_by_its_invoice_and_line() -> None:
    """Duplicates are real lines and stay; lines left out count, so an id finds its line."""
    gift = ("536365", "POST", 1, 2.55, 17850)
    line = ("536365", "85123A", 6, 2.55, 17850)
    plan = with_opening(apply_rules(lines(line, gift, line, ("536366", *line[1:]), line)), "none")

    expected = ["536365:1", "536365:3", "536366:1", "536365:4"]
    assert expected == [movement["movement_id"] for movement in bodies(plan.batches)[0]]


@pytest.mark.parametrize(
    ("sizes", "requests"),
    [
        ((), []),
        ((1, 1), [2]),
        ((600, 400, 1), [1_000, 1]),
        ((600, 401), [600, 401]),
        ((1_000, 1_000), [1_000, 1_000]),
        ((1, 1_114, 1), [1, 1_000, 115]),
        ((2_500, 600), [1_000, 1_000, 500, 600]),
    ],
)
def test_a_request_holds_whole_invoices(sizes: tuple[int, ...], requests: list[int]) -> None:
    """As many as fit; only an invoice too long for any request is split."""
    rows = [(str(n), "85123A", 1, 2.55, 1) for n, size in enumerate(sizes) for _ in range(size)]
    batches = with_opening(apply_rules(lines(*rows)), "none").batches

    assert requests == [batch.movements for batch in batches_of(batches)]
    assert sum(sizes) == sum(len(batches.stocks(n)) for n in range(len(batches)))


def test_a_request_is_named_by_what_it_holds_and_falls_apart_into_its_invoices() -> None:
    """So the same lines have the same key in every file, and a part has one of its own."""
    rows = [(name, "85123A", 1, 2.55, 1) for name in ("1", "1", "2", "3")]
    batches = with_opening(apply_rules(lines(*rows)), "none").batches

    assert "1:1..3:1" == batches[0].key
    parts = batches.parts(0)
    assert [("1:1..1:2", 2), ("2:1..2:1", 1), ("3:1..3:1", 1)] == [
        (part.key, part.movements) for part in parts
    ]


def batches_of(batches: Batches) -> list[Any]:
    """All requests."""
    return [batches[n] for n in range(len(batches))]


@pytest.mark.parametrize(
    ("quantities", "opening"),
    [
        ((5,), 5),
        ((5, 3), 8),
        ((-5,), 0),  # Returned before anything was sold: nothing had to be there.
        ((-5, 3), 0),
        ((-5, 8), 3),
        ((5, -5, 5), 5),
        ((5, -5, 5, 1), 6),
    ],
)
def test_the_least_opening_keeps_every_level_at_zero_or_above(
    quantities: tuple[int, ...], opening: int
) -> None:
    """It is the deepest point of the running sum in row order; a stock that never dips has none."""
    rows = [(f"{'C' if q < 0 else ''}{n}", "85123A", q, 1.0, 1) for n, q in enumerate(quantities)]
    first = bodies(with_opening(apply_rules(lines(*rows)), "auto").batches)[0][0]

    if opening:
        assert {"type": "opening", "quantity": opening} == {
            name: first[name] for name in ("type", "quantity")
        }
        assert "2010-12-01T08:25:00Z" == first["occurred_at"]
    else:
        assert "opening" != first["type"]


def test_an_opening_may_come_from_a_file(tmp_path: Path) -> None:
    """SKU and quantity are enough; lines without units are no movements."""
    path = tmp_path / "opening.csv"
    path.write_text("sku,quantity\n85123a,7\n22139,0\n")
    plan = with_opening(apply_rules(lines(("1", "85123A", 1, 1.0, 1))), path)

    assert {"opening": 1, "sale": 1} == plan.kinds
    assert ("opening:1", 7) == tuple(
        bodies(plan.batches)[0][0][n] for n in ("movement_id", "quantity")
    )


@pytest.mark.parametrize(
    "text",
    [
        "sku,quantity\n85123A,-1\n",
        "sku,quantity\n85123A,many\n",
        "sku,quantity,occurred_at\n85123A,1,1/2/2026 08:00\n",
    ],
)
def test_an_opening_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """A wrong opening would make every level wrong."""
    path = tmp_path / "opening.csv"
    path.write_text(text)

    with pytest.raises(
        UnreadableFile, match=r"every (line needs a SKU and a quantity|occurred_at)"
    ):
        with_opening(apply_rules(lines(("1", "85123A", 1, 1.0, 1))), path)


UCI = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


@pytest.mark.parametrize(
    "line",
    [
        '536365,85123A,"HEART, ""WHITE""",6,12/1/2010 8:26,2.55,17850,United Kingdom',
        "536365,85123A,HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom",
        "536365,85123A,HEART,6,2010-12-01T08:26:00Z,2.55,,United Kingdom",
        "536365,85123A,HEART,6,2010-12-01 08:26,2.55,,United Kingdom",
    ],
)
def test_the_original_columns_and_date_forms_import_too(tmp_path: Path, line: str) -> None:
    """The UCI spelling, as spreadsheets and other tools write it."""
    path = tmp_path / "online_retail.csv"
    path.write_text(UCI + line + "\n")
    plan = plan_online_retail(path, opening="none")

    expected = {
        "movement_id": "536365:1",
        "type": "sale",
        "sku": "85123A",
        "location": "warehouse",
        "quantity": 6,
        "occurred_at": "2010-12-01T08:26:00Z",
    }
    assert [[expected]] == bodies(plan.batches)


def test_the_first_unreadable_lines_are_named(tmp_path: Path) -> None:
    """By their row in the file, and by what they lack."""
    path = tmp_path / "lines.csv"
    path.write_text(
        UCI + "536365,85123A,x,6,12/1/2010 8:26,2.55,17850,UK\n"
        "536365,85123A,x,six,12/1/2010 8:26,2.55,17850,UK\n"
        "536365,85123A,x,6,soon,2.55,17850,UK\n"
    )

    plan = plan_online_retail(path)
    assert ((2, "it has no readable quantity"), (3, "it has no readable date")) == plan.unreadable


def test_latin_1_and_prices_of_zero_are_understood(tmp_path: Path) -> None:
    """The copies that circulate are not UTF-8; 0.00 without a customer is an adjustment."""
    path = tmp_path / "online_retail.csv"
    path.write_bytes((UCI + "1,85123A,£ SIGN,-6,12/1/2010 8:26,0.00,,EIRE\n").encode("latin-1"))

    assert {"adjust_out": 1} == plan_online_retail(path, opening="none").kinds


def test_day_first_dates_are_read_so_throughout(tmp_path: Path) -> None:
    """One reading holds for the whole file: the one that explains its dates."""
    path = tmp_path / "online_retail.csv"
    rows = [
        f"{n},85123A,X,1,{day} 08:26,1.0,1,EIRE\n"
        for n, day in [(1, "01/12/2010"), (2, "13/12/2010")]
    ]
    path.write_text(UCI + "".join(rows))

    plan = plan_online_retail(path, opening="none")
    times = [movement["occurred_at"] for movement in bodies(plan.batches)[0]]

    assert ["2010-12-01T08:26:00Z", "2010-12-13T08:26:00Z"] == times


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.csv", "InvoiceNo,StockCode\n1,2\n", "has no column Quantity"),
        ("a.csv", "", "not a readable CSV"),
        ("a.parquet", "no parquet", "not a readable Parquet"),
        ("a.xlsx", "x", "neither .csv nor .parquet"),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    """What is missing is said, before anything is sent."""
    path = tmp_path / name
    path.write_text(text)

    with pytest.raises(UnreadableFile, match=problem):
        read_online_retail(path)
