"""What a service says of an address that it cannot have."""

import errno
import socket

import pytest

from api.runtime.supervisor import StartFailed, Supervisor
from ledger.settings import load_settings


def started(host: str, port: int) -> None:
    """A start as far as its port."""
    settings = load_settings({}, http_host=host, http_port=port, nats_url="nats://127.0.0.1:1")
    supervisor = Supervisor(settings, announce=print, show_key=print)
    supervisor._require_free_ports()  # What comes next needs servers.


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("nowhere.invalid", "the host nowhere.invalid is unknown"),
        ("192.0.2.1", "192.0.2.1 is no address of this machine"),
    ],
)
@pytest.mark.parametrize("port", [0, 18_080])
def test_an_address_that_is_not_ours_is_no_port_in_use(host: str, said: str, port: int) -> None:
    """Another port would not help, and nothing needs to be stopped."""
    with pytest.raises(StartFailed, match=said):
        started(host, port)


def test_a_port_in_use_is_said_to_be() -> None:
    """That one can be had by stopping who uses it."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(StartFailed, match="is in use; stop who uses it"):
            started("127.0.0.1", other.getsockname()[1])


def test_a_port_that_an_account_may_not_have_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody uses it; a superuser would get it."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(StartFailed, match="may not listen on port 80"):
        started("127.0.0.1", 80)
