"""What a channel may sell of a SKU."""

from typing import ClassVar

from msgspec import Struct

from subscribers.messages.base import Timestamp


class AtsState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a channel may sell of a SKU, at one location or (none named) at all of them together.

    A value, not a change: it counts if its `told` is greater than that of the one before. It is
    what the channel's rules of `rule_version` make of the ledger up to `position` at `instant`;
    at `expires` the next hold runs out.
    """

    TYPE: ClassVar[str] = "inventory.ats.state.v1"

    channel: str
    sku: str
    location: str | None = None
    ats: int
    position: int
    rule_version: int
    instant: Timestamp
    expires: Timestamp | None = None
    told: int
