"""Commands between the processes: who is not the active writer passes them on over the bus.

The request is a list of items, packed; each waits for nothing but the send before it, so batches
grow with the load and without a timer. Answers come back in as many messages as it takes, as
they get ready, each naming the items it answers. A single JSON object is an item, too: services
on the bus send the same bodies as over HTTP.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from api.auth import Authenticator
from api.commands import Answer, Call, Operations, refused
from api.front_door import correlation_of, key_of
from api.operations import OPERATIONS
from api.problems import Problem
from ledger.clock import monotonic
from ledger.settings import Settings

SUBJECT: Final = "inventory.commands"
TAKEN_OVER: Final = "inventory.commands.taken-over"

_IN_FLIGHT_MAX: Final = 4  # Requests under way: more would only be smaller ones.
_FRAME_SPARE_BYTES: Final = 16 * 1024  # What surrounds the bodies in a message.
_ITEM_SPARE_BYTES: Final = 1024
_FLUSH_TIMEOUT_S: Final = 2
_RECONNECT_PAUSE_S: Final = 1  # Whole seconds is what the client takes; 0 would spin.
_PENDING_BYTES_MAX: Final = 256 * 1024 * 1024

logger = logging.getLogger(__name__)


class Item(Struct, array_like=True, gc=False):
    """One command on its way to the active writer, its body as the caller sent it."""

    number: int
    operation: str
    id: str
    authorization: str | None
    idempotency_key: str
    correlation_id: str
    patience_ms: int
    body: bytes


class Result(Struct, array_like=True, gc=False):
    """What an item came to; `answer` None: the process that got it is not the writer."""

    number: int
    answer: Answer | None


class BusItem(Struct, kw_only=True, forbid_unknown_fields=True):
    """A command as a service on the bus sends it."""

    operation: str
    idempotency_key: str
    body: msgspec.Raw = msgspec.Raw(b"{}")
    id: str = ""
    authorization: str | None = None
    correlation_id: str | None = None


class BusAnswer(Struct, kw_only=True):
    """What it gets back: status, headers and body of the HTTP answer."""

    status: int
    headers: dict[str, str]
    body: msgspec.Raw


_items: Final = msgspec.msgpack.Decoder(list[Item])
_results: Final = msgspec.msgpack.Decoder(list[Result])
_bus_item: Final = msgspec.json.Decoder(BusItem)
_pack: Final = msgspec.msgpack.Encoder().encode


class _Request(NamedTuple):
    """A message that waits for answers: to which items, and for how long."""

    numbers: set[int]
    timer: asyncio.TimerHandle


class Forwarder:
    """Passes commands to the active writer's process and hands its answers back."""

    def __init__(self, settings: Settings, bus: "Bus") -> None:
        self._bus = bus
        self._attempt_s = settings.lease_ms / 1000  # A take-over ends an attempt sooner.
        self._waiting: list[Item] = []
        self._callers: dict[int, asyncio.Future[Answer | None]] = {}
        self._requests: dict[str, _Request] = {}
        self._by_item: dict[int, str] = {}
        self._inbox = f"_INBOX.ledger.{secrets.token_hex(8)}"
        self._number = 0
        self._scheduled = False

    async def start(self) -> None:
        """Listens for answers from the moment the bus is there."""
        await self._bus.listen(f"{self._inbox}.*", self._on_reply)
        await self._bus.listen(TAKEN_OVER, self._on_take_over)

    async def forward(
        self, name: str, path_id: str, call: Call, authorization: str | None, body: bytes
    ) -> Answer | None:
        """One attempt: the answer, or None where no active writer gave one in time.

        Raises Problem where the command does not fit into a message.
        """
        limit = self._bus.payload_bytes_max - _FRAME_SPARE_BYTES
        self._number += 1
        number = self._number
        item = Item(
            number=number,
            operation=name,
            id=path_id,
            authorization=authorization,
            idempotency_key=call.key,
            correlation_id=call.correlation_id,
            patience_ms=max(1, int((call.deadline - monotonic()) * 1000)),
            body=body,
        )
        if _room(item) > limit:
            raise Problem(
                "payload-too-large", "the request does not fit into a message", limit_bytes=limit
            )
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._callers[number] = future
        self._waiting.append(item)
        self._schedule()
        try:
            return await future
        finally:
            self._forget(number)

    def _schedule(self) -> None:
        if not self._scheduled and len(self._requests) < _IN_FLIGHT_MAX and self._waiting:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        """Everything that waits goes out, as much as fits into one message."""
        self._scheduled = False
        room = self._bus.payload_bytes_max - _FRAME_SPARE_BYTES
        taken = 0
        for item in self._waiting:
            room -= _room(item)
            if room < 0:
                break
            taken += 1
        batch = [item for item in self._waiting[:taken] if item.number in self._callers]
        del self._waiting[:taken]
        if batch:
            reply_to = f"{self._inbox}.{secrets.token_hex(6)}"
            # One timer for a whole request: callers wait for their future and nothing else.
            timer = asyncio.get_running_loop().call_later(self._attempt_s, self._lost, reply_to)
            self._requests[reply_to] = _Request({item.number for item in batch}, timer)
            self._by_item.update((item.number, reply_to) for item in batch)
            self._bus.publish(SUBJECT, _pack(batch), reply_to, lambda: self._lost(reply_to))
        self._schedule()

    async def _on_reply(self, message: Msg) -> None:
        if message.headers is not None and message.headers.get("Status") == "503":
            self._lost(message.subject)
            return
        for result in _results.decode(message.data):
            self._settle(result.number, result.answer)

    async def _on_take_over(self, _: Msg) -> None:
        """Whoever waits for the writer before may ask the new one."""
        for reply_to in list(self._requests):
            self._lost(reply_to)

    def _settle(self, number: int, answer: Answer | None) -> None:
        future = self._callers.get(number)
        if future is not None and not future.done():
            future.set_result(answer)
        self._forget(number)

    def _lost(self, reply_to: str) -> None:
        """Nobody will answer this request: its callers may try again."""
        request = self._requests.get(reply_to)
        for number in list(request.numbers) if request is not None else ():
            self._settle(number, None)

    def _forget(self, number: int) -> None:
        self._callers.pop(number, None)
        reply_to = self._by_item.pop(number, None)
        if reply_to is not None:
            request = self._requests[reply_to]
            request.numbers.discard(number)
            if not request.numbers:
                request.timer.cancel()
                del self._requests[reply_to]
                self._schedule()


