"""A channel's durable in JetStream, read with nothing but the channel's own permissions.

Every delivery of a durable has a number of its own, counted from one when it was made. So loss
is seen, not hoped against: a number that does not follow means that a delivery went elsewhere,
into a broken connection or to another subscriber of the channel. Then the session on the durable
tells which; ours is made anew, and the present closes the hole.
"""

import asyncio
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec
import nats.errors
from msgspec import Struct, field
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from subscribers import messages
from subscribers.messages import AtsState, SyncAnswer, SyncRequest
from subscribers.sdk.client import QuickClient
from subscribers.sdk.desk import Value
from subscribers.sdk.letters import letter_of
from subscribers.sdk.reading import read
from subscribers.sdk.source import Arrival, Garbled, Joined, Lost, Outcome, Unanswered
from subscribers.sdk.together import or_failure
from subscribers.sdk.values import Limits, Replaced

_SESSION_KEY: Final = "inventory-ledger.session"
_NS_PER_S: Final = 1_000_000_000
_HOLDS_PER_ACK_WAIT: Final = 3  # Two may be lost.
_HEARTBEATS_MISSED: Final = 3  # So many, and the request for more has been lost.
_MAKING_ANEW_S: Final = 0.5  # For so long a durable may be gone because somebody makes it anew.
_ON_ITS_WAY_S: Final = 0.1  # So long a delivery may take that the server has counted.
_REFUSED_S: Final = 0.2  # Before asking again what was refused.
_HEARTBEAT: Final = "100"
_TOKENS: Final = 9  # $JS.ACK.<stream>.<consumer> and five numbers, the first of them of tries.
_BEHIND_CONSUMER: Final = 4
_BEHIND_DOMAIN: Final = 6
_RAN_OUT: Final = frozenset({"404", "408"})
_FAILURES: Final = (nats.errors.Error, OSError, TimeoutError)

logger = logging.getLogger(__name__)


class Numbers(NamedTuple):
    """What a delivery's reply subject counts: nothing of it is in the message itself."""

    sequence: int
    delivery: int
    stored_ns: int
    pending: int


def numbers_of(reply: str) -> Numbers:
    """They stand behind the consumer's name, and before a token more where a domain is named."""
    tokens = reply.split(".")
    first = _BEHIND_CONSUMER if len(tokens) == _TOKENS else _BEHIND_DOMAIN
    _, sequence, delivery, stored_ns, pending = tokens[first : first + 5]
    return Numbers(int(sequence), int(delivery), int(stored_ns), int(pending))


class _Delivered(Struct):
    consumer_seq: int = 0


class _Config(Struct):
    metadata: dict[str, str] = {}


class _Info(Struct):
    """What a channel may ask of its durable."""

    config: _Config = field(default_factory=_Config)
    delivered: _Delivered = field(default_factory=_Delivered)
    num_pending: int = 0
    error: dict[str, Any] | None = None


