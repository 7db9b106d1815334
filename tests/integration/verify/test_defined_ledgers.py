"""Ledgers with definitions and facts that wait: clean as they are, and every forged row found."""

import pytest

from tests.support.audited import Audited

TABLES = ("catalog_skus", "catalog_locations", "catalog_parked")


def test_a_ledger_with_a_catalog_is_clean(audited: Audited) -> None:
    """Its history has each of them, and nothing in it breaks a law."""
    for table in TABLES:
        assert audited.forge(f"select 1 from projections.{table}"), table

    assert [] == audited.breaches()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("catalog_skus", "scale = scale + 1"),
        ("catalog_skus", "packs = packs || ' '"),
        ("catalog_skus", "service = not service"),
        ("catalog_locations", "sells = not sells"),
        ("catalog_locations", "authority = authority || ' '"),
        ("catalog_parked", "sku = 'GHOST'"),
    ],
)
def test_an_altered_row_is_found(audited: Audited, table: str, change: str) -> None:
    """One row, one difference, at the position of the event behind it."""
    row = audited.forge(
        f"with one as (select ctid as place from projections.{table} order by ctid limit 1)"
        f" update projections.{table} t set {change} from one where t.ctid = one.place"
        f" returning position"
    )

    assert [(12, row[0][0])] == [(one.law, one.position) for one in audited.breaches()]


@pytest.mark.parametrize("table", TABLES)
def test_a_deleted_row_is_found(audited: Audited, table: str) -> None:
    """A row that is due and is not there is named, too."""
    row = audited.forge(
        f"delete from projections.{table} where ctid = (select min(ctid) from projections.{table})"
        " returning position"
    )

    assert [(12, row[0][0])] == [(one.law, one.position) for one in audited.breaches()]


@pytest.mark.parametrize("table", TABLES)
def test_an_invented_row_is_found(audited: Audited, table: str) -> None:
    """A row that no event explains is one too many."""
    key = {"catalog_skus": "sku", "catalog_locations": "location"}.get(table, "conflict_id")
    audited.forge(
        f"insert into projections.{table} select (g).* from ("
        f" select jsonb_populate_record(null::projections.{table},"
        f' to_jsonb(t) || \'{{"{key}": "ghost"}}\') as g from projections.{table} t limit 1) x'
    )

    assert any("no event explains" in one.what for one in audited.breaches())
