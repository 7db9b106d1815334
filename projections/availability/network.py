"""PURE: channels and the locations that feed them."""

from collections.abc import Iterable
from functools import cached_property
from hashlib import blake2b
from typing import Self

import msgspec
from msgspec import Struct

from ledger.domain.channel import Channel, sells_from
from ledger.domain.events import LocationDefined, StalenessBand

_encode = msgspec.json.Encoder().encode


class Fed(Struct, frozen=True, dict=True):
    """A channel and the locations that feed it, sorted by their codes."""

    channel: Channel
    locations: tuple[str, ...]

    @cached_property
    def feeds(self) -> frozenset[str]:
        """The same locations, to be asked for one."""
        return frozenset(self.locations)

    @cached_property
    def band(self) -> StalenessBand | None:
        """What staleness keeps back of every SKU, if anything."""
        return self.channel.band

    @cached_property
    def name(self) -> str:
        """What the channel is called."""
        return self.channel.current.channel

    @property
    def shape(self) -> bytes:
        """A digest of all that shapes its numbers, stock apart. Credentials do not."""
        channel = self.channel
        defined = channel.current
        parts = (defined.rules, defined.by_location, self.band, self.locations)
        return blake2b(_encode(parts), digest_size=16).digest()


class Network(Struct, frozen=True):
    """All channels, which of them each location feeds, and the locations that feed any."""

    channels: dict[str, Fed]
    by_location: dict[str, list[Fed]]

    @property
    def locations(self) -> list[str]:
        """The locations that feed any channel."""
        return list(self.by_location)

    @classmethod
    def of(cls, channels: Iterable[Channel], locations: Iterable[LocationDefined]) -> Self:
        """Work out who feeds whom."""
        defined = {one.location: one for one in locations}
        fed = [Fed(one, feeding(one, defined)) for one in channels]
        by_location: dict[str, list[Fed]] = {}
        for one in fed:
            for location in one.locations:
                by_location.setdefault(location, []).append(one)
        return cls({one.name: one for one in fed}, by_location)


def feeding(channel: Channel, defined: dict[str, LocationDefined]) -> tuple[str, ...]:
    """The locations a channel sells from, sorted by code."""
    candidates = {*defined, *channel.current.locations}
    return tuple(
        sorted(name for name in candidates if sells_from(channel.current, name, defined.get(name)))
    )
