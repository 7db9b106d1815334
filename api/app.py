"""The composition root of HTTP: everything that answers a request is put together here."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from litestar import Litestar
from litestar.datastructures import State

from api.auth import Authenticator
from api.commands import Operations, Port
from api.controllers import bench, movements, reservations
from api.dependencies import Backend
from api.desk import Desk
from api.endpoints import on_error
from api.forwarding import Bus, Forwarder, Server
from api.front_door import FrontDoor, Reply
from api.metrics import HttpMetrics
from ledger.settings import Settings

BENCH_VARIABLE: Final = "LEDGER_BENCH"  # Only a benchmark sets it: not a setting of the service.


class Writer(Port, Protocol):
    """A writer that has a life of its own."""

    def start(self) -> None:
        """Begins to compete for the lease."""
        ...

    def stop(self) -> None:
        """Answers what was accepted, gives the lease back, and ends."""
        ...


def create_app(settings: Settings, *, writer: Writer | None = None) -> FrontDoor:
    """The service's ASGI application; its lifespan starts and stops the parts behind it.

    With a writer given (by a test), that one is used instead of the real one.
    """
    port = _writer(settings) if writer is None else writer
    auth, metrics = Authenticator(settings), HttpMetrics()
    operations = Operations(settings, port, metrics)
    bus = None if settings.nats_url is None else Bus(settings)
    forwarder = None if bus is None else Forwarder(settings, bus)
    backend = Backend(settings, Desk(operations, forwarder), auth, metrics)

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        operations.start()
        await asyncio.to_thread(port.start)
        if bus is not None and forwarder is not None:
            await forwarder.start()
            await bus.start()
        server = None if bus is None else Server(settings, bus, auth)
        serving = None if server is None else asyncio.create_task(server.run(operations))
        yield
        if serving is not None and server is not None and bus is not None:
            serving.cancel()
            await server.stop()
            await asyncio.to_thread(port.stop)
            await bus.stop()
        else:
            await asyncio.to_thread(port.stop)

    handlers = [*movements.HANDLERS, *reservations.HANDLERS]
    if os.environ.get(BENCH_VARIABLE) == "1":
        handlers += bench.HANDLERS
    app = Litestar(
        route_handlers=handlers,
        lifespan=[lifespan],
        state=State({"backend": backend}),
        exception_handlers={Exception: on_error},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # The front door and `body_of` keep the limit of the settings.
        signature_types=[Reply],
    )
    return FrontDoor(app, auth, metrics, settings.body_bytes_max)


def _writer(settings: Settings) -> Writer:
    from ledger.writer import Writer as LedgerWriter  # noqa: PLC0415 - while it is being built

    holder = f"{os.uname().nodename}:{os.getpid()}:{secrets.token_hex(4)}"
    return LedgerWriter(settings, holder=holder)
