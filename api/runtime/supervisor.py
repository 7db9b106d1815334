"""The parent of everything: starts servers and roles, restarts what dies, stops all in order."""

import errno
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import psycopg

from api.runtime.child import MODULE
from api.runtime.database import Prepared, prepare
from api.runtime.datadir import (
    admin_key,
    checkpoint_key,
    locked,
    remove_runtime,
    write_runtime,
)
from api.runtime.postgres import ServerStartError
from api.runtime.processes import end_all, processes_with, signal_when_parent_ends, stop
from api.runtime.servers import EmbeddedNats, EmbeddedPostgres, Servers
from ledger.settings import Settings, env_name, to_environ
from projections.proof.notary import ledger_id

ROLES: Final = ("api", "projector", "relay", "auditor")

_STOP_ORDER: Final = ("auditor", "api", "relay", "teller", "notary", "projector")
_TICK_S: Final = 0.05
_PROBE_TIMEOUT_S: Final = 2.0
_STABLE_S: Final = 10.0  # A role that lived this long has recovered; its back-off starts anew.
_CRASHES_BEFORE_READY_MAX: Final = 5  # Then it is the deployment that is wrong, not the moment.
_KILL_GRACE_S: Final = 2.0  # Over the role's own limit for draining.

_PORT_TRIES: Final = 20  # Each usually succeeds.
_PORTS: Final = range(12_000, 32_000)

logger = logging.getLogger(__name__)


class StartFailed(RuntimeError):
    """The service never became ready."""


class Backoff:
    """How long to wait before the next start: twice as long after every early death."""

    def __init__(self, settings: Settings) -> None:
        self._min_s = settings.restart_backoff_min_ms / 1000
        self._max_s = settings.restart_backoff_max_ms / 1000
        self._started = 0.0
        self._due: float | None = None
        self.crashes = 0

    def started(self) -> None:
        """Remembers when a life began."""
        self._started = time.monotonic()
        self._due = None

    def is_due(self) -> bool:
        """Whether a dead one may start again; the first question after a death starts the wait."""
        now = time.monotonic()
        if self._due is None:
            self.crashes = 1 if now - self._started > _STABLE_S else self.crashes + 1
            self._due = now + min(self._max_s, self._min_s * 2 ** min(self.crashes - 1, 16))
        return now >= self._due


