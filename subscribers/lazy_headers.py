"""Headers that are text until somebody asks for one of them by name.

An audit compares whole header blocks with what they must be; taking each of a dozen lines apart
took half of its time.
"""

from typing import Any, Final, cast

from subscribers.sdk.client import QuickClient

_TEXT: Final = ""  # No header has this name.


class _Lines(dict[str, str]):
    """One block; as in a dictionary of its lines, the last of a name counts."""

    def get(self, name: str, default: Any = None) -> Any:
        """The value of one header."""
        text = self[_TEXT]
        start = text.rfind(f"\n{name}:")
        if start < 0 and not text.startswith(f"{name}:"):
            return super().get(name, default)  # What a status line brought.
        value = text[start + 1 + len(name) + 1 :]
        return value[: value.find("\r\n")].strip()

    def __getitem__(self, name: str) -> str:
        """The value of a header that is there."""
        if name == _TEXT:
            return super().__getitem__(name)
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return cast("str", value)

    def __contains__(self, name: object) -> bool:
        """Whether there is such a header."""
        return isinstance(name, str) and self.get(name) is not None


class LazyClient(QuickClient):
    """The client of an audit."""

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        return _Lines({_TEXT: raw.decode("utf-8", "replace")})


def lines_of(headers: dict[str, str]) -> str:
    """The block as it came, as far as it was kept."""
    return headers.get(_TEXT, "") if isinstance(headers, _Lines) else ""
