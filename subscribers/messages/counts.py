"""Messages about count documents."""

from msgspec import Struct

from subscribers.messages.base import Message, Timestamp


class CountMessage(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A change of one count document."""

    count_id: str


class CountOpened(CountMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody shall count at a location: the SKUs named, or whatever is there."""

    TYPE = "inventory.count.opened.v1"
    location: str
    kind: str = "cycle"
    skus: tuple[str, ...] = ()
    blind: bool = False
    approval_above: int | None = None


class EnteredLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """So many units were seen in a bucket, where so many were expected."""

    sku: str
    bucket: str
    counted: int
    counted_at: Timestamp
    expected: int | None = None


class CountEntered(CountMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Figures were entered; of a SKU and bucket the last one counts."""

    TYPE = "inventory.count.entered.v1"
    lines: tuple[EnteredLine, ...]


class CountApproved(CountMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody stands for every figure entered until now."""

    TYPE = "inventory.count.approved.v1"
    approved_by: str


class PostedLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a figure came to: so many more (fewer: negative) than was known."""

    sku: str
    bucket: str
    counted: int
    counted_at: Timestamp
    variance: int


class CountPosted(CountMessage, frozen=True, kw_only=True, omit_defaults=True):
    """The figures stand in the ledger; `missing` was to be counted and was not."""

    TYPE = "inventory.count.posted.v1"
    lines: tuple[PostedLine, ...]
    missing: tuple[str, ...] = ()


class CountCancelled(CountMessage, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing of it counts, also where it had been posted."""

    TYPE = "inventory.count.cancelled.v1"
