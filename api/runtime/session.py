"""What a command needs: the running service of a data directory, or servers for a while."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from api.runtime.database import prepare
from api.runtime.datadir import DataDirectoryBusy, admin_key, locked, read_runtime
from api.runtime.servers import Servers
from ledger.settings import Settings

_BUSY_TIMEOUT_S: Final = 60.0  # A service that is starting, or a command that is finishing.
_LOOK_S: Final = 0.1


@dataclass(frozen=True)
class Session:
    """Addresses a command works with. `http_url` is None where no service runs."""

    owner_url: str
    service_url: str
    nats_url: str | None
    nats_credentials: str | None
    http_url: str | None
    admin_key: str | None


@contextmanager
def open_session(settings: Settings, *, nats: bool = False) -> Iterator[Session]:
    """Uses what runs, starts what is missing (migrated), and stops again what it started.

    With `nats` a nats-server is started too where none is configured. Configured URLs win.
    Raises DataDirectoryBusy when another command holds the directory for too long.
    """
    if settings.database_url is not None and (settings.nats_url is not None or not nats):
        yield _of_urls(settings, settings.database_url)
        return
    with ExitStack() as stack:
        yield _find(settings, nats, stack)


def _find(settings: Settings, nats: bool, stack: ExitStack) -> Session:
    """The running service's addresses as soon as it has any, else our own servers."""
    deadline = time.monotonic() + _BUSY_TIMEOUT_S
    while True:
        try:
            stack.enter_context(locked(settings.data_path))
        except DataDirectoryBusy:
            if (runtime := read_runtime(settings.data_path)) is not None:
                return _of_runtime(settings, runtime)
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_S)
        else:
            return _of_own(settings, stack.enter_context(Servers(settings, nats=nats)))


def _of_urls(settings: Settings, url: str) -> Session:
    database = prepare(url)
    return Session(
        owner_url=url,
        service_url=database.service_url,
        nats_url=settings.nats_url,
        nats_credentials=settings.nats_credentials,
        http_url=None,
        admin_key=settings.admin_key,
    )


def _of_runtime(settings: Settings, runtime: dict[str, Any]) -> Session:
    key, _ = admin_key(settings.data_path, settings.admin_key)
    return Session(
        owner_url=runtime["database"],
        service_url=runtime["service_database"],
        nats_url=runtime["nats"],
        nats_credentials=runtime.get("nats_credentials"),
        http_url=runtime["http"],
        admin_key=key,
    )


def _of_own(settings: Settings, servers: Servers) -> Session:
    database = prepare(servers.database_url, servers.service_login)
    return Session(
        owner_url=servers.database_url,
        service_url=database.service_url,
        nats_url=servers.nats_url,
        nats_credentials=servers.nats_credentials,
        http_url=None,
        admin_key=settings.admin_key,
    )
