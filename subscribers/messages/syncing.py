"""How a channel asks for the present: one request, one answer."""

from msgspec import Struct


class SyncRequest(Struct, frozen=True, kw_only=True):
    """Make my durable anew, so that the last value of everything comes first.

    `session` names this life of the subscriber. Whoever asks last has the durable: an earlier
    session finds another name on it, and ends.
    """

    session: str


class SyncAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The durable that was made, or why none was.

    `values` are waiting in it; `made_at_ns` is when it was made, by the clock of the message
    server; what is not acknowledged within `ack_wait_ms` is delivered again.
    """

    stream: str = ""
    consumer: str = ""
    session: str = ""
    generation: int = 0
    values: int = 0
    made_at_ns: int = 0
    ack_wait_ms: int = 0
    error: str = ""
