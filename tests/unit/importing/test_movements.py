"""Files in the service's own words."""

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet
import pytest

from api.importing.columns import UnreadableFile
from api.importing.plan import Plan, plan_movements


def planned(tmp_path: Path, text: str) -> Plan:
    """The plan of a CSV file with this text."""
    path = tmp_path / "movements.csv"
    path.write_text(text)
    return plan_movements(path)


def movements(plan: Plan, batch: int = 0) -> list[dict[str, Any]]:
    """The movements of one request."""
    found: list[dict[str, Any]] = msgspec.json.decode(plan.batches[batch].body)["movements"]
    return found


def test_a_column_is_a_field_and_an_empty_cell_is_none(tmp_path: Path) -> None:
    """The document makes the key; only what a line says is sent."""
    plan = planned(
        tmp_path,
        "document,type,sku,location,quantity,delta,reason,occurred_at\n"
        "PO-1,receive,MUG,ams-1,10,,,2026-01-01T10:00:00Z\n"
        'PO-1,adjust,"LAMP ""XL""",ams-1,,-2,broken,\n',
    )

    assert "PO-1:1..PO-1:2" == plan.batches[0].key
    assert [
        {
            "movement_id": "PO-1:1",
            "type": "receive",
            "sku": "MUG",
            "location": "ams-1",
            "quantity": 10,
            "occurred_at": "2026-01-01T10:00:00Z",
        },
        {
            "movement_id": "PO-1:2",
            "type": "adjust",
            "sku": 'LAMP "XL"',
            "location": "ams-1",
            "delta": -2,
            "reason": "broken",
        },
    ] == movements(plan)


@pytest.mark.parametrize("word", ["NA", "NULL", "nan", "N/A", "null", "-NaN", "#N/A"])
def test_a_word_for_nothing_is_a_name_like_any_other(tmp_path: Path, word: str) -> None:
    """Only an empty cell is a field that is left out: a shop may well sell an `NA`."""
    plan = planned(
        tmp_path,
        "document,type,sku,location,delta,reason,order\n"
        f"D,adjust,{word},{word},-1,{word},\n"
        f'{word.strip("#")},adjust,MUG,ams-1,-1,"{word}",""\n',
    )

    first, *_ = movements(plan)
    assert [word, word, word] == [first[name] for name in ("sku", "location", "reason")]
    assert all("order" not in movement for movement in movements(plan))


def test_counts_and_corrections_are_lines_like_any_other(tmp_path: Path) -> None:
    """A column each for the counted number and for the count that is replaced."""
    plan = planned(
        tmp_path,
        "document,type,sku,location,counted,replaces,of,quantity\n"
        "C-1,count,MUG,ams-1,6,count-9,,\n"
        "C-1,correct,MUG,ams-1,,,PO-1:1,12\n"
        "C-1,cancel,MUG,ams-1,,,PO-1:2,\n",
    )

    about = [{k: v for k, v in m.items() if k not in ("sku", "location")} for m in movements(plan)]
    assert [
        {"movement_id": "C-1:1", "type": "count", "counted": 6, "replaces": "count-9"},
        {"movement_id": "C-1:2", "type": "correct", "of": "PO-1:1", "quantity": 12},
        {"movement_id": "C-1:3", "type": "cancel", "of": "PO-1:2"},
    ] == about


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["a"]]),
        pa.array([{"a": 1}]),
        pa.array([b"\xff"]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())),
    ],
)
def test_a_column_of_no_text_is_named(tmp_path: Path, column: Any) -> None:
    """Lists, records and bytes are nobody's reason."""
    path = tmp_path / "movements.parquet"
    names = {name: pa.array(["x"]) for name in ("document", "type", "sku", "location")}
    pyarrow.parquet.write_table(pa.table({**names, "reason": column}), path)

    with pytest.raises(UnreadableFile, match="its column reason is of type"):
        plan_movements(path)


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    """Nobody can say which of them is meant."""
    with pytest.raises(UnreadableFile, match="more than one column sku"):
        planned(tmp_path, "document,type,sku,location,sku\nD,sale,A,ams-1,B\n")


