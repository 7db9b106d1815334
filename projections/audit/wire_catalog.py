"""What the auditor reads of the catalog, and of the facts that wait for it."""

from typing import Literal, TypeAlias

from msgspec import Struct


class Pack(Struct, gc=False):
    """A unit made of a number of others."""

    name: str
    factor: int
    of: str | None = None


class SkuDefined(Struct, gc=False, kw_only=True, tag="sku.defined.v1"):
    """What a SKU is from then on."""

    occurred_at: int
    sku: str
    base_unit: str
    scale: int = 0
    packs: tuple[Pack, ...] = ()
    service: bool = False
    case_policy: Literal["exact", "upper", "fold"] = "exact"
    sku_class: str | None = None


class Authority(Struct, gc=False):
    """Who may assert a type of fact."""

    fact: str
    sources: tuple[str, ...]


class LocationDefined(Struct, gc=False, kw_only=True, tag="location.defined.v1"):
    """What a location is from then on."""

    occurred_at: int
    location: str
    kind: str = "store"
    time_zone: str = "UTC"
    sells: bool = True
    parent: str | None = None
    authority: tuple[Authority, ...] = ()
    tags: tuple[str, ...] = ()


class ParkedFact(Struct, gc=False):
    """A movement that waits, as JSON."""

    owner: str
    movement_id: str
    movement: str


class Stated(Struct, gc=False):
    """A quantity of it in somebody's words."""

    field: str
    amount: str
    uom: str | None = None


class KeptMovement(Struct, gc=False, kw_only=True):
    """As much of a waiting movement as can be checked."""

    type: str
    sku: str
    location: str
    occurred_at: int
    movement_id: str
    quantity: int | None = None
    stated: tuple[Stated, ...] = ()


AnyCatalog: TypeAlias = SkuDefined | LocationDefined
"""Both are the whole of a code, as it is from then on."""
