"""What callers say of channels: what they may be told, and how stale they are."""

from typing import Final

from api.commands import JSON, REPLAYED, Answer, Begin, encode, single
from api.schemas import channels
from ledger.domain.outcomes import ChannelState
from ledger.submission import Accepted


def _channel(reply: Accepted) -> Answer:
    assert isinstance(reply.outcome, ChannelState)
    body = encode(channels.channel_answer(reply.outcome))
    return Answer(200, body, JSON, (REPLAYED,) if reply.replayed else ())


OPERATIONS: Final[dict[str, Begin]] = {
    "channels.define": single(channels.CHANNEL, channels.channel_of, _channel, "fact"),
    "channels.staleness": single(channels.STALENESS, channels.staleness_of, _channel, "fact"),
}