def test_units_are_named_and_decimals_stay_exact(tmp_path: Path) -> None:
    """2.5 is not rounded on its way: it goes out as it stands, with its unit beside it."""
    plan = planned(
        tmp_path,
        "document,type,sku,location,quantity,uom\n"
        "PO-1,receive,FLOUR,ams-1,2.5,kg\n"
        "PO-1,receive,MUG,ams-1,2,case\n",
    )

    assert [("2.5", "kg"), (2, "case")] == [(m["quantity"], m["uom"]) for m in movements(plan)]


def test_what_is_not_understood_goes_out_as_it_stands(tmp_path: Path) -> None:
    """The service judges a value, not the reader: nothing is dropped in silence."""
    plan = planned(
        tmp_path,
        "document,type,sku,location,quantity,occurred_at\nD,sale,MUG,ams-1,1.50,2026-01-01T10:00:00+02:00\n",
    )

    assert ("1.50", "2026-01-01T10:00:00+02:00") == (
        movements(plan)[0]["quantity"],
        movements(plan)[0]["occurred_at"],
    )


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("2026-11-01T08:00:00Z", "2026-11-01T08:00:00Z"),
        ("2026-11-01 08:00:00+00:00", "2026-11-01T08:00:00Z"),
        ("2026-11-01 08:00:00-05:00", "2026-11-01 08:00:00-05:00"),
        ("2026-11-01T08:00:00.25Z", "2026-11-01T08:00:00.25Z"),
        ("2026-11-01T08:00:00.000Z", "2026-11-01T08:00:00Z"),
    ],
)
def test_a_time_is_rfc_3339_with_an_offset(tmp_path: Path, text: str, sent: str) -> None:
    """A T or a blank between, Z or an offset at the end."""
    plan = planned(
        tmp_path, f"document,type,sku,location,quantity,occurred_at\nD,sale,A,ams-1,1,{text}\n"
    )

    assert [sent] == [movement["occurred_at"] for movement in movements(plan)]


@pytest.mark.parametrize(
    "text",
    [
        *("1/2/2026 08:00", "2026-11-01 08:00:00", "2026-11-01T08:00Z", "2026-11-01"),
        *("2026-02-30T08:00:00Z", "20261101T080000Z", "1762000000", "yesterday"),
    ],
)
def test_a_time_that_has_to_be_guessed_is_unreadable(tmp_path: Path, text: str) -> None:
    """Which month, which zone: nobody guesses about stock. The line is named."""
    plan = planned(
        tmp_path,
        "document,type,sku,location,quantity,occurred_at\n"
        f"D,sale,A,ams-1,1,2026-11-01T08:00:00Z\nD,sale,A,ams-1,1,{text}\n",
    )

    assert 1 == len(movements(plan))
    assert ((2, f"occurred_at {text!r} is no RFC 3339 time with an offset"),) == plan.unreadable


def test_the_first_lines_without_their_names_are_named(tmp_path: Path) -> None:
    """By their row, and by what they lack; not thousands of them."""
    rows = ["D,sale,A,ams-1,1", "D D,sale,A,ams-1,1", *[f"D,sale,,ams-{n},1" for n in range(9)]]
    plan = planned(tmp_path, "\n".join(["document,type,sku,location,quantity", *rows]))

    assert {"unreadable": 10} == plan.skipped
    assert (2, "document 'D D' is not up to 50 of A-Z a-z 0-9 . _ ~ : @ + -") == plan.unreadable[0]
    assert [(row, "it has no sku") for row in range(3, 7)] == list(plan.unreadable[1:])


def test_a_line_without_its_names_is_counted_as_unreadable(tmp_path: Path) -> None:
    """Document, type, SKU and location are what makes a line one."""
    plan = planned(
        tmp_path, "document,type,sku,location,quantity\nD,sale,,ams-1,1\n,sale,MUG,ams-1,1\n"
    )

    assert ({"unreadable": 2}, 0) == (plan.skipped, len(plan.batches))


def test_an_opening_cannot_be_computed_for_them(tmp_path: Path) -> None:
    """They may hold receipts: what was there before is not theirs to say."""
    with pytest.raises(UnreadableFile, match="computed for sales histories"):
        plan_movements(tmp_path / "movements.csv", opening="auto")
