"""One ordered writer of one JetStream stream: pipelined, fenced by the stream's own sequence.

Every message says which sequence it follows (`Nats-Expected-Last-Sequence`), so the server takes
a run of them in order or not at all. Therefore one acknowledgement answers for all messages
before it, and only the last message of a chunk asks for one. A chunk without an answer in time
is *unknown*, never failed: whoever sent it reads the stream's tail to find out.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

_WRONG_LAST_SEQUENCE: Final = 10071
_CHUNKS_IN_FLIGHT: Final = 4  # Keeps the server busy while the next chunk is being rendered.


class PublishUnknown(Exception):
    """No answer came in time, or the connection went: the messages may be stored or not."""


class Overtaken(Exception):
    """The stream does not end where this writer believed: somebody else has written."""


class Broken(Exception):
    """The server stores nothing in the stream any more, although nobody else has written."""


class Refused(Exception):
    """The server refuses a message for a reason of its own; waiting may help, skipping may not."""


class Frame(NamedTuple):
    """One message ready to send: its subject, its own header lines, its payload."""

    subject: str
    headers: str
    payload: bytes


class _Error(msgspec.Struct):
    err_code: int = 0
    description: str = ""


class _Ack(msgspec.Struct):
    seq: int = 0
    duplicate: bool = False
    error: _Error | None = None


_decode_ack = msgspec.json.Decoder(_Ack).decode


class FencedStream:
    """Appends frames after `sequence`; `settle()` waits until all of them are acknowledged."""

    def __init__(self, client: Client, *, in_flight_max: int, timeout_s: float) -> None:
        """Nothing is sent before `open`."""
        self._client = client
        self._timeout_s = timeout_s
        self._chunk_max = max(1, in_flight_max // _CHUNKS_IN_FLIGHT)
        self._in_flight: deque[tuple[int, asyncio.Future[Msg]]] = deque()
        self._answers: dict[str, asyncio.Future[Msg]] = {}
        self._inbox = ""
        self._rounds = 0
        self.sequence = 0  # The last one sent.
        self.acknowledged = 0
        self._alone = False

    async def open(self, sequence: int) -> None:
        """Start after a known tail, forgetting everything in flight.

        The first message then goes by itself: after a failure it is the one that may have been
        refused, and so it shows the reason instead of hiding behind its successors.
        """
        if not self._inbox:
            self._inbox = self._client.new_inbox()
            await self._client.subscribe(f"{self._inbox}.*", cb=self._answer)
            await self._client.flush()  # Or our writes, which go past its buffer, overtake this.
        self.disconnected()
        self._in_flight.clear()
        self._answers.clear()
        self._rounds += 1  # Late answers to an earlier round match nothing.
        self.sequence = self.acknowledged = sequence
        self._alone = True

    def disconnected(self) -> None:
        """No answer will come any more: whoever waits for one learns it at once."""
        for future in self._answers.values():
            if not future.done():
                future.set_exception(PublishUnknown("the connection went before the answer"))
                future.exception()  # Seen: nobody may be waiting for it.
        self._answers.clear()

    async def append(self, frames: Sequence[Frame]) -> None:
        """Send frames in order, waiting only while too many are unanswered."""
        start = 0
        if self._alone and frames:
            await self._send(frames[:1])
            await self.settle()
            self._alone, start = False, 1
        for first in range(start, len(frames), self._chunk_max):
            while len(self._in_flight) >= _CHUNKS_IN_FLIGHT:
                await self._await_oldest()
            await self._send(frames[first : first + self._chunk_max])

    async def settle(self) -> None:
        """Wait until everything sent is acknowledged."""
        while self._in_flight:
            await self._await_oldest()

    async def _send(self, frames: Sequence[Frame]) -> None:
        token = f"{self._rounds}-{self.sequence + len(frames)}"
        reply = f"{self._inbox}.{token}"
        future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._answers[token] = future
        self._in_flight.append((self.sequence + len(frames), future))
        wire = self._wire(frames, reply)
        if not self._client.is_connected:
            raise PublishUnknown("not connected to the message server")
        # One write for the whole chunk, past the client's per-message path and, on purpose, past
        # its buffer: what is written while disconnected must be lost here, not sent much later.
        transport: Any = self._client._transport  # noqa: SLF001
        try:
            async with asyncio.timeout(self._timeout_s):
                transport.write(wire)
                await transport.drain()
        except (OSError, TimeoutError, RuntimeError) as error:
            raise PublishUnknown(f"while writing: {error!r}") from error
        await asyncio.sleep(0)  # Lets the loop hand the bytes to the kernel.

    def _wire(self, frames: Sequence[Frame], reply: str) -> bytes:
        parts: list[bytes] = []
        sequence, last = self.sequence, len(frames) - 1
        for index, (subject, own, payload) in enumerate(frames):
            headers = f"NATS/1.0\r\nNats-Expected-Last-Sequence: {sequence}\r\n{own}\r\n".encode()
            to = f"{subject} {reply}" if index == last else subject
            size = len(headers)
            parts.append(f"HPUB {to} {size} {size + len(payload)}\r\n".encode())
            parts += (headers, payload, b"\r\n")
            sequence += 1
        self.sequence = sequence
        return b"".join(parts)

    async def _await_oldest(self) -> None:
        sequence, future = self._in_flight[0]
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await future
        except TimeoutError as error:
            raise PublishUnknown(f"no answer for sequence {sequence}") from error
        self._in_flight.popleft()
        self._judge(sequence, answer)
        self.acknowledged = sequence

    @staticmethod
    def _judge(sequence: int, answer: Msg) -> None:
        if not answer.data:  # "503 no responders": JetStream or the stream is not there.
            raise PublishUnknown(f"nobody took sequence {sequence}")
        ack = _decode_ack(answer.data)
        if ack.error is not None and ack.error.err_code == _WRONG_LAST_SEQUENCE:
            raise Overtaken(ack.error.description)
        if ack.error is not None:
            raise Refused(f"sequence {sequence}: {ack.error.description} ({ack.error.err_code})")
        if ack.seq != sequence or ack.duplicate:
            raise Overtaken(f"sequence {sequence} was answered with {ack.seq}")

    async def _answer(self, message: Msg) -> None:
        future = self._answers.pop(message.subject.rsplit(".", 1)[1], None)
        if future is not None and not future.done():
            future.set_result(message)
