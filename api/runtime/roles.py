"""The roles a process of the service can play. Each runs until it is told to stop."""

import asyncio
import importlib
import logging
import resource
import threading
from collections.abc import Callable
from typing import Final

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from ledger.settings import Settings

Role = Callable[[Settings, threading.Event], None]

_BACKLOG: Final = 2_048  # Connections the kernel holds for us while the loop is busy.

logger = logging.getLogger(__name__)


class RoleFailed(RuntimeError):
    """A role ended although nobody had asked it to."""


def role(name: str) -> Role:
    """What to run for a role's name; its modules are imported here, not before."""
    match name:
        case "api":
            run: Role = run_api
        case "projector":
            run = importlib.import_module("projections.runner").run
        case "notary":
            run = importlib.import_module("projections.proof.notary").run
        case "relay":
            run = run_relay
        case "teller":
            run = importlib.import_module("subscribers.teller").run
        case "auditor":
            run = importlib.import_module("api.runtime.auditor").run
        case _:
            raise ValueError(f"no such role: {name}")
    return run


def run_api(settings: Settings, stop: threading.Event) -> None:
    """Serves HTTP until stopped; requests under way are answered first.

    Raises RoleFailed when the application could not start or the server gave up.
    """
    _raise_file_limit()
    uvloop.run(_serve(settings, stop))


def run_relay(settings: Settings, stop: threading.Event) -> None:
    """Tells until stopped; beside it, in a thread of its own, who may listen is kept true.

    Raises RoleFailed when that ended by itself: a credential could not be revoked any more.
    """
    relay = importlib.import_module("subscribers.relay").run
    keeper = importlib.import_module("subscribers.access.keeper").run
    failed = threading.Event()

    def keep() -> None:
        try:
            keeper(settings, stop)
        except Exception:
            logger.exception("access is not kept any more")
            failed.set()
            stop.set()

    thread = threading.Thread(target=keep, name="keeper")
    thread.start()
    try:
        relay(settings, stop)
    finally:
        stop.set()
        thread.join()
    if failed.is_set():
        raise RoleFailed("access to the message server is not kept; the reason is logged above")


async def _serve(settings: Settings, stop: threading.Event) -> None:
    """Embedded granian: the writer's thread needs the loop's own process, exactly one.

    Measured with a POST that does nothing: as fast as granian with one worker process (median of
    five: 12,900/s against 11,700/s on two cores shared with the load), without a second process.
    """
    create_app = importlib.import_module("api.app").create_app
    server = Server(
        create_app(settings),
        address=settings.http_host,
        port=settings.http_port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        backpressure=settings.http_connections_max,
        log_enabled=False,
    )
    watch = asyncio.create_task(_stop_when_told(server, stop))
    await server.serve()
    if not stop.is_set():
        stop.set()
        await watch
        raise RoleFailed("the HTTP server ended by itself; the reason is logged above")
    await watch


async def _stop_when_told(server: Server, stop: threading.Event) -> None:
    await asyncio.to_thread(stop.wait)
    server.stop()  # type: ignore[no-untyped-call]


def _raise_file_limit() -> None:
    """A connection is a file; the usual soft limit of 1,024 is far below our own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
