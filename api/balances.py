"""Balances as another system writes them, in the ledger's codes and smallest units."""

from collections.abc import Sequence
from typing import NamedTuple

from api.schemas import reconciliations as words
from api.schemas.fields import check_code
from ledger.domain.events import SkuDefined
from ledger.domain.units import UNDEFINED, Stated, Units, factors_of
from projections.catalog import queries as catalog
from projections.progress import Pool, wait_for
from projections.reconciling import Entry


class Written(NamedTuple):
    """One balance as it was written, and where."""

    balance: words.BalanceRequest
    path: str


class Reading:
    """Reads the balances of one list by the catalog as it is now. Asks it only if there is one."""

    def __init__(self, pool: Pool, known: int, timeout_s: float) -> None:
        """Read by what was defined up to a position, and perhaps since."""
        self._pool = pool
        self._known = known
        self._timeout_s = timeout_s
        self._catalogued: bool | None = None

    async def entries(self, written: Sequence[Written]) -> list[Entry]:
        """The balances as they are compared. Raises Malformed, InexactUnit."""
        for balance, path in written:
            check_code(f"{path}.sku", balance.sku)
            check_code(f"{path}.location", balance.location)
            check_code(f"{path}.uom", balance.uom)
        defined = await self._defined([one.balance.sku for one in written])
        return [_entry(one, defined.get(one.balance.sku)) for one in written]

    async def _defined(self, codes: list[str]) -> dict[str, SkuDefined]:
        if self._catalogued is None:
            await wait_for(self._pool, "catalog", self._known, self._timeout_s)
            self._catalogued = await catalog.last_definition(self._pool) > 0
        return await catalog.get_skus(self._pool, codes) if self._catalogued else {}


def _entry(written: Written, defined: SkuDefined | None) -> Entry:
    balance, path = written
    sku = balance.sku if defined is None else defined.sku
    if isinstance(balance.quantity, int) and balance.uom is None:
        return Entry(sku, balance.location, balance.quantity)
    stated = Stated(field="quantity", amount=str(balance.quantity), uom=balance.uom)
    units = UNDEFINED if defined is None else _units(defined)
    return Entry(sku, balance.location, units.count(stated, sku, f"{path}.quantity"))


def _units(defined: SkuDefined) -> Units:
    factors = factors_of(defined.base_unit, defined.scale, defined.packs)
    return Units(defined.base_unit, defined.scale, factors)
