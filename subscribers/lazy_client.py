"""A client for audits: messages are handed over as they come in, their headers mostly as text.

An audit reads a stream as fast as it can, and compares the block of headers that was published
with what it must be, as text. Taking a dozen lines apart and waking a task for every message took
half of its time.
"""

from collections.abc import Callable
from typing import Any, Final

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from subscribers.sdk.client import QuickClient

_TEXT: Final = ""  # No header has this name.
_VERSION: Final = b"NATS/1.0\r\n"
_SERVERS: Final = "\nNats-Stream:"  # The first of the lines that a direct get adds at the end.


class _Lines(dict[str, str]):
    """One block; as in a dictionary of all its lines, the last of a name counts."""

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a header: of the server's at once, of the others where it is asked for."""
        found = super().get(name)
        return self._published().get(name, default) if found is None else found

    def __missing__(self, name: str) -> str:
        """The value of a header that was published and is there."""
        return self._published()[name]

    def _published(self) -> dict[str, str]:
        raw = super().get(_TEXT, "").encode()
        return QuickClient._parse_header_lines(raw)  # noqa: SLF001 - it is a static one


class LazyClient(QuickClient):
    """The client of an audit."""

    def __init__(self) -> None:
        """Nothing is handed over before somebody asks for it."""
        super().__init__()
        self._takers: dict[int, Callable[[Msg], None]] = {}

    def hand_over(self, subscription: Subscription, take: Callable[[Msg], None]) -> None:
        """Call for each message of a subscription as it comes in, instead of its callback."""
        self._takers[subscription._id] = take  # noqa: SLF001 - it has no other name

    def let_go(self, subscription: Subscription) -> None:
        """Nobody wants its messages any more."""
        self._takers.pop(subscription._id, None)  # noqa: SLF001

    async def _process_msg(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        take = self._takers.get(sid)
        if take is None or not (headers and headers.startswith(_VERSION)):
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        take(Msg(self, "", "", data, _lines(headers[len(_VERSION) :])))

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        return _lines(raw)


def lines_of(headers: dict[str, str]) -> str:
    """The block as it came, as far as it was kept."""
    return headers[_TEXT] if isinstance(headers, _Lines) else ""


def _lines(raw: bytes) -> _Lines:
    text = raw.decode("utf-8", "replace")
    lines = _Lines()
    for line in text[text.rfind(_SERVERS) + 1 :].split("\r\n"):
        name, _, value = line.partition(": ")
        lines[name] = value
    lines[_TEXT] = text  # The empty line at the end has no name, either.
    return lines
