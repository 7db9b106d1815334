"""What channels may sell, and what they were told: asked for and answered."""

from collections.abc import Mapping
from typing import Annotated, Any, Self, TypeAlias

from msgspec import Meta, Struct, structs

from api.schemas.fields import Time, rfc3339, rfc3339_or_none
from api.schemas.questions import Cursor, DatedQuery, Limit, Position, Timestamp
from ledger.domain.availability import Derivation, ShelfShare
from ledger.domain.values import Code
from projections.availability.answers import Available, Told
from projections.availability.values import Inputs, decode_inputs

Skus: TypeAlias = Annotated[list[Code], Meta(min_length=1, max_length=1_000)]


class AvailabilityQuery(DatedQuery, frozen=True, kw_only=True):
    """How many of some SKUs a channel may be told, and how that comes about."""

    channel: Code
    sku: Skus
    explain: bool = False


class LogQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a channel was told: of a SKU, at a location; all of it, or what was in force."""

    sku: Code | None = None
    location: Code | None = None
    at: Time | None = None
    explain: bool = False
    cursor: Cursor | None = None
    limit: Limit = 100
    min_position: Position = 0


class ShareItem(Struct, frozen=True, kw_only=True):
    """What one location adds, step by step.

    `free` is what promises may take of what is there; of it `safety_stock` and then `buffer` are
    kept back. `share` is what is left, and `backorder`: what may be promised beyond. `told` is
    what the channel is told of this location by itself.
    """

    location: str
    sellable: int
    reserved: int
    fenced_own: int
    fenced_others: int
    free: int
    backorder: int
    safety_stock: int
    buffer: int
    share: int
    told: int

    @classmethod
    def of(cls, share: ShelfShare) -> Self:
        """The public form of a share."""
        return cls(**structs.asdict(share))


class DerivationItem(Struct, frozen=True, kw_only=True):
    """How a number comes about: `shares` added up to `shared`, less what staleness keeps back.

    `backorder` units of it are not there: no more than the channel may promise in all. Of the rest
    at most `cap`, where there is one, and a multiple of `multiple` units; 0 where the SKU lacks the
    pack in which the channel is told it.
    """

    shares: list[ShareItem]
    backorder: int
    shared: int
    staleness_buffer: int
    cap: int | None
    multiple: int

    @classmethod
    def of(cls, derivation: Derivation) -> Self:
        """The public form of a derivation."""
        return cls(
            shares=[ShareItem.of(share) for share in derivation.shares],
            backorder=derivation.backorder,
            shared=derivation.shared,
            staleness_buffer=derivation.staleness_buffer,
            cap=derivation.cap,
            multiple=derivation.multiple,
        )


class LocationItem(Struct, frozen=True, kw_only=True):
    """What a channel may be told of one location."""

    location: str
    ats: int


class AvailabilityItem(Struct, frozen=True, kw_only=True):
    """What a channel may be told of a SKU; `expires` is when the next hold runs out."""

    sku: str
    channel: str
    ats: int
    expires: Timestamp | None
    by_location: list[LocationItem]
    explanation: DerivationItem | None

    @classmethod
    def of(cls, channel: str, found: Available, *, explain: bool) -> Self:
        """The public form of what was found."""
        derivation = found.derivation
        parts = [LocationItem(location=x.location, ats=x.told) for x in derivation.shares]
        return cls(
            sku=found.sku,
            channel=channel,
            ats=derivation.ats,
            expires=rfc3339_or_none(found.expires),
            by_location=parts,
            explanation=DerivationItem.of(derivation) if explain else None,
        )


class AvailabilityAnswer(Struct, frozen=True, kw_only=True):
    """A channel's numbers by one version of its rules, at one position and instant."""

    channel: str
    rule_version: int
    instant: Timestamp
    items: list[AvailabilityItem]
    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class ShelfItem(Struct, frozen=True, kw_only=True):
    """What one location had."""

    location: str
    sellable: int
    reserved: int
    fenced_own: int
    fenced_others: int
    backorder_limit: int


class InputsItem(Struct, frozen=True, kw_only=True):
    """All that the rules were applied to: packs in the smallest unit, and how stale the channel."""

    sku_class: str | None
    packs: Mapping[str, int]
    measured_s: int
    shelves: list[ShelfItem]

    @classmethod
    def of(cls, inputs: Inputs) -> Self:
        """The public form of what was kept."""
        names = ShelfItem.__struct_fields__
        shelves: list[dict[str, Any]] = [
            dict(zip(names, shelf, strict=True)) for shelf in inputs.shelves
        ]
        return cls(
            sku_class=inputs.sku_class,
            packs=inputs.packs,
            measured_s=inputs.measured_s,
            shelves=[ShelfItem(**shelf) for shelf in shelves],
        )


class ToldItem(Struct, frozen=True, kw_only=True):
    """One value that a channel was told, and what it was made from.

    `stream_sequence` is its place in the stream, the last one where it had to be sent again.
    """

    told: int
    generation: int
    sku: str
    location: str | None
    ats: int
    position: int
    rule_version: int
    instant: Timestamp
    expires: Timestamp | None
    stream_sequence: int | None
    inputs: InputsItem
    explanation: DerivationItem | None

    @classmethod
    def of(cls, told: Told, derivation: Derivation | None) -> Self:
        """The public form of a value."""
        return cls(
            told=told.told,
            generation=told.generation,
            sku=told.sku,
            location=told.location or None,
            ats=told.ats,
            position=told.position,
            rule_version=told.rule_version,
            instant=rfc3339(told.instant),
            expires=rfc3339_or_none(told.expires),
            stream_sequence=told.sequence,
            inputs=InputsItem.of(decode_inputs(told.inputs)),
            explanation=None if derivation is None else DerivationItem.of(derivation),
        )


class ToldPage(Struct, frozen=True, kw_only=True):
    """Values, newest first, or those in force by SKU; `position` is what the teller had seen."""

    channel: str
    items: list[ToldItem]
    position: int
    next_cursor: str | None


def log_items(items: list[Told], explained: list[Derivation] | None) -> list[ToldItem]:
    """The public form of a page of values, each with its derivation if these are given."""
    derivations: list[Any] = [None] * len(items) if explained is None else list(explained)
    return [ToldItem.of(one, why) for one, why in zip(items, derivations, strict=True)]
