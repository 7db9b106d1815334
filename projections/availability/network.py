"""PURE: channels and the locations that feed them."""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec
from msgspec import Struct, field

from ledger.domain.availability import band_of
from ledger.domain.events.channel import ChannelDefined, StalenessBand

_encode = msgspec.json.Encoder().encode


class Location(Struct, frozen=True, gc=False):
    """What channels ask of a location that somebody has defined."""

    location: str
    kind: str
    tags: tuple[str, ...]
    sells: bool


class Channel(Struct, frozen=True):
    """A channel as it is defined, at a version of its rules, in a band of staleness."""

    version: int
    defined: ChannelDefined
    from_s: int = 0

    @property
    def name(self) -> str:
        """What it is called."""
        return self.defined.channel

    @property
    def band(self) -> StalenessBand | None:
        """What staleness keeps back of every SKU, if anything."""
        return band_of(self.defined.rules, self.from_s) if self.from_s else None


class Fed(Struct, frozen=True):
    """A channel and the locations that feed it, in their order."""

    channel: Channel
    locations: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the channel is called."""
        return self.channel.name

    @property
    def shape(self) -> bytes:
        """A digest of all that shapes its numbers, stock apart. Credentials do not."""
        defined = self.channel.defined
        parts = (defined.rules, defined.by_location, self.channel.band, self.locations)
        return blake2b(_encode(parts), digest_size=16).digest()


class Network(Struct, frozen=True):
    """All channels, and which of them each location feeds."""

    channels: dict[str, Fed] = {}
    by_location: dict[str, tuple[Fed, ...]] = {}
    locations: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, channels: Iterable[Channel], locations: Iterable[Location]) -> "Network":
        """Work out who feeds whom."""
        known = {one.location: one for one in locations}
        fed = {one.name: Fed(one, feeding(one, known)) for one in channels}
        by_location: dict[str, list[Fed]] = {}
        for one in fed.values():
            for location in one.locations:
                by_location.setdefault(location, []).append(one)
        return cls(
            fed, {name: tuple(some) for name, some in by_location.items()}, sorted(by_location)
        )


def feeding(channel: Channel, known: dict[str, Location]) -> tuple[str, ...]:
    """The locations a channel sells from, sorted by code.

    They are named, of a kind, or carry a tag. One that does not sell never feeds; one that is
    named need not be defined.
    """
    defined = channel.defined
    kinds, tags = frozenset(defined.kinds), frozenset(defined.tags)
    named = {name for name in defined.locations if name not in known or known[name].sells}
    matching = {
        one.location
        for one in known.values()
        if one.sells and (one.kind in kinds or not tags.isdisjoint(one.tags))
    }
    return tuple(sorted(named | matching))
