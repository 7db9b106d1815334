"""Whether a message server can read what it keeps, before anything is written over it.

In a stream of last values each message replaces the one before it on its subject. Where the
server cannot read that one, because its file was damaged, it stores nothing in the stream any more,
and may not answer about it until it is started again. So whoever writes such a stream reads it
first, once for each life of the server, and empties it where something is missing.
"""

from collections.abc import Awaitable, Callable

from nats.aio.client import Client

from subscribers.copies import emptied
from subscribers.fenced import Broken
from subscribers.sdk.direct import bites

Meanwhile = Callable[[], Awaitable[object]]


class Readable:
    """Remembers which streams of which life of the server were found whole."""

    def __init__(self) -> None:
        """Nothing has been read."""
        self._whole: set[tuple[str, str]] = set()

    async def ensure(
        self, client: Client, name: str, generation: int, meanwhile: Meanwhile | None = None
    ) -> None:
        """Read a stream from its beginning to its end. Raises `Broken` once it has been emptied.

        `meanwhile` is called between two bites.
        """
        server: str = client._server_info.get("server_id", "")  # noqa: SLF001 - it has no other name
        if (server, name) in self._whole:
            return
        js = client.jetstream()
        before = (await js.stream_info(name)).state
        count = 0
        async for found in bites(client, name):
            count += len(found)
            if meanwhile is not None:
                await meanwhile()
        after = (await js.stream_info(name)).state
        if count < before.messages and after.last_seq == before.last_seq:
            await emptied(js, name, generation)
            lost = before.messages - count
            raise Broken(f"{lost} messages of {name} could not be read; it was emptied")
        self._whole.add((server, name))
