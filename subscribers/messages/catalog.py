"""Messages about what codes mean."""

from msgspec import Struct

from subscribers.messages.base import Message


class Pack(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A unit that holds a whole number of another one: of the base unit, where none is named."""

    name: str
    factor: int
    of: str | None = None


class Authority(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The only sources that may assert one type of fact at a location; `*` is every other type."""

    fact: str
    sources: tuple[str, ...]


class SkuDefined(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What a SKU is from now on. Its quantities are integers of 10^-scale base units."""

    TYPE = "inventory.sku.defined.v1"
    sku: str
    base_unit: str
    scale: int = 0
    packs: tuple[Pack, ...] = ()
    service: bool = False
    case_policy: str = "exact"
    sku_class: str | None = None


class LocationDefined(Message, frozen=True, kw_only=True, omit_defaults=True):
    """What a location is from now on."""

    TYPE = "inventory.location.defined.v1"
    location: str
    kind: str = "store"
    time_zone: str = "UTC"
    sells: bool = True
    parent: str | None = None
    authority: tuple[Authority, ...] = ()
    tags: tuple[str, ...] = ()
