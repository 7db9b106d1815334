"""A client for audits, which leaves the headers of messages as text, mostly.

An audit reads a stream as fast as it can, and compares the block of headers that was published
with what it must be, as text. Taking a dozen lines apart took a third of its time.
"""

from typing import Any, Final

from subscribers.sdk.client import QuickClient

_TEXT: Final = ""  # No header has this name.
_SERVERS: Final = "\nNats-Stream:"  # The first of the lines that a direct get adds at the end.


class _Lines(dict[str, str]):
    """One block; as in a dictionary of all its lines, the last of a name counts."""

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a header: of the server's at once, of the others where it is asked for."""
        found = super().get(name)
        return self._published().get(name, default) if found is None else found

    def __missing__(self, name: str) -> str:
        """The value of a header that was published and is there."""
        return self._published()[name]

    def _published(self) -> dict[str, str]:
        raw = super().get(_TEXT, "").encode()
        return QuickClient._parse_header_lines(raw)  # noqa: SLF001 - it is a static one


class LazyClient(QuickClient):
    """The client of an audit."""

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        return _lines(raw)


def lines_of(headers: dict[str, str]) -> str:
    """The block as it came, as far as it was kept."""
    return headers[_TEXT] if isinstance(headers, _Lines) else ""


def _lines(raw: bytes) -> _Lines:
    text = raw.decode("utf-8", "replace")
    lines = _Lines()
    for line in text[text.rfind(_SERVERS) + 1 :].split("\r\n"):
        name, _, value = line.partition(": ")
        lines[name] = value
    lines[_TEXT] = text  # The empty line at the end has no name, either.
    return lines
