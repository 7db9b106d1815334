"""Where the real file lies, and what DuckDB makes of it without any of our code."""

from pathlib import Path

import duckdb
import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "online_retail.parquet"

needs_the_file = pytest.mark.skipif(
    not SHARED.exists(), reason="the real file of ../shared/data is not here"
)

_MOVEMENTS = """
    create table movements as
    with lines as (
        select row_no, upper(trim(stock_code)) as sku, invoice, quantity, invoice_ts as at,
               price = 0 and customer_id is null as adjusts
          from read_parquet(?)
    )
    select row_no, sku, at,
           case when invoice like 'C%' then -quantity when adjusts then quantity else -quantity end
               as delta
      from lines
     where regexp_matches(sku, '^[0-9]{5}') and invoice not like 'A%'
       and not (invoice like 'C%' and quantity >= 0)
"""

_OPENING = """
    create table opening as
    select sku, greatest(0, -min(level)) as quantity
      from (select sku, sum(delta) over (partition by sku order by row_no) as level from movements)
     group by sku
"""


class Oracle:
    """Levels per SKU from the raw file, with the least opening stock in front of it."""

    def __init__(self, path: Path = SHARED) -> None:
        """Load the file once."""
        self._db = duckdb.connect()
        self._db.execute(_MOVEMENTS, [str(path)])
        self._db.execute(_OPENING)

    def final(self) -> dict[str, int]:
        """On hand per SKU after the last line."""
        return self._levels("true", [])

    def as_of(self, instant: str) -> dict[str, int]:
        """On hand per SKU at an instant, lines of that very instant included."""
        return self._levels("at <= ?::timestamp", [instant])

    def instants(self, count: int, seed: int) -> list[str]:
        """Random instants within the file's year, to the second."""
        rows = self._db.execute(
            """
            select strftime(first + to_seconds((hash(n + ?) % span)::bigint), '%Y-%m-%dT%H:%M:%SZ')
              from range(?) as r (n),
                   (select min(at) as first, date_diff('second', min(at), max(at)) as span
                      from movements)
            """,
            [seed, count],
        )
        return [row[0] for row in rows.fetchall()]

    def _levels(self, condition: str, parameters: list[str]) -> dict[str, int]:
        rows = self._db.execute(
            f"""
            select sku, quantity + coalesce(sum(delta) filter (where {condition}), 0)
              from opening left join movements using (sku) group by sku, quantity
            """,
            parameters,
        )
        return {sku: int(level) for sku, level in rows.fetchall()}