class Child:
    """One role in a process of its own."""

    def __init__(self, name: str, role: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.backoff = Backoff(settings)
        self._role = role
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, None while it is not running."""
        return self._process.pid if self._process is not None and self.is_running() else None

    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the process; it learns its settings from its environment only."""
        where = [self._role, self.settings.data_dir, str(os.getpid())]
        self._process = subprocess.Popen(
            # -P: a directory named "api" where the operator stands must not shadow ours.
            [sys.executable, "-P", "-m", MODULE, *where],
            env=_child_environment(self.settings),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,  # Standard output is for results: ours is the URL.
            start_new_session=True,  # Ctrl-C is for the supervisor, which stops us in order.
            preexec_fn=signal_when_parent_ends(signal.SIGTERM),  # noqa: PLW1509 - one prctl
        )
        self.backoff.started()

    def stop(self) -> None:
        """Lets it drain, then insists."""
        if self._process is not None:
            patience_s = self.settings.drain_timeout_ms / 1000 + _KILL_GRACE_S
            stop(self._process, [(signal.SIGTERM, patience_s)])


class Supervisor:
    """Runs the service of one data directory until it is told to stop.

    `announce` is called once with the base URL, when the service answers that it is ready.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        roles: Sequence[str] = ROLES,
        api_processes: int = 1,
        announce: Callable[[str], None],
        show_key: Callable[[str], None],
    ) -> None:
        path = str(settings.data_path)
        self._settings = msgspec.structs.replace(
            settings, data_dir=path, http_port=_port(settings, api_processes)
        )
        self._roles = [role for role in roles if role != "auditor" or settings.audit_percent]
        self._api_processes = api_processes
        self._announce = announce
        self._show_key = show_key
        self._servers = Servers(self._settings)
        self._server_backoff = {name: Backoff(settings) for name in self._servers.embedded}
        self._children: list[Child] = []
        self._ready = False

    def run(self, stop: threading.Event) -> None:
        """Starts everything, keeps it alive until `stop`, then drains and ends it in order.

        Raises DataDirectoryBusy, ServerStartError, MigrationError, DatabaseError or StartFailed.
        """
        with locked(self._settings.data_path):
            remove_runtime(self._settings.data_path)
            self._end_leftovers()
            self._require_free_ports()
            with self._servers:
                for backoff in self._server_backoff.values():
                    backoff.started()
                try:
                    servers = self._servers
                    self._start_roles(prepare(servers.database_url, servers.service_login))
                    while not stop.wait(_TICK_S):
                        self._look_after_all()
                finally:
                    self._stop_roles()
                    remove_runtime(self._settings.data_path)

    def _start_roles(self, database: Prepared) -> None:
        logger.info(database.durability)
        key, is_new = admin_key(self._settings.data_path, self._settings.admin_key)
        if is_new:
            self._show_key(key)
        common = msgspec.structs.replace(
            self._settings,
            database_url=database.service_url,
            nats_url=self._servers.nats_url,
            nats_credentials=self._servers.nats_credentials,
            nats_keys=None,
            admin_key=key,
            checkpoint_key=None,
        )
        for role in self._roles:
            self._children += self._of_role(role, common)
        for child in self._children:
            child.start()

    def _of_role(self, role: str, common: Settings) -> list[Child]:
        """Several API processes take consecutive ports; every other role exists once.

        The projector brings a notary, in a process of its own: it must not slow projections, and
        nobody else needs the key. The relay brings a teller, likewise: events wait for nobody's
        rules. Keys of the bus are for who lets channels in: the relay makes their accounts, the API
        signs for their users.
        """
        if role in ("api", "relay"):
            common = msgspec.structs.replace(common, nats_keys=self._servers.nats_keys)
        if role == "projector":
            notary = msgspec.structs.replace(common, checkpoint_key=self._checkpoint_key(common))
            return [Child(role, role, common), Child("notary", "notary", notary)]
        if role == "relay":
            return [Child(role, role, common), Child("teller", "teller", common)]
        if role != "api":
            return [Child(role, role, common)]
        numbers = range(self._api_processes)
        ports = [msgspec.structs.replace(common, http_port=common.http_port + n) for n in numbers]
        return [Child(f"api-{n + 1}" if n else "api", role, ports[n]) for n in numbers]

    def _checkpoint_key(self, common: Settings) -> str:
        assert common.database_url is not None
        ledger = ledger_id(common.database_url)
        return checkpoint_key(common.data_path, self._settings.checkpoint_key, ledger)

    def _look_after_all(self) -> None:
        changed = [self._revive_server(name) for name in self._servers.embedded]
        changed += [self._revive_child(child) for child in self._children]
        if not self._ready and self._is_ready():
            self._ready = True
            self._write_runtime()
            self._announce(self._settings.http_url)
        elif self._ready and any(changed):
            self._write_runtime()

    def _revive_server(self, name: str) -> bool:
        """Starts a dead server again, on its old address; True when it was started."""
        server: EmbeddedPostgres | EmbeddedNats = self._servers.embedded[name]
        backoff = self._server_backoff[name]
        if server.is_running() or not backoff.is_due():
            return False
        logger.error("server died; starting it again", extra={"server": name})
        backoff.started()
        try:
            server.start()
        except (ServerStartError, psycopg.Error) as error:
            logger.warning("server did not start", extra={"server": name, "error": error})
        return True

    def _revive_child(self, child: Child) -> bool:
        if child.is_running() or not child.backoff.is_due():
            return False
        crashes = child.backoff.crashes
        is_api = child.name.startswith("api")
        if not self._ready and is_api and crashes > _CRASHES_BEFORE_READY_MAX:
            raise StartFailed(
                "the API does not start; its log above says why: remove the cause, then serve again"
            )
        logger.error("role died; starting it again", extra={"role": child.name, "crashes": crashes})
        child.start()
        return True

    def _is_ready(self) -> bool:
        """Asks every API process; without one, being alive has to do."""
        ports = [c.settings.http_url for c in self._children if c.name.startswith("api")]
        return all(_answers(f"{url}/health/ready") for url in ports) and all(
            child.is_running() for child in self._children if not ports
        )

    def _stop_roles(self) -> None:
        order = {role: place for place, role in enumerate(_STOP_ORDER)}
        for child in sorted(self._children, key=lambda c: order[c.name.partition("-")[0]]):
            child.stop()

    def _write_runtime(self) -> None:
        pids = {"supervisor": os.getpid()}
        running = {n: s for n, s in self._servers.embedded.items() if s.is_running()}
        pids |= {name: server.pid for name, server in running.items()}
        pids |= {child.name: pid for child in self._children if (pid := child.pid) is not None}
        document: dict[str, Any] = {
            "http": self._settings.http_url,
            "database": self._servers.database_url,
            "nats": self._servers.nats_url,
            "nats_credentials": self._servers.nats_credentials,
            "service_database": self._children[0].settings.database_url,
            "pids": pids,
        }
        write_runtime(self._settings.data_path, document)

    def _end_leftovers(self) -> None:
        """Roles of a killed supervisor may still be draining; two relays would be one too many."""
        ended = end_all(
            lambda: processes_with(MODULE, self._settings.data_dir),
            signum=signal.SIGTERM,
            timeout_s=self._settings.drain_timeout_ms / 1000,
        )
        if ended:
            logger.warning("ended left-over roles", extra={"processes": ended})

    def _require_free_ports(self) -> None:
        """The HTTP server shares its port with others that bind it likewise: two would mix."""
        numbers = range(self._api_processes) if "api" in self._roles else ()
        for port in (self._settings.http_port + n for n in numbers):
            if (why := _why_not(self._settings.http_host, port)) is not None:
                raise StartFailed(why)


def _child_environment(settings: Settings) -> dict[str, str]:
    """Ours wins over the inherited; PYTHONUNBUFFERED keeps the last words of a crash."""
    private = {env_name("checkpoint_key"), env_name("nats_keys")}  # For who is given them only.
    inherited = {k: v for k, v in os.environ.items() if k not in private}
    return {**inherited, **to_environ(settings), "PYTHONUNBUFFERED": "1"}


def _port(settings: Settings, api_processes: int) -> int:
    """The configured port, or, where the setting says 0, the first of enough free ones in a row.

    Below those that systems give to outgoing connections: one of these could take a port before
    the process that it was found for is there.
    """
    if settings.http_port:
        return settings.http_port
    host = settings.http_host
    for _ in range(_PORT_TRIES):
        port = _PORTS.start + secrets.randbelow(len(_PORTS) - api_processes)
        if all(_is_free(host, port + number) for number in range(api_processes)):
            return port
    raise StartFailed(
        f"found no {api_processes} free ports in a row on {host};"
        " name the first with --port, or ask for fewer with --api-processes"
    )


def _is_free(host: str, port: int) -> bool:
    """Whether a port can be had. Raises StartFailed where none of the host's can."""
    try:
        _bind(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise StartFailed(_in_words(host, port, error)) from error
        return False
    return True


def _why_not(host: str, port: int) -> str | None:
    """Why nobody can listen there; None where one can."""
    try:
        _bind(host, port)
    except OSError as error:
        return _in_words(host, port, error)
    return None


def _bind(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _in_words(host: str, port: int, error: OSError) -> str:
    """What is in the way of listening, and what to do about it."""
    if isinstance(error, socket.gaierror):
        return f"the host {host} is unknown ({error.strerror}); name an address with --host"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; name one of its own with --host"
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"this account may not listen on port {port}; choose one above 1023 with --port, or"
            " let it"
        )
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use; stop who uses it,"
            " or choose another with --port (0: any free one)"
        )
    return f"nobody can listen on port {port} of {host}: {error.strerror or error}"


def _answers(url: str) -> bool:
    """Whether a GET answers 200; the proxy settings of the desk do not apply."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_PROBE_TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
