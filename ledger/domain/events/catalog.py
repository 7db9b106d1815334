"""Events of `sku/<id>` and `location/<id>`: what codes mean, in full, from an instant on."""

from typing import Literal, TypeAlias

from msgspec import Struct

from ledger.domain.events.base import Event
from ledger.domain.values import Code, Text, stream_id

CasePolicy: TypeAlias = Literal["exact", "upper", "fold"]
"""How a SKU's code is compared: as written, in capitals, or without regard to case."""


class Pack(Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A unit that holds a whole number of another one: of the base unit, where none is named."""

    name: Code
    factor: int
    of: Code | None = None


class SkuDefined(Event, frozen=True, tag="sku.defined.v1"):
    """What a SKU is from now on.

    Quantities are integers of 10^-scale base units, everywhere in the ledger. A service is sold
    like goods and never touches stock. Rules of channels may be for all SKUs of a class.
    """

    sku: Code
    base_unit: Code
    scale: int = 0
    packs: tuple[Pack, ...] = ()
    service: bool = False
    case_policy: CasePolicy = "exact"
    sku_class: Code | None = None

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("sku", self.sku)


class Authority(Struct, frozen=True, kw_only=True, gc=False):
    """The only sources that may assert one type of fact at a location; `*` is every other type."""

    fact: Code
    sources: tuple[Text, ...]


class LocationDefined(Event, frozen=True, tag="location.defined.v1"):
    """What a location is from now on. One that does not sell gives no promises.

    A channel may sell from all locations that carry a tag.
    """

    location: Code
    kind: Code = "store"
    time_zone: Code = "UTC"
    sells: bool = True
    parent: Code | None = None
    authority: tuple[Authority, ...] = ()
    tags: tuple[Code, ...] = ()

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("location", self.location)


AnyCatalogEvent: TypeAlias = SkuDefined | LocationDefined
