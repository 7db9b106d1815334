"""Which locations feed a channel, and what shapes its numbers."""

from typing import Any

import pytest

from ledger.domain.channel import Channel
from ledger.domain.events import (
    Buffer,
    ChannelDefined,
    ChannelRules,
    LocationDefined,
    StalenessBand,
)
from projections.availability.network import Fed, Network

STALE = ChannelRules(staleness=(StalenessBand(from_s=60, units=1),))


def location(name: str, **fields: Any) -> LocationDefined:
    """A location that is defined."""
    return LocationDefined(occurred_at=0, location=name, **fields)


def channel(*, version: Any = 1, measured_s: Any = 0, **fields: Any) -> Channel:
    """A channel that is defined."""
    defined = ChannelDefined(occurred_at=0, channel="web", **fields)
    return Channel(version, defined, 0, measured_s)


PLACES = [
    location("ams-1"),
    location("lon-3", kind="warehouse", tags=("north",)),
    location("nyc-2", sells=False),
    location("osl-4", tags=("north",)),
]


@pytest.mark.parametrize(
    ("sells", "expected"),
    [
        ({"locations": ("nyc-2", "ams-1", "never-defined")}, ("ams-1", "never-defined")),
        ({"kinds": ("store",)}, ("ams-1", "osl-4")),
        ({"tags": ("north",)}, ("lon-3", "osl-4")),
        ({"kinds": ("warehouse",), "locations": ("ams-1",)}, ("ams-1", "lon-3")),
        ({"tags": ("south",)}, ()),
    ],
)
def test_locations_feed_by_name_kind_or_tag(
    sells: dict[str, tuple[str, ...]], expected: tuple[str, ...]
) -> None:
    """If they sell at all; only named ones need not be defined."""
    network = Network.of([channel(**sells)], PLACES)

    assert expected == network.channels["web"].locations
    assert sorted(expected) == sorted(network.locations)
    assert all([fed.name for fed in feds] == ["web"] for feds in network.by_location.values())


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Fed(channel(rules=STALE, version=7), ("ams-1",)), True),  # Somebody may read.
        (Fed(channel(rules=STALE, measured_s=30), ("ams-1",)), True),  # Below the first band.
        (Fed(channel(rules=STALE, measured_s=90), ("ams-1",)), False),
        (Fed(channel(rules=STALE), ("ams-1", "osl-4")), False),
        (Fed(channel(rules=STALE, by_location=True), ("ams-1",)), False),
        (Fed(channel(rules=ChannelRules(buffers=(Buffer(units=1),))), ("ams-1",)), False),
    ],
)
def test_a_channel_is_looked_at_whole_when_its_shape_changes(other: Fed, same: bool) -> None:
    """Not for every event of its stream."""
    assert same == (Fed(channel(rules=STALE), ("ams-1",)).shape == other.shape)
