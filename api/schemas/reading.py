"""Bodies and query strings become request Structs, or a refusal that names the path."""

import json
import re
from bisect import bisect_left
from typing import Any, Final, NoReturn, TypeAlias, TypeVar

import msgspec

from ledger.domain.refusals import Malformed

_Request = TypeVar("_Request")

_Step: TypeAlias = str | int | None
"""A field or a key, a place in a list, or a key that is not named."""

_AT: Final = re.compile(r" - at (`key` in )?`(\$[^`]*)`\Z")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]|\[\.\.\.\]")
_SHOWN_CHARACTERS_MAX: Final = 60
_EXPLAINED_BYTES_MAX: Final = 1024 * 1024  # Looking again costs more than decoding did.
_NAMED_BYTES_MAX: Final = 64 * 1024  # To find a key, it is decoded more than once.


def read(decoder: msgspec.json.Decoder[_Request], body: Any, at: str = "$") -> _Request:
    """The decoded body. Raises Malformed with the path below `at` and the offending value."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _refuse(error, bytes(body), at, decoder)


def check_encoding(body: bytes) -> None:
    """Raises Malformed unless the whole body is UTF-8, whatever parts of it are looked at later."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise Malformed("$", f"not UTF-8: {error.reason} at byte {error.start}") from None


def _refuse(error: Exception, body: bytes, at: str, decoder: msgspec.json.Decoder[Any]) -> NoReturn:
    if isinstance(error, RecursionError):
        raise Malformed(at, "nested too deeply") from None
    if isinstance(error, UnicodeDecodeError):
        raise Malformed(at, f"not UTF-8: {error.reason}") from None
    message = str(error)
    if (found := _AT.search(message)) is not None:
        path = found[2] if found[1] is None else f"{found[2]}[...]"
        steps = _named(_steps(path), body, decoder)
        given = _given(body, steps) if found[1] is None else _key(steps)
        raise Malformed(at + _written(steps), message[: found.start()] + given) from None
    if isinstance(error, msgspec.ValidationError):
        raise Malformed(at, message) from None
    path, name = _not_a_number(body)
    if path:
        raise Malformed(at + path[1:], f"{name} is not a JSON number") from None
    raise Malformed(at, f"not JSON: {message}") from None


def _steps(path: str) -> list[_Step]:
    return [name or (int(index) if index else None) for name, index in _STEP.findall(path)]


def _written(steps: list[_Step]) -> str:
    return "".join(
        "[...]" if step is None else f"[{step}]" if isinstance(step, int) else f".{step}"
        for step in steps
    )


def _named(steps: list[_Step], body: bytes, decoder: msgspec.json.Decoder[Any]) -> list[_Step]:
    """The same with the keys that the decoder does not tell, as far as they can be found."""
    if None not in steps or len(body) > _NAMED_BYTES_MAX:
        return steps
    whole = value = json.loads(body)
    refusal = _refusal(decoder, whole)
    named: list[_Step] = []
    for step in steps:
        name = step
        if step is None:
            name = _first_refused(decoder, whole, value, refusal)
            if name is None:
                return steps
        named.append(name)
        value = value[name]
    return named


def _first_refused(
    decoder: msgspec.json.Decoder[Any], whole: Any, value: dict[str, Any], refusal: str | None
) -> str | None:
    """The first key of an object that is refused like the whole: without it, the others are not."""
    entries = list(value.items())

    def refused(count: int) -> bool:
        value.clear()
        value.update(entries[:count])
        return _refusal(decoder, whole) == refusal

    count = bisect_left(range(len(entries) + 1), True, key=refused)
    value.update(entries)
    return entries[count - 1][0] if 0 < count <= len(entries) else None


def _refusal(decoder: msgspec.json.Decoder[Any], body: Any) -> str | None:
    try:
        decoder.decode(json.dumps(body))
    except msgspec.MsgspecError as error:
        return str(error)
    return None


def _key(steps: list[_Step]) -> str:
    """The offending key in words; the path ends where it stands."""
    key = steps.pop()
    return "" if key is None else f", is {json.dumps(key, ensure_ascii=False)}"


def _given(body: bytes, steps: list[_Step]) -> str:
    """The offending value in words, where it is a single one."""
    value = _loaded(body)
    try:
        for step in steps:
            value = value[step]
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
