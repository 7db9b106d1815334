"""Ledgers with channels: clean as they are, and every forged row found."""

import pytest

from tests.support.audited import Audited

TABLES = ("channels", "channel_credentials")


def test_a_ledger_with_channels_is_clean(audited: Audited) -> None:
    """Its history has some, with credentials."""
    for table in TABLES:
        assert audited.forge(f"select 1 from projections.{table}"), table

    assert [] == audited.breaches()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("channels", "locations = locations || '{ghost}'::text[]"),
        ("channels", "kinds = '{ghost}'"),
        ("channels", "by_location = not by_location"),
        ("channels", "rules = replace(rules, '\"units\":', '\"units\":1')"),
        ("channels", "measured_s = measured_s + 1"),
        ("channels", "version = version + 1"),
        ("channel_credentials", "public_key = 'U-ghost'"),
        ("channel_credentials", "expires_at = 1"),
        ("channel_credentials", "revoked_at = coalesce(revoked_at, 0) + 1"),
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
    """A channel that nobody defined, a credential that nobody was given."""
    audited.forge(
        f"insert into projections.{table} select (g).* from ("
        f" select jsonb_populate_record(null::projections.{table},"
        f' to_jsonb(t) || \'{{"channel": "ghost"}}\') as g from projections.{table} t limit 1) x'
    )

    assert any("no event explains" in one.what for one in audited.breaches())
