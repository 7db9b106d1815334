"""Balances in files: every form says the same, and what cannot be read is named."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from api.importing.balances import PIECE_ROWS, form_of, lines_of, rows_of
from api.importing.columns import UnreadableFile

ROWS = [
    {"sku": "0042", "location": "ams-1", "quantity": 12},
    {"sku": "LAMP, small", "location": "nyc-2", "quantity": -3},
]


def written(folder: Path, form: str) -> Path:
    """The rows in a file of a form."""
    path = folder / f"list.{form}"
    match form:
        case "csv":
            path.write_text('Location,SKU,Quantity\nams-1,0042,12\nnyc-2,"LAMP, small",-3\n')
        case "jsonl":
            path.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n\n")
        case _:
            pyarrow.parquet.write_table(pa.Table.from_pylist(ROWS), path)
    return path


def read(path: Path, form: str, location: str | None = None) -> list[object]:
    """Every line that would be sent."""
    return [json.loads(line) for lines in lines_of(path, form, location) for line in lines]


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_every_form_says_the_same(tmp_path: Path, form: str) -> None:
    """A SKU of digits stays what it is, a comma in quotes is none, an empty line is nothing."""
    path = written(tmp_path, form)

    assert form == form_of(path, None)
    assert ROWS == read(path, form)
    assert rows_of(path, form) in {2, 3}


@pytest.mark.parametrize("word", ["NA", "NULL", "nan", "n/a"])
def test_a_word_for_nothing_is_a_name_like_any_other(tmp_path: Path, word: str) -> None:
    """Only an empty cell lacks something."""
    path = tmp_path / "list.csv"
    path.write_text(f"sku,location,quantity\n{word},{word},1\n")

    assert [{"sku": word, "location": word, "quantity": 1}] == read(path, "csv")


@pytest.mark.parametrize("value", [["a"], {"a": 1}, b"\xff"])
def test_a_column_of_no_text_is_named(tmp_path: Path, value: object) -> None:
    """Lists, records and bytes are no location."""
    path = tmp_path / "list.parquet"
    row = {"sku": "A", "location": value, "quantity": 1}
    pyarrow.parquet.write_table(pa.Table.from_pylist([row]), path)

    with pytest.raises(UnreadableFile, match="its column location is of type"):
        read(path, "parquet")


def test_a_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    """However long it is."""
    path = tmp_path / "list.parquet"
    rows = [{"sku": f"S-{n}", "location": "a", "quantity": n} for n in range(PIECE_ROWS + 1)]
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)

    assert [PIECE_ROWS, 1] == [len(lines) for lines in lines_of(path, "parquet", None)]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_location_may_be_said_once_for_the_whole_file(tmp_path: Path, form: str) -> None:
    """A shop knows where it is."""
    path = tmp_path / f"list.{form}"
    path.write_text(
        '{"sku": "MUG", "quantity": 1}\n' if form == "jsonl" else "sku,quantity\nMUG,1\n"
    )

    assert [{"sku": "MUG", "location": "ams-1", "quantity": 1}] == read(path, form, "ams-1")


def test_decimals_stay_text_and_units_may_be_named(tmp_path: Path) -> None:
    """No float comes near a quantity."""
    path = tmp_path / "list.csv"
    path.write_text("sku,location,quantity,uom\nFLOUR,a,-1.250,kg\nMUG,a,+3,\n")

    assert [
        {"sku": "FLOUR", "location": "a", "quantity": "-1.250", "uom": "kg"},
        {"sku": "MUG", "location": "a", "quantity": 3},
    ] == read(path, "csv")


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("list.csv", "sku,location\nMUG,ams-1\n", "no column quantity"),
        ("list.csv", "sku,location,quantity\nMUG,ams-1,many\n", "row 1: its quantity"),
        ("list.csv", "sku,location,quantity\nMUG,ams-1,1\n,ams-1,1\n", "row 2: its sku"),
        ("list.csv", "sku,location,quantity\nMUG,ams-1,1e5\n", "row 1: its quantity"),
        ("list.jsonl", '{"sku": "MUG", "location": "a", "quantity": 1}\n{}\n', "line 2"),
        ("list.jsonl", '{"sku": "MUG", "location": "a", "quantity": 1.5}\n', "line 1"),
        ("list.parquet", "no parquet", "not a readable Parquet file"),
        ("list.xlsx", "", "say --format"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str, text: str, what: str) -> None:
    """By its row, in the words of whoever has the file."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(UnreadableFile, match=what):
        read(path, form_of(path, None))
