"""Bodies and query strings become request Structs, or a refusal that names the path."""

import json
import re
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from ledger.domain.refusals import Malformed

_Request = TypeVar("_Request")

_AT: Final = re.compile(r" - at `(\$[^`]*)`\Z")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]")
_SHOWN_CHARACTERS_MAX: Final = 60
_EXPLAINED_BYTES_MAX: Final = 1024 * 1024  # Looking again costs more than decoding did.


def read(decoder: msgspec.json.Decoder[_Request], body: Any, at: str = "$") -> _Request:
    """The decoded body. Raises Malformed with the path below `at` and the offending value."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _refuse(error, bytes(body), at)


def check_encoding(body: bytes) -> None:
    """Raises Malformed unless the whole body is UTF-8, whatever parts of it are looked at later."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise Malformed("$", f"not UTF-8: {error.reason} at byte {error.start}") from None


def _refuse(error: Exception, body: bytes, at: str) -> NoReturn:
    if isinstance(error, RecursionError):
        raise Malformed(at, "nested too deeply") from None
    if isinstance(error, UnicodeDecodeError):
        raise Malformed(at, f"not UTF-8: {error.reason}") from None
    message = str(error)
    if (found := _AT.search(message)) is not None:
        path, problem = found[1], message[: found.start()]
        raise Malformed(at + path[1:], problem + _given(body, path)) from None
    if isinstance(error, msgspec.ValidationError):
        raise Malformed(at, message) from None
    path, name = _not_a_number(body)
    if path:
        raise Malformed(at + path[1:], f"{name} is not a JSON number") from None
    raise Malformed(at, f"not JSON: {message}") from None


def _given(body: bytes, path: str) -> str:
    """The offending value in words, where it is a single one."""
    value = _loaded(body)
    try:
        for name, index in _STEP.findall(path):
            value = value[name] if name else value[int(index)]
    except (LookupError, TypeError):
        return ""
    if value is None or isinstance(value, dict | list):
        return ""
    shown = value if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)
    return f", is {shown[:_SHOWN_CHARACTERS_MAX]}"


def _loaded(body: bytes) -> Any:
    if len(body) > _EXPLAINED_BYTES_MAX:
        return None
    try:
        return json.loads(body, parse_constant=_NotANumber, parse_int=_Number, parse_float=_Number)
    except (ValueError, RecursionError):
        return None


class _Number(str):
    """A number as it was written, however large."""

    __slots__ = ()


class _NotANumber(str):
    """NaN or an infinity, which Python's JSON knows and JSON does not."""

    __slots__ = ()


def _not_a_number(body: bytes) -> tuple[str, str]:
    """Path and name of the first NaN or infinity, or two empty strings."""
    waiting: list[tuple[str, Any]] = [("$", _loaded(body))]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _NotANumber):
            return path, str(value)
        if isinstance(value, dict):
            waiting += [(f"{path}.{name}", inner) for name, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", inner) for index, inner in enumerate(value)]
    return "", ""
