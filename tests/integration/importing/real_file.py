"""Where the real file lies, and what DuckDB makes of it without any of our code."""

import datetime as dt
import random
from pathlib import Path

import duckdb
import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "online_retail.parquet"

FIRST = dt.datetime(2010, 12, 1, 8, 26, tzinfo=dt.UTC)
LAST = dt.datetime(2011, 12, 9, 12, 50, tzinfo=dt.UTC)

needs_the_file = pytest.mark.skipif(
    not SHARED.exists(), reason="the real file of ../shared/data is not here"
)

_MOVEMENTS = """
    create table movements as
    with lines as (
        select row_no, upper(trim(stock_code)) as sku, invoice, quantity, invoice_ts as moment,
               price = 0 and customer_id is null as adjusts
          from read_parquet(?)
    )
    select row_no, sku, moment,
           case when invoice like 'C%' then 'returned' when adjusts then 'adjusted' else 'sold' end
               as kind,
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

_STATEMENTS = """
    with every as (
        select sku, 'opened' as kind, quantity as delta,
               $first::timestamp - interval 1 minute as moment
          from opening where quantity > 0
        union all
        select sku, kind, delta, moment from movements)
    select sku, coalesce(sum(delta) filter (where moment < $start::timestamp), 0) as opening,
           coalesce(sum(delta) filter (where moment < $until::timestamp), 0) as closing,
           coalesce(sum(delta) filter (where within and kind = 'opened'), 0) as opened,
           coalesce(sum(delta) filter (where within and kind = 'sold'), 0) as sold,
           coalesce(sum(delta) filter (where within and kind = 'returned'), 0) as returned,
           coalesce(sum(delta) filter (where within and kind = 'adjusted'), 0) as adjusted,
           count(*) filter (where within) as entries
      from (select *, moment >= $start::timestamp and moment < $until::timestamp as within
              from every)
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
        return self._levels("moment <= ?::timestamp", [instant])

    def statements(self, start: str, end: str) -> dict[str, dict[str, int]]:
        """What of every SKU there was, what came and went in which way, and what there was then.

        From an instant on and before another one. Opening stock came a minute before all else.
        """
        rows = self._db.execute(_STATEMENTS, {"start": start, "until": end, "first": FIRST})
        names = [column[0] for column in rows.description or ()]
        found = (dict(zip(names, row, strict=True)) for row in rows.fetchall())
        return {row.pop("sku"): {k: int(v) for k, v in row.items()} for row in found}

    def instants(self, count: int, seed: int) -> list[str]:
        """Random instants within the file's year, to the second."""
        chance = random.Random(seed)
        seconds = int((LAST - FIRST).total_seconds())
        moments = [FIRST + dt.timedelta(seconds=chance.randrange(seconds)) for _ in range(count)]
        return [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in moments]

    def _levels(self, condition: str, parameters: list[str]) -> dict[str, int]:
        rows = self._db.execute(
            f"""
            select sku, quantity + coalesce(sum(delta) filter (where {condition}), 0)
              from opening left join movements using (sku) group by sku, quantity
            """,
            parameters,
        )
        return {sku: int(level) for sku, level in rows.fetchall()}
