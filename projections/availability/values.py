"""PURE: the value of a channel and a SKU, from what one snapshot holds of the SKU."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct, field
from msgspec.structs import astuple

from ledger.domain.availability import Derivation, Rulebook, Shelf, Sku, ats, band_of
from ledger.domain.values import Instant
from projections.availability.network import Fed

WHOLE: Final = ""
"""Where a location would be named: all locations of the channel together."""


class Stock(NamedTuple):
    """One stock at an instant: what unexpired holds have, and when the next one runs out.

    `expired` is when the last of those that count no more ran out, unwritten as they are.
    """

    location: str
    sellable: int
    reserved: int
    backorder_limit: int
    expires: Instant | None
    expired: Instant | None


class Found(Struct):
    """What a snapshot holds of one SKU; `fences`: by location, what is free of each channel's."""

    sku: Sku
    stocks: list[Stock] = field(default_factory=list)
    fences: dict[str, dict[str, int]] = field(default_factory=dict)


class Inputs(Struct, frozen=True, array_like=True):
    """All that the rules were applied to. With the rules, whoever reads it can do so again."""

    sku_class: str | None
    packs: Mapping[str, int]
    measured_s: int
    shelves: tuple[tuple[str, int, int, int, int, int], ...]


class Value(NamedTuple):
    """What a channel may be told of a SKU, when a hold that counts runs out next, and from what."""

    derivation: Derivation
    expires: Instant | None
    shelves: list[Shelf]


encode_inputs = msgspec.json.Encoder().encode
decode_inputs = msgspec.json.Decoder(Inputs).decode


def value_of(fed: Fed, found: Found) -> Value:
    """Apply a channel's rules to a SKU."""
    channel, feeds, fences = fed.channel, fed.feeds, found.fences
    shelves: list[Shelf] = []
    expires: Instant | None = None
    for stock in found.stocks:
        location, sellable, reserved, limit, runs_out, _ = stock
        if location not in feeds:
            continue
        own = others = 0
        if location in fences:
            own = fences[location].get(fed.name, 0)
            others = sum(fences[location].values()) - own
        shelves.append(Shelf(location, sellable, reserved, own, others, limit))
        if runs_out is not None and (expires is None or runs_out < expires):
            expires = runs_out
    return Value(ats(found.sku, shelves, channel.book, fed.band), expires, shelves)


def kept_of(fed: Fed, found: Found, value: Value) -> str:
    """What the rules were applied to, as the channel log keeps it."""
    shelves = tuple([astuple(shelf) for shelf in value.shelves])
    sku = found.sku
    inputs = Inputs(sku.sku_class, sku.packs, fed.channel.measured_s, shelves)
    return encode_inputs(inputs).decode()


def derived_again(code: str, inputs: Inputs, book: Rulebook) -> Derivation:
    """The derivation of a value that was told, from what was kept of it."""
    sku = Sku(code, inputs.sku_class, inputs.packs)
    shelves = [Shelf(*shelf) for shelf in inputs.shelves]
    return ats(sku, shelves, book, band_of(book.rules, inputs.measured_s))