class Server:
    """Serves the bus while this process's writer is the active one."""

    def __init__(self, settings: Settings, bus: "Bus", auth: Authenticator) -> None:
        self._bus = bus
        self._auth = auth
        self._patience_ms_max = settings.command_deadline_ms
        self._poll_s = settings.poll_ms / 1000
        self._operations: Operations | None = None
        self._subscription: Subscription | None = None

    @property
    def serving(self) -> bool:
        """Whether commands from the bus arrive here."""
        return self._subscription is not None

    async def run(self, operations: Operations) -> NoReturn:
        """Subscribes when the lease is won and unsubscribes when it is lost, for ever."""
        self._operations = operations
        while True:
            try:
                await self._follow(operations.port.active)
            except (NatsError, OSError, TimeoutError) as error:
                logger.warning("the command subject could not be followed: %s", error)
            await asyncio.sleep(self._poll_s)

    async def stop(self) -> None:
        """No longer takes commands from the bus."""
        try:
            await self._follow(False)
        except (NatsError, OSError, TimeoutError) as error:
            logger.info("the bus went away before its subject was left: %s", error)

    async def _follow(self, active: bool) -> None:
        if active and self._subscription is None and self._bus.client.is_connected:
            self._subscription = await self._bus.client.subscribe(
                SUBJECT, cb=self._on_request, pending_bytes_limit=_PENDING_BYTES_MAX
            )
            await self._bus.client.flush(_FLUSH_TIMEOUT_S)
            self._bus.publish(TAKEN_OVER, b"", "", _nothing)
        elif not active and self._subscription is not None:
            subscription, self._subscription = self._subscription, None
            await subscription.unsubscribe()

    async def _on_request(self, message: Msg) -> None:
        assert self._operations is not None
        if not message.reply:
            return  # Nobody would learn of the outcome: a command without an answer is no command.
        if message.data[:1] == b"{":
            self._begin_single(self._operations, message)
            return
        try:
            items = _items.decode(message.data)
        except msgspec.MsgspecError as error:
            logger.warning("a request on %s could not be read: %s", SUBJECT, error)
            return
        replies = _Replies(self._bus, message.reply)
        for item in items:
            self._begin(self._operations, item, replies)

    def _begin(self, operations: Operations, item: Item, replies: "_Replies") -> None:
        def done(answer: Answer | None) -> None:
            replies.add(Result(item.number, answer))

        try:
            patience_ms = min(item.patience_ms, self._patience_ms_max)
            call = Call(
                self._auth.principal(item.authorization),
                key_of(item.idempotency_key),
                item.correlation_id,
                "http",
                monotonic() + patience_ms / 1000,
            )
            operations.begin(item.operation, item.id, call, item.body, done)
        except Exception as error:  # noqa: BLE001 - one item must not take others along.
            done(refused(error, item.correlation_id))

    def _begin_single(self, operations: Operations, message: Msg) -> None:
        correlation_id = ""

        def done(answer: Answer | None) -> None:
            said = answer or refused(Problem("no-writer", "ask again"), correlation_id)
            self._bus.publish(message.reply, _bus_answer(said, correlation_id), "", _nothing)

        try:
            correlation_id = correlation_of(None)
            item = _decoded(message.data)
            correlation_id = correlation_of(item.correlation_id)
            if item.operation not in OPERATIONS:
                raise Problem("not-found", f"no operation {item.operation!r}")
            call = Call(
                self._auth.principal(item.authorization),
                key_of(item.idempotency_key),
                correlation_id,
                "nats",
                monotonic() + self._patience_ms_max / 1000,
            )
            operations.begin(item.operation, item.id, call, bytes(item.body), done)
        except Problem as problem:
            done(refused(problem, correlation_id))


