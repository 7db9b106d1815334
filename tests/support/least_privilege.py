"""A nats-server whose channels may do exactly what a channel's credentials allow."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from api.runtime.processes import wait_until
from subscribers import messages

SERVICE = "service"
PASSWORD = "only-for-tests"
_PATIENCE_S = 30.0


def permissions_of(channel: str) -> dict[str, Any]:
    """All that a channel may do."""
    durable, stream = messages.durable_of(channel), messages.ATS_STREAM
    return {
        "subscribe": {"allow": [f"{messages.inbox_of(channel)}.>"]},
        "publish": {
            "allow": [
                f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}",
                f"$JS.API.CONSUMER.INFO.{stream}.{durable}",
                f"$JS.ACK.{stream}.{durable}.>",
                f"$JS.API.DIRECT.GET.{stream}.{messages.every_ats(channel)}",
                messages.dead_letter_subject(durable),
                messages.sync_subject(channel),
            ]
        },
    }


class GuardedNats:
    """A nats-server with JetStream, a user for the service and one for each channel.

    The port stays the same over `kill` and `start`.
    """

    def __init__(self, home: Path, *channels: str) -> None:
        self._home = home
        self._channels = channels
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def url(self, user: str = SERVICE) -> str:
        """Where a user connects."""
        return f"nats://{messages.token(user)}:{PASSWORD}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when JetStream is there."""
        self._home.mkdir(parents=True, exist_ok=True)
        self.port = self.port or _free_port()
        path = self._write_config()
        with (self._home / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_binary(), "-c", str(path)], stdout=log, stderr=log, start_new_session=True
            )
        process = self._process
        assert wait_until(
            lambda: self._greets() or process.poll() is not None, timeout_s=_PATIENCE_S
        )
        assert process.poll() is None, (self._home / "nats.log").read_text()[-2_000:]

    def dismiss(self, channel: str) -> None:
        """Take a channel's rights away while it is connected."""
        assert self._process is not None
        self._channels = tuple(name for name in self._channels if name != channel)
        self._write_config()
        self._process.send_signal(signal.SIGHUP)

    def _write_config(self) -> Path:
        users: list[dict[str, Any]] = [{"user": SERVICE, "password": PASSWORD}]
        for channel in self._channels:
            allowed = permissions_of(channel)
            user = messages.token(channel)
            users.append({"user": user, "password": PASSWORD, "permissions": allowed})
        config = {
            "listen": f"127.0.0.1:{self.port}",
            "jetstream": {"store_dir": str(self._home / "store")},
            "authorization": {"users": users},
        }
        path = self._home / "nats.conf"
        path.write_text(json.dumps(config, ensure_ascii=False))
        return path

    def kill(self) -> None:
        """As a power cut would, as far as the process knows."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(_PATIENCE_S)

    def stop(self) -> None:
        """Politely."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_PATIENCE_S)

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as connection:
                return connection.recv(5) == b"INFO "
        except OSError:
            return False


def _binary() -> str:
    beside = Path(sys.executable).parent / "nats-server"
    return str(beside) if beside.exists() else shutil.which("nats-server") or "nats-server"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
