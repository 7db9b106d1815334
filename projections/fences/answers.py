"""The shapes of fences and limits in an answer."""

from msgspec import Struct


class FenceAnswer(Struct, frozen=True, kw_only=True):
    """A channel's units in one stock: `free` to take, and `held` by its promises."""

    sku: str
    location: str
    channel: str
    free: int
    held: int


class FencesPage(Struct, frozen=True, kw_only=True):
    """A page of fences by location, SKU and channel."""

    items: list[FenceAnswer]
    position: int
    next_cursor: str | None


class LimitAnswer(Struct, frozen=True, kw_only=True):
    """How many units of a stock may be promised beyond those that are sellable."""

    sku: str
    location: str
    limit: int


class LimitsPage(Struct, frozen=True, kw_only=True):
    """A page of limits by location and SKU; a stock without one has 0."""

    items: list[LimitAnswer]
    position: int
    next_cursor: str | None
