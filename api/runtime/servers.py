"""The servers a service needs: those configured elsewhere, and those it runs itself."""

from types import TracebackType
from typing import Self

from api.runtime.memory import a_quarter_of_memory
from api.runtime.natsd import EmbeddedNats
from api.runtime.postgres import DATABASE, SERVICE_ROLE, EmbeddedPostgres, ServerStartError
from ledger.settings import Settings

__all__ = ["EmbeddedNats", "EmbeddedPostgres", "ServerStartError", "Servers"]


class Servers:
    """PostgreSQL and nats-server for one data directory; what has a URL is somebody else's.

    The caller holds the directory's lock. As a context manager it stops what it started.
    """

    def __init__(self, settings: Settings, *, nats: bool = True) -> None:
        timeout_ms = settings.server_start_timeout_ms
        path = settings.data_path
        self._settings = settings
        self.postgres: EmbeddedPostgres | None = None
        self.nats: EmbeddedNats | None = None
        if settings.database_url is None:
            self.postgres = EmbeddedPostgres(
                path,
                start_timeout_ms=timeout_ms,
                cache_bytes=settings.database_cache_bytes or a_quarter_of_memory(),
            )
        if settings.nats_url is None and nats:
            self.nats = EmbeddedNats(path, start_timeout_ms=timeout_ms)

    @property
    def embedded(self) -> dict[str, EmbeddedPostgres | EmbeddedNats]:
        """The servers we run, by name, in the order in which they start."""
        both = {"postgres": self.postgres, "nats": self.nats}
        return {name: server for name, server in both.items() if server is not None}

    @property
    def database_url(self) -> str:
        """The owner's libpq URL."""
        url = self._settings.database_url if self.postgres is None else self.postgres.url
        assert url is not None
        return url

    @property
    def service_login(self) -> str | None:
        """Where the service's role logs in by itself; None on somebody else's server."""
        if self.postgres is None:
            return None
        return self.postgres.url_of(DATABASE, SERVICE_ROLE)

    @property
    def nats_url(self) -> str | None:
        """Where the bus is; None where the caller asked for none and none is configured."""
        return self._settings.nats_url if self.nats is None else self.nats.url

    @property
    def nats_credentials(self) -> str | None:
        """The file with which one logs in there; None where the URL says all that is needed."""
        return self._settings.nats_credentials if self.nats is None else self.nats.credentials

    @property
    def nats_keys(self) -> str | None:
        """The directory of keys with which others can be let in; None where we have none."""
        return self._settings.nats_keys if self.nats is None else self.nats.keys_dir

    def start(self) -> None:
        """Starts what is ours; raises ServerStartError."""
        for server in self.embedded.values():
            server.start()

    def stop(self) -> None:
        """Stops what is ours, the database last: the others may still want to write."""
        for server in reversed(self.embedded.values()):
            server.stop()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