class _Replies:
    """The answers of one request, sent together as they get ready."""

    def __init__(self, bus: "Bus", reply_to: str) -> None:
        self._bus = bus
        self._reply_to = reply_to
        self._ready: list[Result] = []

    def add(self, result: Result) -> None:
        """One more; what gets ready in the same turn of the loop goes out in one message."""
        self._ready.append(result)
        if len(self._ready) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        ready, self._ready = self._ready, []
        room = limit = self._bus.payload_bytes_max - _FRAME_SPARE_BYTES
        message: list[Result] = []
        for result in ready:
            size = _ITEM_SPARE_BYTES + (len(result.answer.body) if result.answer else 0)
            if message and size > room:
                self._bus.publish(self._reply_to, _pack(message), "", _nothing)
                message, room = [], limit
            message.append(result)
            room -= size
        self._bus.publish(self._reply_to, _pack(message), "", _nothing)


class Bus:
    """The process's connection to NATS: made when there is a server, and for ever made again."""

    def __init__(self, settings: Settings) -> None:
        self.client = Client()
        self._settings = settings
        self._listeners: list[tuple[str, Callable[[Msg], Any]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._connecting: asyncio.Task[None] | None = None

    @property
    def payload_bytes_max(self) -> int:
        """The largest message the server takes."""
        return self.client.max_payload

    @property
    def is_connected(self) -> bool:
        """Whether messages can be sent right now."""
        return self.client.is_connected

    async def start(self) -> None:
        """Begins to connect; returns at once, because HTTP does not wait for the bus."""
        self._connecting = asyncio.create_task(self._connect())

    async def stop(self) -> None:
        """Closes the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
        try:
            await asyncio.wait_for(self.client.close(), 2.0)
        except (NatsError, OSError, TimeoutError) as error:
            logger.info("the bus did not close: %s", error)

    async def listen(self, subject: str, take: Callable[[Msg], Any]) -> None:
        """Takes messages of a subject, from the first connection on and over all later ones."""
        self._listeners.append((subject, take))

    def publish(
        self, subject: str, payload: bytes, reply_to: str, failed: Callable[[], None]
    ) -> None:
        """Sends without waiting; `failed` is called where it is known not to have been sent."""
        if not self.client.is_connected:
            failed()
            return
        task = asyncio.create_task(self._publish(subject, payload, reply_to, failed))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def ask(self, subject: str, payload: bytes, timeout_s: float) -> bytes | None:
        """One question to whoever answers it; None where nobody did in time."""
        if not self.client.is_connected:
            return None
        try:
            return bytes((await self.client.request(subject, payload, timeout=timeout_s)).data)
        except (NatsError, OSError, TimeoutError) as error:
            logger.warning("%s was not answered: %r", subject, error)
            return None

    async def _publish(
        self, subject: str, payload: bytes, reply_to: str, failed: Callable[[], None]
    ) -> None:
        try:
            await self.client.publish(subject, payload, reply=reply_to)
        except (NatsError, OSError) as error:
            logger.warning("a message to %s could not be sent: %s", subject, error)
            failed()

    async def _forget_unsent(self) -> None:
        """What was about to leave when the connection broke must not leave after the next one.

        By then its callers have been answered, or have sent it again.
        """
        self.client._pending.clear()  # noqa: SLF001 - the client has no public way
        self.client._pending_data_size = 0  # noqa: SLF001

    async def _connect(self) -> None:
        assert self._settings.nats_url is not None
        delay_s = self._settings.restart_backoff_min_ms / 1000
        while not self.client.is_connected:
            try:
                await self.client.connect(
                    self._settings.nats_url,
                    **self._settings.nats_login,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=_RECONNECT_PAUSE_S,
                    connect_timeout=2,
                    pending_size=0,  # While disconnected, a publish fails instead of waiting.
                    error_cb=_log_error,
                    disconnected_cb=self._forget_unsent,
                    name="inventory-ledger api",
                )
                for subject, take in self._listeners:
                    await self.client.subscribe(
                        subject, cb=take, pending_bytes_limit=_PENDING_BYTES_MAX
                    )
            except (NatsError, OSError, TimeoutError) as error:
                logger.warning("no connection to the bus yet: %s", error)
                await asyncio.sleep(delay_s)


def _room(item: Item) -> int:
    """How much of a message an item takes: what a caller can make long, and the rest."""
    caller = len(item.body) + 4 * (len(item.id) + len(item.authorization or ""))
    return caller + _ITEM_SPARE_BYTES


async def _log_error(error: Exception) -> None:
    logger.warning("the bus: %r", error)


def _nothing() -> None:
    """A message that need not arrive: whoever misses it asks again."""


def _decoded(data: bytes) -> BusItem:
    try:
        return _bus_item.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("malformed", str(error), path="$", problem=str(error)) from None


def _bus_answer(answer: Answer, correlation_id: str) -> bytes:
    headers = {"Content-Type": answer.media_type, "X-Correlation-ID": correlation_id}
    headers.update(answer.headers)
    body = msgspec.Raw(answer.body if answer.media_type.endswith("json") else b"null")
    return msgspec.json.encode(BusAnswer(status=answer.status, headers=headers, body=body))
