"""What happens in the ledger of a test, and what channels were told of it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

import nats.js.errors
from nats.aio.client import Client

from ledger.clock import SystemClock
from ledger.domain.events import (
    AnyEvent,
    BackorderLimitSet,
    ChannelDefined,
    ChannelRules,
    ChannelStalenessChanged,
    FenceGranted,
    HoldReleased,
    StockReceived,
    StockReserved,
    StockSold,
)
from ledger.domain.values import Instant
from subscribers import messages
from subscribers.messages import ats_subject
from subscribers.sdk.direct import SEQUENCE, direct_get
from subscribers.streams import ensure
from tests.support.event_log import EventLog
from tests.support.servers import Database

_AT_REST: Final = """
select (p.position = h.position or not exists (select from projections.channels))
       and h.position = (select min(t.position) from projections.tracking t
                          where t.projection in ('stock', 'fences', 'catalog', 'channels'))
       and not exists (select from telling.channels where sweeping)
       and (select count(*) from telling.channels) = (select count(*) from projections.channels)
  from telling.place p, ledger.heads h
"""
PATIENCE_S: Final = float(os.environ.get("TELLING_PATIENCE_S", "30"))
SECOND: Final = 1_000_000


def now() -> Instant:
    """The machine's time."""
    return SystemClock().now()


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for a thing, not for a duration; patience is only the end of hope."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await asyncio.sleep(0.01)


def channel(name: str = "web", *, rules: ChannelRules | None = None, **more: Any) -> ChannelDefined:
    """A channel that sells from ams-1, if nothing else is said."""
    sells = (
        more if {"locations", "kinds", "tags"} & set(more) else {"locations": ("ams-1",), **more}
    )
    return ChannelDefined(occurred_at=now(), channel=name, rules=rules or ChannelRules(), **sells)


def stale(measured_s: int, from_s: int, name: str = "web") -> ChannelStalenessChanged:
    """How stale a channel is."""
    return ChannelStalenessChanged(
        occurred_at=now(), channel=name, from_s=from_s, measured_s=measured_s
    )


def _stock(event: type[Any], sku: str, location: str, **more: Any) -> AnyEvent:
    at = now()
    made: AnyEvent = event(occurred_at=at, effective_at=at, sku=sku, location=location, **more)
    return made


def received(quantity: int, sku: str = "MUG", location: str = "ams-1") -> AnyEvent:
    """Goods arrive."""
    return _stock(StockReceived, sku, location, quantity=quantity)


def sold(quantity: int, sku: str = "MUG", location: str = "ams-1") -> AnyEvent:
    """Goods leave."""
    return _stock(StockSold, sku, location, quantity=quantity)


def reserved(
    order: str,
    quantity: int,
    sku: str = "MUG",
    location: str = "ams-1",
    expires_at: Instant | None = None,
    **more: Any,
) -> AnyEvent:
    """A promise: soft, where it runs out."""
    kind = "hard" if expires_at is None else "soft"
    return _stock(
        StockReserved,
        sku,
        location,
        reservation_id=order,
        quantity=quantity,
        kind=kind,
        expires_at=expires_at,
        **more,
    )


def released(order: str, quantity: int, sku: str = "MUG", location: str = "ams-1") -> AnyEvent:
    """A promise is given up."""
    return _stock(HoldReleased, sku, location, reservation_id=order, quantity=quantity)


def fenced(name: str, quantity: int, sku: str = "MUG", location: str = "ams-1") -> AnyEvent:
    """Units are set aside for a channel."""
    return _stock(FenceGranted, sku, location, channel=name, quantity=quantity)


def limited(limit: int, sku: str = "MUG", location: str = "ams-1") -> AnyEvent:
    """How far promises may go beyond what is there."""
    return _stock(BackorderLimitSet, sku, location, limit=limit)


class Shop:
    """One ledger and the stream that channels hear."""

    def __init__(self, database: Database, client: Client) -> None:
        self.database = database
        self.client = client
        self.js = client.jetstream()
        self._log = EventLog(database.owner_url)

    def close(self) -> None:
        """Give everything back."""
        self._log.close()

    def happens(self, *events: AnyEvent) -> int:
        """Record events in one commit; the head afterwards."""
        return self._log.append(events)

    async def told(
        self, sku: str = "MUG", name: str = "web", location: str = ""
    ) -> messages.AtsState | None:
        """The last value of a subject."""
        try:
            message = await self.js.get_last_msg(
                messages.ATS_STREAM, ats_subject(name, sku, location or None)
            )
        except nats.js.errors.NotFoundError:
            return None
        state = messages.decode(message.data or b"").data
        assert isinstance(state, messages.AtsState)
        return state

    async def keep_all(self) -> None:
        """From now on no value makes room for a newer one."""
        await ensure(self.js)
        config = (await self.js.stream_info(messages.ATS_STREAM)).config
        await self.js.update_stream(config.evolve(max_msgs_per_subject=-1))

    async def line(self) -> list[tuple[int, int, int]]:
        """Sequence, number and value of every message that the stream has."""
        found, _ = await direct_get(self.client, messages.ATS_STREAM, seq=1, batch=1_000)
        states = [(message, messages.decode(message.data).data) for message in found]
        return [
            (int((message.headers or {})[SEQUENCE]), state.told, state.ats)
            for message, state in states
            if isinstance(state, messages.AtsState)
        ]

    async def hears(
        self, ats: int | None, sku: str = "MUG", name: str = "web", at: str = ""
    ) -> None:
        """Wait until the last value of a subject is this one."""

        async def heard() -> bool:
            state = await self.told(sku, name, at)
            return (None if state is None else state.ats) == ats

        await eventually(heard)

    async def looked_at(self, position: int) -> None:
        """Wait until the teller has looked at everything up to a position."""
        await eventually(
            lambda: self.database.execute("select position from telling.place")[0][0] >= position
        )

    async def at_rest(self) -> None:
        """Wait until everything has been looked at, whole channels included."""
        await eventually(lambda: self.database.execute(_AT_REST)[0][0])

    def projected(self) -> bool:
        """Whether every projection is at the head."""
        rows = self.database.execute(
            "select min(t.position) = max(h.position) from projections.tracking t, ledger.heads h"
            " where t.projection <> 'proof'"
        )
        return bool(rows[0][0])

    def log(self, columns: str = "*") -> list[tuple[Any, ...]]:
        """Everything that was told, in order."""
        order = "order by generation, told"
        return self.database.execute(f"select {columns} from telling.channel_log {order}")
