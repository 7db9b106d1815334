"""Where a channel is told, asks, and leaves what it gave up on. Names are encoded in tokens."""

import re
from typing import Final
from urllib.parse import unquote

from subscribers.messages.headers import ATS_STREAM

_is_plain: Final = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")

EVERY_SYNC: Final = "inventory.channels.*.sync"


def token(name: str) -> str:
    """A name as one token of a subject: every other UTF-8 byte is `%` and two hex digits."""
    if _is_plain(name):
        return name
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in name.encode())


def ats_subject(channel: str, sku: str, location: str | None = None) -> str:
    """Where the number of a SKU is told, or its part at one location."""
    subject = f"inventory.ats.{token(channel)}.{token(sku)}"
    return subject if location is None else f"{subject}.{token(location)}"


def every_ats(channel: str) -> str:
    """All that is told to a channel."""
    return f"inventory.ats.{token(channel)}.>"


def durable_of(channel: str) -> str:
    """The one consumer a channel reads with; also what its dead letters are filed under."""
    return f"channel-{token(channel)}"


def channel_of(consumer: str) -> str | None:
    """The channel whose durable this is; none where it is nobody's."""
    prefix, _, name = consumer.partition("-")
    return unquote(name) if prefix == "channel" and name else None


def inbox_of(channel: str) -> str:
    """The prefix of everything that is answered or delivered to a channel alone."""
    return f"_INBOX_{token(channel)}"


def sync_subject(channel: str) -> str:
    """Where a channel asks for the present."""
    return f"inventory.channels.{token(channel)}.sync"


def dead_letter_subject(consumer: str) -> str:
    """Where a consumer leaves what it gave up on."""
    return f"inventory.dlq.{consumer}"


def replay_subject(channel: str) -> str:
    """Where a running subscriber takes back what it gave up on."""
    return f"{inbox_of(channel)}.replay"


def replay_answer(consumer: str, letter: str) -> str:
    """Where it says what became of that: beside its acknowledgements, where it may publish."""
    return f"$JS.ACK.{ATS_STREAM}.{consumer}.replay.{letter}"
