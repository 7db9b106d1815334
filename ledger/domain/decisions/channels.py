"""Channels: what they may be told from now on, how stale they are, and who may read as them.

The order of the checks is part of the contract: form, whether there is such a channel, then what
stands under the same id.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from ledger.domain.availability import band_of
from ledger.domain.channel import Channel, canonical, channel_stream
from ledger.domain.commands import (
    AnyChannelCommand,
    DefineChannel,
    IssueCredential,
    ReportStaleness,
    RevokeCredential,
)
from ledger.domain.decisions.world import Cause, Decision, Effect, World
from ledger.domain.events import (
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    ChannelDefined,
    ChannelStalenessChanged,
    StalenessBand,
)
from ledger.domain.outcomes import ChannelState, CredentialState
from ledger.domain.refusals import IdTaken, Malformed, NotFound
from ledger.domain.values import Instant


def reads(command: AnyChannelCommand) -> Iterator[str]:
    """The channel's own stream."""
    yield channel_stream(command.channel)


def channel_of(world: World, channel: str) -> Channel | None:
    """The channel under an id, if it is defined."""
    state = world.state(channel_stream(channel))
    return state if isinstance(state, Channel) else None


def define(command: DefineChannel, world: World, now: Instant) -> Decision:
    """Say what a channel may be told from now on. Staleness and credentials stay as they are."""
    if not (command.locations or command.kinds or command.tags):
        raise Malformed("$.locations", "a channel sells from some: name locations, kinds or tags")
    event = ChannelDefined(
        occurred_at=now,
        channel=command.channel,
        locations=_once(command.locations),
        kinds=_once(command.kinds),
        tags=_once(command.tags),
        by_location=command.by_location,
        rules=canonical(command.rules),
    )
    known = channel_of(world, command.channel)
    if known is None or replace(event, occurred_at=known.current.occurred_at) != known.current:
        yield Effect(event, Cause(now, "channel_defined"))
    return _state(command.channel, world)


def report_staleness(command: ReportStaleness, world: World, now: Instant) -> Decision:
    """Note how stale a channel is: an event only where it gets into another band by that."""
    channel = _find(command.channel, world)
    from_s = _begins(band_of(channel.current.rules, command.measured_s))
    if from_s != _begins(channel.band):
        event = ChannelStalenessChanged(
            occurred_at=now,
            channel=command.channel,
            from_s=from_s,
            measured_s=command.measured_s,
        )
        yield Effect(event, Cause(now, "channel_staleness_changed"))
    return _state(command.channel, world)


def issue(command: IssueCredential, world: World, now: Instant) -> Decision:
    """Let somebody read as a channel. A key has one credential: what ends it is the key's end."""
    channel = _find(command.channel, world)
    known = channel.credentials.get(command.credential_id)
    asked = (command.public_key, command.expires_at)
    if known is not None and (known.public_key, known.expires_at) != asked:
        raise IdTaken("credential", command.credential_id)
    if known is None:
        if command.expires_at is not None and command.expires_at <= now:
            raise Malformed("$.expires_at", "must lie in the future")
        if any(one.public_key == command.public_key for one in channel.credentials.values()):
            raise IdTaken("public key", command.public_key)
        event = ChannelCredentialIssued(
            occurred_at=now,
            channel=command.channel,
            credential_id=command.credential_id,
            public_key=command.public_key,
            expires_at=command.expires_at,
        )
        yield Effect(event, Cause(now, "channel_credential_issued"))
    return _credential(command.channel, command.credential_id, world)


def revoke(command: RevokeCredential, world: World, now: Instant) -> Decision:
    """Let nobody read with a credential any more. Once is enough: again decides nothing."""
    known = _find(command.channel, world).credentials.get(command.credential_id)
    if known is None:
        raise NotFound("credential", command.credential_id)
    if known.revoked_at is None:
        event = ChannelCredentialRevoked(
            occurred_at=now,
            channel=command.channel,
            credential_id=command.credential_id,
            public_key=known.public_key,
        )
        yield Effect(event, Cause(now, "channel_credential_revoked"))
    return _credential(command.channel, command.credential_id, world)


def _find(channel: str, world: World) -> Channel:
    found = channel_of(world, channel)
    if found is None:
        raise NotFound("channel", channel)
    return found


def _state(channel: str, world: World) -> ChannelState:
    """The channel once the world has taken every effect in."""
    known = _find(channel, world)
    return ChannelState(
        definition=known.current,
        version=known.version,
        measured_s=known.measured_s,
        position=world.head,
    )


def _credential(channel: str, credential_id: str, world: World) -> CredentialState:
    known = _find(channel, world).credentials[credential_id]
    return CredentialState(
        channel=channel,
        credential_id=credential_id,
        public_key=known.public_key,
        issued_at=known.issued_at,
        expires_at=known.expires_at,
        revoked_at=known.revoked_at,
        position=world.head,
    )


def _begins(band: StalenessBand | None) -> int:
    return 0 if band is None else band.from_s


def _once(codes: tuple[str, ...]) -> tuple[str, ...]:
    """Each of them once, in one order."""
    return tuple(sorted(set(codes)))