class Durable:
    """A Source: one session of one channel's durable."""

    def __init__(self, client: QuickClient, channel: str, limits: Limits) -> None:
        """Nothing is asked before `join`."""
        self._client = client
        self._channel = channel
        self._limits = limits
        self.name = messages.durable_of(channel)
        self._replay_subject = messages.replay_subject(channel)
        self.session = secrets.token_hex(8)
        self.heard_at = asyncio.get_running_loop().time()
        self._queue: asyncio.Queue[Msg | Exception | None] = asyncio.Queue()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._deliveries: Subscription | None = None
        self._replays: Subscription | None = None
        self._inbox = ""
        self._requests = 0
        self._wanted = 0  # Deliveries of the last request for more that have not come yet.
        self._delivery = 0  # The number of the last one.
        self._joined_at = 0.0
        self._made_at_s = 0.0
        self._unknown_end = True
        self._in_doubt = False

    # --- joining ------------------------------------------------------------------------------

    async def join(self, generation_min: int) -> Joined:
        """Ask for a durable of our own, and forget what came from an earlier one."""
        asked_at = _now()
        request = msgspec.json.encode(SyncRequest(session=self.session))
        asking = self._ask(messages.sync_subject(self._channel), request)
        answer = msgspec.json.decode(await or_failure(self._failure, asking), type=SyncAnswer)
        if answer.error:
            raise Unanswered(answer.error)
        await self._listen_anew()
        self._wanted = self._delivery = 0
        self._joined_at, self._made_at_s = asked_at, answer.made_at_ns / _NS_PER_S
        self._unknown_end, self._in_doubt = True, False
        hold_every_s = answer.ack_wait_ms / 1_000 / _HOLDS_PER_ACK_WAIT
        return Joined(max(answer.generation, generation_min), answer.values, hold_every_s)

    async def _listen_anew(self) -> None:
        """Elsewhere than before, so that late deliveries of an earlier durable reach nobody."""
        earlier, queue = self._queue, asyncio.Queue[Msg | Exception | None]()
        self._queue, self._inbox = queue, self._client.new_inbox()
        while not earlier.empty():
            kept = earlier.get_nowait()
            if isinstance(kept, Exception) or (kept is not None and self._is_replay(kept)):
                queue.put_nowait(kept)

        def take(message: Msg) -> None:
            self.heard_at = _now()
            queue.put_nowait(message)

        async def delivered(message: Msg) -> None:
            take(message)

        async def replayed(message: Msg) -> None:
            self.heard_at = _now()
            self._queue.put_nowait(message)

        with _unanswered():
            if self._deliveries is not None:
                self._client.let_go(self._deliveries)
                await self._deliveries.unsubscribe()
            self._deliveries = await self._client.subscribe(f"{self._inbox}.*", cb=delivered)
            self._client.hand_over(self._deliveries, take)
            if self._replays is None:
                self._replays = await self._client.subscribe(self._replay_subject, cb=replayed)

    def _is_replay(self, message: Msg) -> bool:
        return message.subject == self._replay_subject

    def reconnected(self) -> None:
        """What was asked and delivered may be lost; ask again."""
        self._in_doubt = True
        self._queue.put_nowait(None)

    def fail(self, reason: Exception) -> None:
        """The connection is gone for good: whoever waits for the next one learns it."""
        if not self._failure.done():
            self._failure.set_exception(reason)
            self._failure.exception()  # Nobody need be asking.
        self._queue.put_nowait(reason)

    def wake(self) -> None:
        """End a `next` that waits."""
        if not self._wanted and self._queue.empty():
            self._queue.put_nowait(None)

    # --- reading ------------------------------------------------------------------------------

    async def next(self, room: int) -> Arrival | None:
        """The next delivery; asks for more where everything asked for has come."""
        if self._in_doubt and self._queue.empty():
            self._in_doubt, self._wanted = False, 0
            await self._examine("reconnected")
        if not self._wanted and room > 0:
            await self._ask_for(room)
        message = await self._await_message()
        if isinstance(message, Exception):
            raise message
        if message is None:
            return None
        if self._is_replay(message):
            return self._replayed(message)
        if message.headers and "Status" in message.headers and not message.data:
            return await self._status(message)
        return await self._delivered(message)

    async def _await_message(self) -> Msg | Exception | None:
        if not self._queue.empty():
            return self._queue.get_nowait()
        patience_s = _HEARTBEATS_MISSED * self._limits.heartbeat_ms / 1_000
        try:
            async with asyncio.timeout(patience_s if self._wanted else None):
                return await self._queue.get()
        except TimeoutError:
            self._wanted = 0
            await self._examine("no sign of life")
            return None

    async def _ask_for(self, count: int) -> None:
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{messages.ATS_STREAM}.{self.name}"
        request = {
            "batch": count,
            "expires": self._limits.pull_ms * 1_000_000,
            "idle_heartbeat": self._limits.heartbeat_ms * 1_000_000,
        }
        self._requests += 1
        with suppress(*_FAILURES):  # No sign of life will come, and it is asked again.
            reply = f"{self._inbox}.{self._requests}"
            await self._client.publish(subject, msgspec.json.encode(request), reply)
        self._wanted = count

    async def _status(self, message: Msg) -> Arrival | None:
        """The server has nothing, or something to say."""
        assert message.headers is not None
        status, said = message.headers["Status"], message.headers.get("Description", "")
        if message.subject != f"{self._inbox}.{self._requests}":
            return None  # About a request that is history.
        if status == _HEARTBEAT:
            return await self._end_of_present()
        self._wanted = 0
        await self._examine(f"{status} {said}")  # Before asking for what may be another's by now.
        if status not in _RAN_OUT:
            await asyncio.sleep(_REFUSED_S)
        return None

    async def _end_of_present(self) -> Arrival | None:
        """Silence may mean that all has come: certain where the server counts the same."""
        if not self._unknown_end:
            return None
        try:
            info = await self._info()
        except Unanswered:
            return None  # The next heartbeat asks again.
        all_delivered = info.error is None and not info.num_pending
        if not all_delivered or info.delivered.consumer_seq != self._delivery:
            return None
        self._unknown_end = False
        return Arrival(None, last=True)

    async def _delivered(self, message: Msg) -> Arrival:
        numbers = numbers_of(message.reply)
        if numbers.delivery != self._delivery + 1:
            await self._examine(f"delivery {numbers.delivery} came after {self._delivery}")
            raise Lost(f"delivery {numbers.delivery} came after {self._delivery}")
        self._delivery = numbers.delivery
        self._wanted = max(0, self._wanted - 1)
        stored_s = numbers.stored_ns / _NS_PER_S
        after_s = stored_s - self._made_at_s
        value = read(
            message.subject,
            message.headers or {},
            message.data,
            sequence=numbers.sequence,
            since=min(_now(), self._joined_at + max(0.0, after_s)),
            present=after_s <= 0,
            receipt=message.reply,
        )
        if isinstance(value, Garbled):
            stored_at = datetime.fromtimestamp(stored_s, UTC)
            value = value._replace(time=stored_at.isoformat())
        return Arrival(value, last=numbers.pending == 0)

    def _replayed(self, message: Msg) -> Arrival | None:
        """A dead letter again. It is answered where we may publish: beside acknowledgements."""
        place = (message.headers or {}).get(messages.REPLAY, "")
        if not place.isdecimal():
            return None
        receipt = messages.replay_answer(self.name, place)
        value = read(
            message.subject, message.headers or {}, message.data, since=_now(), receipt=receipt
        )
        return Arrival(value._replace(replayed=True))

    # --- answering ----------------------------------------------------------------------------

    async def settle(self, value: Value | Garbled, outcome: Outcome, reason: str = "") -> None:
        """Acknowledge a delivery, or answer whoever replays a dead letter."""
        word = outcome.value if value.replayed else Outcome.HANDLED.value
        await self._publish(value.receipt, f"{word} {reason}".rstrip().encode())

    async def hold(self, value: Value) -> None:
        """Still at it."""
        if not value.replayed:
            await self._publish(value.receipt, b"+WPI")

    async def bury(self, value: Value | Garbled, attempts: int, reason: str) -> None:
        """Make it a dead letter; its place in the stream of dead letters is the answer."""
        letter = letter_of(value, self.name, self.session, attempts, reason)
        answer = await self._ask(
            messages.dead_letter_subject(self.name), letter.payload, letter.headers
        )
        stored = msgspec.json.decode(answer)
        if "error" in stored or not stored.get("seq"):
            raise Unanswered(f"the dead letter was refused: {stored}")

    async def last(self, sku: str, location: str | None) -> AtsState | None:
        """The last value of one of the channel's own subjects."""
        subject = messages.ats_subject(self._channel, sku, location)
        answer = await self._request(f"$JS.API.DIRECT.GET.{messages.ATS_STREAM}.{subject}", b"")
        if (answer.headers or {}).get("Status"):
            return None
        state = messages.decode(answer.data).data
        return state if isinstance(state, AtsState) else None

    # --- asking -------------------------------------------------------------------------------

    async def _examine(self, reason: str) -> None:
        """Whether the durable is still ours, and all it delivered is here.

        Raises Lost where not, and Replaced where another session has it.
        """
        try:
            info = await self._info()
            if info.error is not None:
                await asyncio.sleep(_MAKING_ANEW_S)
                info = await self._info()
        except Unanswered as unanswered:
            logger.info("%s, and %s", reason, unanswered)
            return
        if info.error is not None:
            raise Lost(f"{reason}; the durable is gone")
        session = info.config.metadata.get(_SESSION_KEY)
        if not session:
            raise Lost(f"{reason}; the durable was made anew, for nobody yet")
        if session != self.session:
            raise Replaced(f"session {session} of channel {self._channel} has joined")
        if info.delivered.consumer_seq > self._delivery:
            await asyncio.sleep(_ON_ITS_WAY_S)
            if self._queue.empty():
                raise Lost(f"{reason}; of {info.delivered.consumer_seq} deliveries some are lost")

    async def _info(self) -> _Info:
        subject = f"$JS.API.CONSUMER.INFO.{messages.ATS_STREAM}.{self.name}"
        return msgspec.json.decode(await self._ask(subject, b""), type=_Info)

    async def _ask(
        self, subject: str, payload: bytes, headers: dict[str, str] | None = None
    ) -> bytes:
        return (await self._request(subject, payload, headers)).data

    async def _request(
        self, subject: str, payload: bytes, headers: dict[str, str] | None = None
    ) -> Msg:
        timeout_s = self._limits.request_timeout_ms / 1_000
        with _unanswered(f"{subject}: "):
            answer = await self._client.request(subject, payload, timeout_s, headers=headers)
        self.heard_at = _now()
        return answer

    async def _publish(self, subject: str, payload: bytes) -> None:
        with _unanswered():
            await self._client.publish(subject, payload)


@contextmanager
def _unanswered(to: str = "") -> Iterator[None]:
    """The world's failures are one to whoever waits for an answer."""
    try:
        yield
    except _FAILURES as error:
        raise Unanswered(f"{to}{_sentence(error)}") from error


def _sentence(error: Exception) -> str:
    return str(error) or type(error).__name__


def _now() -> float:
    return asyncio.get_running_loop().time()
