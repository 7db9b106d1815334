"""A connection to the message server as subscribers want it: comes back for ever, reads quickly."""

from collections.abc import Callable
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

ONCE: Final[dict[str, Any]] = {"allow_reconnect": False, "max_reconnect_attempts": 1}
"""For whoever wants to be told why there is no connection, instead of waiting for one."""

_CONNECT_TIMEOUT_S: Final = 5
_RECONNECT_WAIT_S: Final = 0.2
_VERSION: Final = b"NATS/1.0\r\n"


class QuickClient(Client):
    """The client with a shorter way to read headers, and to hand messages over.

    Ours are lines of printable ASCII; the library checks every character of every name, which
    took half of the time of following the ledger, and wakes a task for every message.
    """

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
        lines = self._parse_header_lines(headers[len(_VERSION) :])
        take(Msg(self, subject.decode(), reply.decode(), data, lines))

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        lines = raw.decode("utf-8", "replace").split("\r\n")
        return {
            name: value.strip()
            for name, _, value in (line.partition(":") for line in lines)
            if name
        }


async def open_client(
    url: str, kind: type[QuickClient] = QuickClient, **connection: Any
) -> QuickClient:
    """A connection that comes back for ever; `connection` overrides any of its options."""

    async def quiet(_: Exception) -> None:
        return  # The follower notices by itself and reads again.

    options: dict[str, Any] = {
        "connect_timeout": _CONNECT_TIMEOUT_S,
        "reconnect_time_wait": _RECONNECT_WAIT_S,
        "max_reconnect_attempts": -1,
        "error_cb": quiet,
    }
    client = kind()
    try:
        await client.connect(url, **(options | connection))
    except BaseException:
        await (
            client.close()
        )  # What it had opened by then; the library leaves that to the collector.
        raise
    return client
