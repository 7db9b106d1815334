"""The composition root of HTTP: everything that answers a request is put together here."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any, Final, Protocol

import msgspec
from litestar import Litestar
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from api import console
from api.admission import Admission
from api.auth import Authenticator
from api.commands import Answer, Operations, Port
from api.controllers import (
    audit,
    availability,
    bench,
    catalog,
    channels,
    conflicts,
    counts,
    credentials,
    events,
    fences,
    health,
    movements,
    periods,
    reconciliations,
    reservations,
    returns,
    statements,
    stock,
    transfers,
    what_if,
)
from api.dependencies import Backend, HttpRequest
from api.desk import Desk
from api.endpoints import Endpoint, ask, on_error, options, straight
from api.forwarding import Bus, Forwarder, Server
from api.front_door import FrontDoor, Reply
from api.metrics import HttpMetrics
from api.openapi import document
from api.operations import OPERATIONS
from api.questions import readers
from api.readiness import Readiness
from api.runtime import memory
from api.runtime.releaser import Releaser
from api.runtime.sweeper import Sweeper
from ledger.clock import Clock, SystemClock
from ledger.settings import Settings
from ledger.writer import Writer as LedgerWriter
from projections.progress import Pool
from subscribers.tasks import ended

BENCH_VARIABLE: Final = (
    "INVENTORY_LEDGER_BENCH"  # Only a benchmark sets it: not a setting of the service.
)


class Writer(Port, Protocol):
    """A writer that has a life of its own."""

    def start(self) -> None:
        """Begins to compete for the lease."""
        ...

    def stop(self) -> None:
        """Answers what was accepted, gives the lease back, and ends."""
        ...


class _Parts:
    """What runs behind the handlers, from start to stop."""

    def __init__(self, settings: Settings, writer: Writer, pool: Pool, clock: Clock) -> None:
        self.metrics = HttpMetrics()
        self.auth = Authenticator(settings)
        self.operations = Operations(settings, writer, self.metrics, OPERATIONS)
        self.bus = None if settings.nats_url is None else Bus(settings)
        self.forwarder = None if self.bus is None else Forwarder(settings, self.bus)
        self.desk = Desk(self.operations, self.forwarder, self.bus)
        self._server = None if self.bus is None else Server(settings, self.bus, self.auth)
        self._sweeper = Sweeper(settings, writer, pool, clock)
        self._releaser = Releaser(settings, writer, pool)
        self._writer = writer
        self._pool = pool

    @asynccontextmanager
    async def running(self, _: Litestar) -> AsyncIterator[None]:
        """Starts everything, and stops it in the order in which nothing accepted is lost."""
        self.operations.start()
        async with AsyncExitStack() as stack:
            await self._pool.open(wait=False)
            stack.push_async_callback(self._pool.close)
            if self.bus is not None and self.forwarder is not None:
                await self.forwarder.start()
                await self.bus.start()
                stack.push_async_callback(self.bus.stop)
            await asyncio.to_thread(self._writer.start)
            stack.push_async_callback(asyncio.to_thread, self._writer.stop)
            stack.push_async_callback(ended, asyncio.create_task(self._sweeper.run()))
            stack.push_async_callback(ended, asyncio.create_task(self._releaser.run()))
            if self._server is not None:
                serving = asyncio.create_task(self._server.run(self.operations))
                stack.push_async_callback(self._server.stop)
                stack.push_async_callback(ended, serving)
            memory.settle()
            yield


def create_app(
    settings: Settings, *, writer: Writer | None = None, clock: Clock | None = None
) -> FrontDoor:
    """The service's ASGI application; its lifespan starts and stops the parts behind it.

    A writer given by a test takes the place of the real one.
    """
    clock = clock or SystemClock()
    pool = readers(settings)
    parts = _Parts(settings, writer or _writer(settings, clock), pool, clock)
    assert settings.database_url is not None, "an API process is given its database"
    backend = Backend(
        settings=settings,
        desk=parts.desk,
        admission=Admission(settings, parts.bus, clock),
        pool=pool,
        readiness=Readiness(pool, settings.database_url),
        metrics=parts.metrics,
        clock=clock,
    )
    handlers = list(HANDLERS)
    past_framework = straight(handlers, backend)
    if os.environ.get(BENCH_VARIABLE) == "1":
        handlers += bench.HANDLERS
        past_framework |= bench.straight(backend)
    app = Litestar(
        # First, so that the framework makes none of its own: those know one method only.
        route_handlers=[*options(handlers), *handlers],
        lifespan=[parts.running],
        state=State({"backend": backend}),
        exception_handlers={Exception: on_error},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # The front door and `body_of` keep the limit of the settings.
    )
    return FrontDoor(app, parts.auth, parts.metrics, settings, past_framework)


@cache
def openapi_document() -> bytes:
    """The document of the service, as it is served and committed."""
    text = msgspec.json.encode(document(Litestar(route_handlers=HANDLERS, openapi_config=None)))
    return msgspec.json.format(text, indent=1) + b"\n"


async def _openapi(_: HttpRequest) -> Reply:
    return Reply(Answer(200, openapi_document()))


HANDLERS: Final[list[HTTPRouteHandler]] = [
    *movements.HANDLERS,
    *reservations.HANDLERS,
    *stock.HANDLERS,
    *events.HANDLERS,
    *conflicts.HANDLERS,
    *fences.HANDLERS,
    *availability.HANDLERS,
    *catalog.HANDLERS,
    *channels.HANDLERS,
    *what_if.HANDLERS,
    *credentials.HANDLERS,
    *returns.HANDLERS,
    *counts.HANDLERS,
    *transfers.HANDLERS,
    *statements.HANDLERS,
    *periods.HANDLERS,
    *reconciliations.HANDLERS,
    *audit.HANDLERS,
    *health.HANDLERS,
    *console.HANDLERS,
    ask(
        "/schema/openapi.json",
        _openapi,
        operation_id="openapi",
        endpoint=Endpoint(
            summary="This document", tag="health", answers={200: dict[str, Any]}, open=True
        ),
    ),
]


def _writer(settings: Settings, clock: Clock) -> Writer:
    holder = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
    return LedgerWriter(settings, holder=holder, clock=clock)
