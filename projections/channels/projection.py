"""Events of channels to their rows: how they are defined, how stale they are, their credentials."""

from typing import Final, get_args

from msgspec import Struct, field

from ledger.domain.events import (
    AnyChannelEvent,
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    ChannelDefined,
    ChannelStalenessChanged,
)
from ledger.recorded import Recorded
from projections.batch import Batch

_CONCERNED: Final = frozenset[type](get_args(AnyChannelEvent))


class Moved(Struct, gc=False):
    """How far a channel has come, and its staleness where that has changed."""

    version: int
    position: int
    measured_s: int | None = None


class Changes(Struct):
    """What a batch makes of channels. Credentials go by channel and id."""

    defined: dict[str, Recorded] = field(default_factory=dict)
    moved: dict[str, Moved] = field(default_factory=dict)
    issued: dict[tuple[str, str], Recorded] = field(default_factory=dict)
    revoked: dict[tuple[str, str], Recorded] = field(default_factory=dict)


def fold(batch: Batch) -> Changes:
    """The net changes of a batch."""
    changes = Changes()
    for recorded in batch.of(_CONCERNED):
        event = recorded.event
        assert isinstance(event, AnyChannelEvent)
        moved = changes.moved.setdefault(event.channel, Moved(0, 0))
        moved.version, moved.position = recorded.version, recorded.position
        match event:
            case ChannelDefined(channel=channel):
                changes.defined[channel] = recorded
            case ChannelStalenessChanged(measured_s=measured_s):
                moved.measured_s = measured_s
            case ChannelCredentialIssued(channel=channel, credential_id=key):
                changes.issued[channel, key] = recorded
            case ChannelCredentialRevoked(channel=channel, credential_id=key):
                changes.revoked[channel, key] = recorded
    return changes
