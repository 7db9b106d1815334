"""Keeps the message server's accounts as the ledger says who may read as which channel.

It goes by the ledger's events, not by what somebody remembers to tell it: a credential that is
revoked is cut off even where the process that took the command ended a moment later, and a server
that lost its accounts gets them again. It needs neither a relay at work nor a projection.

Whoever has issued or revoked asks on `inventory.access` until when it is in force. Channels that
ask for the present are answered here, too.
"""

import asyncio
import logging
import threading
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

import msgspec
import nats.errors
import nats.js.errors
import psycopg
import uvloop
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg

from ledger.clock import Clock, SystemClock
from ledger.settings import Settings, login_with
from ledger.store.mapper import Mapper
from subscribers.access.accounts import Accounts, ClaimsRefused
from subscribers.access.keys import SYSTEM_CREDENTIALS, Keys
from subscribers.access.standing import Standing
from subscribers.durables import answer_syncs, make_sure, take_away
from subscribers.ledger_log import LedgerLog, decoded
from subscribers.relay import connect_once

SUBJECT: Final = "inventory.access"

_LOOK_S: Final = 0.25  # A revocation has to be in force within seconds; a look takes a millisecond.
_LOOK_AT_ALL_S: Final = (
    10.0  # A server may lose what it was told; a stream takes its durables along.
)
_RETRY_S: Final = 0.5
_REQUEST_S: Final = 5.0
_CLOSE_S: Final = 2.0

_WORLD_FAILURES: Final = (
    ClaimsRefused,
    OSError,
    TimeoutError,
    nats.errors.Error,
    nats.js.errors.Error,
    psycopg.Error,
)

logger = logging.getLogger(__name__)


class Asked(Struct, frozen=True):
    """Is everything up to a position in force?"""

    position: int


class InForce(Struct, frozen=True):
    """Everything up to this position is."""

    position: int


def run(settings: Settings, stop: threading.Event) -> None:
    """Keep until stopped. Raises KeysMissing where a key is not where it should be.

    On a server whose keys are not ours there are no accounts to keep, only durables to make.
    """
    keys = None if settings.nats_keys is None else Keys(Path(settings.nats_keys))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_keep(settings, keys, stop))


async def _keep(settings: Settings, keys: Keys | None, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            async with AsyncExitStack() as stack:
                await (await _connect(settings, keys, stack)).follow(stop)
        except _WORLD_FAILURES as failure:
            logger.warning("access is not kept, again in %.1f s: %r", _RETRY_S, failure)
            await asyncio.to_thread(stop.wait, _RETRY_S)


async def _connect(settings: Settings, keys: Keys | None, stack: AsyncExitStack) -> "_Life":
    assert settings.database_url is not None, "the keeper is told where the database is"
    gone = asyncio.Event()
    log = await LedgerLog.connect(settings.database_url)
    stack.push_async_callback(log.close)
    client = await connect_once(settings.nats_url, [gone.set], **settings.nats_login)
    stack.push_async_callback(_close, client)
    accounts = None
    if keys is not None and settings.nats_keys is not None:
        login = login_with(str(Path(settings.nats_keys) / SYSTEM_CREDENTIALS))
        system = await connect_once(settings.nats_url, [gone.set], **login)
        stack.push_async_callback(_close, system)
        accounts = Accounts(system, keys)
    return _Life(log, client, accounts, SystemClock(), gone)


class _Life:
    """One connection to each server, from the first look at everything to the first failure."""

    def __init__(
        self,
        log: LedgerLog,
        client: Client,
        accounts: Accounts | None,
        clock: Clock,
        gone: asyncio.Event,
    ) -> None:
        self._log = log
        self._client = client
        self._js = client.jetstream(timeout=_REQUEST_S)
        self._accounts = accounts
        self._clock = clock
        self._gone = gone
        self._mapper = Mapper()
        self._standing = Standing()
        self._position = 0
        self._asked: list[tuple[int, Msg]] = []
        self._wake = asyncio.Event()

    async def follow(self, stop: threading.Event) -> None:
        """Put in force what is new, and look at everything now and then."""
        await answer_syncs(self._client, timeout_s=_REQUEST_S)
        await self._client.subscribe(SUBJECT, cb=self._ask)
        loop = asyncio.get_running_loop()
        looked_at_all = -_LOOK_AT_ALL_S
        while not stop.is_set():
            if self._gone.is_set():
                raise nats.errors.ConnectionClosedError
            head = await self._log.head()
            touched: Iterable[str] = await self._read(head)
            if loop.time() - looked_at_all >= _LOOK_AT_ALL_S:
                touched, looked_at_all = list(self._standing.channels), loop.time()
            await self._put_all_in_force(touched)
            self._position = head
            await self._answer()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_S)
            self._wake.clear()

    async def _read(self, head: int) -> set[str]:
        """Fold what is new; the channels it is about."""
        rows = await self._log.credentials(self._position, head)
        events = [decoded(row, self._mapper).event for row in rows]
        return {channel for event in events if (channel := self._standing.take(event)) is not None}

    async def _put_all_in_force(self, channels: Iterable[str]) -> None:
        """One that is refused must not keep the others waiting: it is the last to be told of."""
        refused = []
        for channel in channels:
            try:
                await self._put_in_force(channel)
            except ClaimsRefused as refusal:
                refused.append(refusal)
        if refused:
            raise refused[0]

    async def _put_in_force(self, channel: str) -> None:
        now = self._clock.now()
        if self._accounts is None:
            return  # Who may read as the channel is for the server's operator to say.
        if await self._accounts.put(channel, self._standing, now):
            logger.info("access changed", extra={"channel": channel})
        if not self._standing.is_read(channel, now):
            await take_away(self._js, channel)
            return
        with suppress(nats.js.errors.NotFoundError):  # The stream: whoever tells makes it first.
            await make_sure(self._js, channel)

    async def _ask(self, message: Msg) -> None:
        try:
            asked = msgspec.json.decode(message.data, type=Asked)
        except msgspec.MsgspecError as error:
            logger.warning("a question on %s could not be read: %s", SUBJECT, error)
            return
        self._asked.append((asked.position, message))
        self._wake.set()

    async def _answer(self) -> None:
        """Whoever asked about what is in force by now is told."""
        due = [message for position, message in self._asked if position <= self._position]
        self._asked = [one for one in self._asked if one[0] > self._position]
        for message in due:
            if message.reply:
                await message.respond(msgspec.json.encode(InForce(self._position)))


async def _close(client: Client) -> None:
    with suppress(*_WORLD_FAILURES):
        async with asyncio.timeout(_CLOSE_S):
            await client.close()
