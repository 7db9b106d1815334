"""Definitions of tests in one line each."""

from typing import Any

from ledger.domain import commands as c
from ledger.domain.events import Authority, Pack
from ledger.domain.units import Stated
from tests.support.builders import PLACE, SKU


def packs(**factors: int | tuple[int, str]) -> tuple[Pack, ...]:
    """Packs by name: a number of base units, or of another pack."""
    return tuple(
        Pack(name=name, factor=factor)
        if isinstance(factor, int)
        else Pack(name=name, factor=factor[0], of=factor[1])
        for name, factor in factors.items()
    )


def define(sku: str = SKU, **fields: Any) -> c.DefineSku:
    """A SKU, counted one by one unless a test says otherwise."""
    return c.DefineSku(**{"sku": sku, "base_unit": "each"} | fields)


def service(sku: str = "WRAPPING", **fields: Any) -> c.DefineSku:
    """Something that is sold and of which there is no stock."""
    return define(sku, service=True, **fields)


def place(location: str = PLACE, **fields: Any) -> c.DefineLocation:
    """A location."""
    return c.DefineLocation(location=location, **fields)


def may(**sources: str) -> tuple[Authority, ...]:
    """Who may assert what: types of facts to names, `others` for all other types."""
    return tuple(
        Authority(fact="*" if fact == "others" else fact, sources=tuple(names.split()))
        for fact, names in sources.items()
    )


def stated(amount: str, uom: str | None = None, field: str = "quantity") -> dict[str, Any]:
    """The fields of a command whose quantity came in words."""
    return {field: 0, "stated": (Stated(field=field, amount=amount, uom=uom),)}


def released(conflict_id: str) -> c.ReleaseParked:
    """What the sweeper asks for once an item is known."""
    return c.ReleaseParked(conflict_id=conflict_id)
