"""Ring-fences and backorder limits, as the auditor reads them."""

from typing import TypeAlias

from msgspec import Struct

from projections.audit.wire_base import Stock


class Fenced(Struct, gc=False):
    """The part of an event's units that a fence gave or gets back."""

    channel: str
    quantity: int


class FenceGranted(Stock, gc=False, kw_only=True, tag="stock.fence_granted.v1"):
    """Units are set aside."""

    channel: str
    quantity: int


class FenceReturned(Stock, gc=False, kw_only=True, tag="stock.fence_returned.v1"):
    """Some of them no longer are."""

    channel: str
    quantity: int


class BackorderLimitSet(Stock, gc=False, kw_only=True, tag="stock.backorder_limit_set.v1"):
    """So many may be promised beyond what is there."""

    limit: int


AnyOfFence: TypeAlias = FenceGranted | FenceReturned | BackorderLimitSet
