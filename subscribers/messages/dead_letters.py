"""What a subscriber gave up on."""

from typing import ClassVar

from msgspec import Struct


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A message a subscriber gave up on, byte for byte as it came in, and why.

    `attempts` is how often it was tried, 0 where it could not even be read; `sequence` is its
    place in the stream it came from.
    """

    TYPE: ClassVar[str] = "inventory.dlq.letter.v1"

    consumer: str
    reason: str
    attempts: int
    subject: str
    sequence: int
    headers: dict[str, str]
    payload: bytes
