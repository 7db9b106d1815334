"""A wire that breaks where a test wants it to: between a client and its server, TCP or unix.

Clients connect to a port of this machine. What a cut leaves behind is the point: with
`server_learns=False` the server goes on as if its client were there, as after a lost network.
"""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

Address: TypeAlias = tuple[str, int] | Path
"""Host and port, or the path of a unix socket."""

_CHUNK_BYTES: Final = 64 * 1024
_JOIN_S: Final = 5.0


class Proxy:
    """Carries bytes both ways, until told otherwise."""

    def __init__(self, target: Address) -> None:
        """Stand before a server; `start` begins to listen."""
        self._target = target
        self._listener: socket.socket | None = None
        self._port = 0
        self._links: list[_Link] = []
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self._traps: list[_Trap] = []
        self._acceptor: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where clients connect; the same after every start."""
        return "127.0.0.1", self._port

    def start(self) -> None:
        """Let clients in."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen()
        self._port = listener.getsockname()[1]
        self._listener = listener
        self._acceptor = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Let nobody in, cut everybody off, and return when all is quiet."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        if self._acceptor is not None:
            self._acceptor.join(_JOIN_S)
        self.resume()
        with self._lock:
            links, self._links = self._links, []
        for link in links:
            link.cut(server_learns=True)
            link.join()

    def stall(self) -> None:
        """Carry nothing from now on; connections stay."""
        self._flowing.clear()

    def resume(self) -> None:
        """Carry again, beginning with what waits."""
        self._flowing.set()

    def cut(self, *, server_learns: bool = True) -> None:
        """Break every connection of this moment."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.cut(server_learns=server_learns)

    def swallow_answer(self, to: bytes) -> threading.Event:
        """Once: let the request with these bytes through, and cut when its answer comes.

        Returns what is set when that has happened.
        """
        return self._set(_Trap(to, stalls=False))

    def stall_request(self, holding: bytes) -> threading.Event:
        """Once: stall everything from the moment the request with these bytes is about to leave.

        Returns what is set when that has happened.
        """
        return self._set(_Trap(holding, stalls=True))

    def _set(self, trap: "_Trap") -> threading.Event:
        with self._lock:
            self._traps.append(trap)
        return trap.happened

    # --- between the threads ------------------------------------------------------------------

    def spring(self, seen: bytes) -> "_Trap | None":
        """The trap these bytes of a client step into, taken down."""
        with self._lock:
            for trap in self._traps:
                if trap.pattern in seen:
                    self._traps.remove(trap)
                    return trap
        return None

    def pattern_bytes_max(self) -> int:
        """How much of a request has to be remembered from one chunk to the next."""
        with self._lock:
            return max((len(trap.pattern) for trap in self._traps), default=0)

    def wait_for_flow(self) -> None:
        """Stand still while stalled."""
        self._flowing.wait()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = _connected(self._target)
            except OSError:
                client.close()
                continue
            link = _Link(self, client, server)
            with self._lock:
                self._links.append(link)
            link.start()


class _Trap:
    """Bytes to wait for in a request."""

    def __init__(self, pattern: bytes, *, stalls: bool) -> None:
        self.pattern = pattern
        self.stalls = stalls
        self.happened = threading.Event()


class _Link:
    """One client's connection and the one made for it, a thread each way."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._trap: _Trap | None = None
        self._abandoned = False
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._up, daemon=True),
            threading.Thread(target=self._down, daemon=True),
        ]

    def start(self) -> None:
        """Begin to carry."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for both ways to end, and give the sockets back."""
        for thread in self._threads:
            thread.join(_JOIN_S)
        self._client.close()
        self._server.close()

    def cut(self, *, server_learns: bool) -> None:
        """Break it; the server's side stays open where it is not to learn of it."""
        with self._lock:
            self._abandoned = True
        _shut(self._client)
        if server_learns:
            _shut(self._server)

    def _up(self) -> None:
        """Client to server."""
        seen = b""
        while data := _received(self._client):
            seen += data
            trap = self._proxy.spring(seen)
            if trap is not None and trap.stalls:
                self._proxy.stall()
                trap.happened.set()
            elif trap is not None:
                self._trap = trap
            self._proxy.wait_for_flow()
            seen = seen[max(0, len(seen) - self._proxy.pattern_bytes_max()) :]
            if not _sent(self._server, data):
                break
        if not self._abandoned:
            _shut(self._server)

    def _down(self) -> None:
        """Server to client; after a cut the server's words go nowhere."""
        while data := _received(self._server):
            self._proxy.wait_for_flow()
            if self._trap is not None:
                self._trap.happened.set()
                self.cut(server_learns=True)
                return
            if not self._abandoned and not _sent(self._client, data):
                break
        _shut(self._client)


def postgres_proxy(url: str) -> tuple[Proxy, str]:
    """A proxy before a server that listens on a unix socket, and the URL that leads through it."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    path = Path(query.pop("host")) / f".s.PGSQL.{query.pop('port', '5432')}"
    proxy = Proxy(path)
    proxy.start()
    host, port = proxy.address
    query |= {"host": host, "port": str(port), "sslmode": "disable", "gssencmode": "disable"}
    return proxy, urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


def _connected(address: Address) -> socket.socket:
    if isinstance(address, tuple):
        return socket.create_connection(address)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        raise
    return connection


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(_CHUNK_BYTES)
    except OSError:
        return b""


def _sent(connection: socket.socket, data: bytes) -> bool:
    try:
        connection.sendall(data)
    except OSError:
        return False
    return True


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
