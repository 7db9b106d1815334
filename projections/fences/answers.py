"""The shapes of fences and limits in an answer."""

from msgspec import Struct


class FenceAnswer(Struct, frozen=True, kw_only=True):
    """A channel's units in one stock: `free` to take, and `held` by its promises."""

    sku: str
    location: str
    channel: str
    free: int
    held: int


class LimitAnswer(Struct, frozen=True, kw_only=True):
    """How many units of a stock may be promised beyond those that are sellable."""

    sku: str
    location: str
    limit: int
