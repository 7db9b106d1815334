"""What a channel may sell of a SKU: a value, not a change."""

from typing import ClassVar

from msgspec import Struct

from subscribers.messages.base import Timestamp


class AtsState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last number a channel was told of a SKU; apply it if its `told` is newer.

    `told` counts what is told, within a generation. `position`, `rule_version` and `instant` are
    what the number is a function of; at `expires` the next hold runs out, and the number may rise.
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
