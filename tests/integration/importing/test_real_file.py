"""The real file: every line accounted for, in both of its spellings."""

from pathlib import Path
from typing import Any

import msgspec
import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet
import pytest

from api.importing.batches import Batches
from api.importing.plan import Opening, plan_online_retail
from tests.integration.importing.real_file import SHARED, needs_the_file


def batches_of(batches: Batches) -> list[Any]:
    """All requests."""
    return [batches[n] for n in range(len(batches))]


@needs_the_file
@pytest.mark.parametrize(("opening", "movements"), [("none", 538_914), ("auto", 538_914 + 3_869)])
def test_the_real_file_gives_the_known_counts(opening: Opening, movements: int) -> None:
    """Every one of its 541,909 lines is accounted for."""
    plan = plan_online_retail(SHARED, opening=opening)

    assert movements == plan.batches.rows
    assert {"non_stock": 2_995} == plan.skipped
    kinds = {kind: count for kind, count in plan.kinds.items() if kind != "opening"}
    assert {"sale": 527_758, "return": 8_704, "adjust_out": 1_324, "adjust_in": 1_128} == kinds
    if opening == "auto":
        first = [
            m for n in range(4) for m in msgspec.json.decode(plan.batches[n].body)["movements"]
        ]
        assert 5_645_937 == sum(m["quantity"] for m in first if m["type"] == "opening")


@needs_the_file
def test_the_uci_form_of_the_real_file_gives_the_same_requests(tmp_path: Path) -> None:
    """Written as CSV with the original names and dates, not one byte of a request differs."""
    table = pyarrow.parquet.read_table(SHARED)
    names = {
        "invoice": "InvoiceNo",
        "stock_code": "StockCode",
        "description": "Description",
        "quantity": "Quantity",
        "invoice_ts": "InvoiceDate",
        "price": "UnitPrice",
        "customer_id": "CustomerID",
        "country": "Country",
    }
    table = table.select(list(names)).rename_columns(list(names.values()))
    dates = pyarrow.compute.strftime(table["InvoiceDate"], format="%m/%d/%Y %H:%M")
    path = tmp_path / "OnlineRetail.csv"
    pyarrow.csv.write_csv(table.set_column(4, "InvoiceDate", dates), path)
    ours, theirs = plan_online_retail(SHARED), plan_online_retail(path)

    assert ours.skipped == theirs.skipped
    assert batches_of(ours.batches) == batches_of(theirs.batches)
