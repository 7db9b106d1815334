"""The proxy breaks what it is told to break, and nothing else."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.support.proxy import Proxy


@pytest.fixture
def echo() -> Iterator[tuple[str, int]]:
    """A server that says back what it hears."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(4_096):
                connection.sendall(data)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=answer, args=(connection,)))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    yield listener.getsockname()
    listener.shutdown(socket.SHUT_RDWR)
    acceptor.join()
    listener.close()
    for thread in threads:
        thread.join()


@pytest.fixture
def proxy(echo: tuple[str, int]) -> Iterator[Proxy]:
    """A proxy before it."""
    proxy = Proxy(echo)
    proxy.start()
    yield proxy
    proxy.stop()


def ask(client: socket.socket, words: bytes) -> bytes:
    """Say something and hear what comes."""
    client.sendall(words)
    try:
        return client.recv(4_096)
    except ConnectionResetError:
        return b""


def test_what_is_said_arrives_both_ways(proxy: Proxy) -> None:
    """Left alone, a proxy is a wire."""
    with socket.create_connection(proxy.address) as client:
        assert b"hello" == ask(client, b"hello")


def test_an_answer_is_swallowed_after_its_request_was_heard(proxy: Proxy) -> None:
    """The server did what it was asked; the client sees a broken connection, this once."""
    swallowed = proxy.swallow_answer(to=b"order-7")
    with socket.create_connection(proxy.address) as client:
        assert b"order-6" == ask(client, b"order-6")
        assert b"" == ask(client, b"order-7")

    assert swallowed.is_set()
    with socket.create_connection(proxy.address) as client:
        assert b"order-7" == ask(client, b"order-7")


def test_a_cut_ends_every_connection_and_lets_new_ones_in(proxy: Proxy) -> None:
    """As after a moment's outage."""
    with socket.create_connection(proxy.address) as client:
        assert b"one" == ask(client, b"one")
        proxy.cut(server_learns=False)
        assert b"" == client.recv(1)
    with socket.create_connection(proxy.address) as client:
        assert b"two" == ask(client, b"two")


def test_nothing_moves_while_stalled(proxy: Proxy) -> None:
    """Connections stay, bytes wait; after it they arrive."""
    with socket.create_connection(proxy.address) as client:
        proxy.stall()
        client.sendall(b"late")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(4)
        client.settimeout(None)
        proxy.resume()
        assert b"late" == client.recv(4)


def test_a_request_can_be_held_at_the_last_moment(proxy: Proxy) -> None:
    """What holds the bytes waited for leaves only when all flows again."""
    held = proxy.stall_request(holding=b"order-7")
    with socket.create_connection(proxy.address) as client:
        assert b"order-6" == ask(client, b"order-6")
        client.sendall(b"order-7")
        assert held.wait(10)
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(7)
        client.settimeout(None)
        proxy.resume()
        assert b"order-7" == client.recv(7)


def test_a_stopped_proxy_lets_nobody_in_until_it_starts_again(proxy: Proxy) -> None:
    """On the same port, so that clients find their way back."""
    proxy.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(proxy.address)
    proxy.start()
    with socket.create_connection(proxy.address) as client:
        assert b"back" == ask(client, b"back")
