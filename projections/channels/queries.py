"""Questions about channels."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from ledger.domain.channel import Channel, channel_stream, evolve
from ledger.domain.events import AnyChannelEvent, ChannelDefined, ChannelRules
from ledger.domain.values import Instant
from ledger.recorded import Recorded
from projections.channels.answers import ChannelFound, CredentialFound, CredentialsFound
from projections.documents import Documents, One, Some
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_rules: Final = msgspec.json.Decoder(ChannelRules).decode


class ChannelFilter(Struct, frozen=True, kw_only=True):
    """Which channels: all of them."""


async def get_channel(pool: Pool, channel: str, _: Instant) -> One[ChannelFound]:
    """The channel under an id."""
    position, *row = (await _rows(pool, "get_channel", {"channel": channel}))[0]
    return One(None if row[0] is None else _found(row), position)


async def list_channels(
    pool: Pool, _: ChannelFilter, __: Instant, limit: int
) -> Some[ChannelFound]:
    """The first channels by id."""
    rows = await _rows(pool, "list_channels", {"limit": limit + 1})
    items = [_found(row) for _, *row in rows if row[0] is not None]
    after = (items[limit - 1].event.channel,) if len(items) > limit else None
    return Some(items[:limit], rows[0][0], after)


async def credentials_of(pool: Pool, channel: str) -> CredentialsFound:
    """Every credential a channel ever had."""
    rows = await _rows(pool, "credentials_of", {"channel": channel})
    names = CredentialFound.__struct_fields__
    items = [
        CredentialFound(**dict(zip(names, row, strict=True)))
        for _, *row in rows
        if row[0] is not None
    ]
    return CredentialsFound(items, rows[0][0])


async def _rows(pool: Pool, name: str, wanted: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL[name], wanted, prepare=False)
        return await cursor.fetchall()


def _found(row: list[Any]) -> ChannelFound:
    channel, locations, kinds, tags, by_location, rules, measured_s, version, defined_at = row
    event = ChannelDefined(
        occurred_at=defined_at,
        channel=channel,
        locations=tuple(locations),
        kinds=tuple(kinds),
        tags=tuple(tags),
        by_location=by_location,
        rules=_rules(rules),
    )
    return ChannelFound(event, version, measured_s)


def states(events: list[Recorded]) -> dict[str, Channel]:
    """Channels as their events leave them, in the order of their streams."""
    found: dict[str, Channel] = {}
    for recorded in events:
        event = recorded.event
        assert isinstance(event, AnyChannelEvent)
        found[event.channel] = evolve(found.get(event.channel), event)
    return found


CHANNELS: Final = Documents(
    name="channels",
    projection="channels",
    first=("",),
    one=get_channel,
    some=list_channels,
    streams=lambda channel: (channel_stream(channel),),
    fold=states,
    answer=lambda found, _: ChannelFound(found.current, found.version, found.measured_s),
    keys=lambda _: (_SQL["channels_after"], {}),
    matches=lambda _, __: True,
)
"""Channels at any pair of clocks."""
