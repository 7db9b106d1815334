"""The service a command talks to: a given URL, a directory's running one, or one of its own."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from msgspec import Struct

from api.runtime.datadir import KEY_FILE, make, read_runtime
from api.runtime.processes import signal_when_parent_ends, stop
from ledger.settings import Settings, to_environ

_PROBE_TIMEOUT_S: Final = 2.0
_LOG_FILE: Final = "serve.log"
_LOG_TAIL_BYTES: Final = 2_000


class Service(Struct, frozen=True):
    """Where a service answers, the key it accepts, and its bus, where that is known."""

    url: str
    key: str | None
    nats_url: str | None
    nats_credentials: str | None = None


@contextmanager
def service_at(settings: Settings, url: str | None) -> Iterator[Service]:
    """The service at a URL; without one, the data directory's, started and stopped if need be."""
    if url is not None:
        key, bus = _key(settings), (settings.nats_url, settings.nats_credentials)
        yield Service(url.rstrip("/"), key, *bus)
    elif (running := _running(settings)) is not None:
        yield running
    else:
        with started(settings) as service:
            yield service


@contextmanager
def started(settings: Settings) -> Iterator[Service]:
    """Run `serve` in a process of its own, on a free port; its log is kept in the directory.

    It lives for one command, which is too short to audit itself.
    """
    data_dir = settings.data_path
    make(data_dir)
    with (data_dir / _LOG_FILE).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "api.cli.main", "serve", "--port", "0"],
            env=_environment(msgspec.structs.replace(settings, audit_percent=0)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the command, which then stops the service.
            preexec_fn=signal_when_parent_ends(signal.SIGTERM),  # noqa: PLW1509 - one prctl
        )
    try:
        yield _announced(settings, process)
    finally:
        patience_s = 3 * settings.drain_timeout_ms / 1000  # Its roles drain one after another.
        stop(process, [(signal.SIGTERM, patience_s)])
        if process.stdout is not None:
            process.stdout.close()


def _announced(settings: Settings, process: subprocess.Popen[bytes]) -> Service:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(b"http"):
            runtime = read_runtime(settings.data_path) or {}
            return _described(line.decode().strip(), settings, runtime)
    path = settings.data_path / _LOG_FILE
    log = path.read_bytes()[-_LOG_TAIL_BYTES:]
    raise click.ClickException(
        f"the service did not start; {path} says why, its last lines are\n"
        f"{log.decode(errors='replace')}"
    )


def _running(settings: Settings) -> Service | None:
    """The directory's service if it answers: a killed one leaves its description behind."""
    runtime = read_runtime(settings.data_path)
    if runtime is None:
        return None
    try:
        url = f"{runtime['http']}/health/live"
        with urllib.request.urlopen(url, timeout=_PROBE_TIMEOUT_S):  # noqa: S310 - http, ours
            return _described(runtime["http"], settings, runtime)
    except (OSError, urllib.error.URLError):
        return None


def _described(url: str, settings: Settings, runtime: dict[str, Any]) -> Service:
    bus = (runtime.get("nats"), runtime.get("nats_credentials"))
    return Service(url, _key(settings), *bus)


def _key(settings: Settings) -> str | None:
    if settings.admin_key is not None:
        return settings.admin_key
    path = Path(settings.data_path / KEY_FILE)
    return path.read_text().strip() if path.exists() else None


def _environment(settings: Settings) -> dict[str, str]:
    return {**os.environ, **to_environ(settings), "PYTHONUNBUFFERED": "1"}
