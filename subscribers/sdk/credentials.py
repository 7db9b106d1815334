"""Credentials as subscribers are given them: looked at before anybody connects with them.

The client reads them while it connects, and what is wrong with them is one failure among others
to it, after which it tries again.
"""

import base64
import binascii
from pathlib import Path
from typing import Any, Final

from nats.aio.client import RawCredentials

from subscribers.sdk.values import NotAdmitted

_TEXT_BEGINS: Final = "-----BEGIN"
_TOKEN_AFTER: Final = b"BEGIN NATS USER JWT"
_SEED_AFTER: Final = b"BEGIN USER NKEY SEED"
_TOKEN_PARTS: Final = 3
_USER_SEED: Final = b"SU"
_SEED_PADDING: Final = b"=" * 6
_SUM_BYTES: Final = 2


def login_with(credentials: str | Path | None) -> dict[str, Any]:
    """What the client is told, given a credentials file or its text; nothing without either.

    Raises NotAdmitted where nobody could log in with them. A file is read again by the client
    each time it connects, so that it can be replaced.
    """
    if credentials is None:
        return {}
    text = str(credentials)
    if text.lstrip().startswith(_TEXT_BEGINS):
        _check(text.encode(), "the text given as credentials")
        return {"user_credentials": RawCredentials(text)}
    if "\n" in text:  # It may be a secret with something wrong before it.
        raise NotAdmitted("what was given as credentials is neither a file nor the text of one")
    _check(_content(text), f"the credentials file {text}")
    return {"user_credentials": text}


def _content(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise NotAdmitted(f"the credentials file {path} cannot be read: {why}") from error


def _check(content: bytes, what: str) -> None:
    lines = content.split(b"\n")
    token, seed = _line_after(_TOKEN_AFTER, lines), _line_after(_SEED_AFTER, lines)
    if not token or not seed:
        raise NotAdmitted(f"{what} holds no credentials")
    parts = token.split(b".")
    if len(parts) != _TOKEN_PARTS or not all(parts) or not _is_seed(seed):
        raise NotAdmitted(f"{what} holds damaged credentials")


def _line_after(mark: bytes, lines: list[bytes]) -> bytes | None:
    """As the client looks for it: the line after the first one that has the mark."""
    places = [place for place, line in enumerate(lines) if mark in line]
    return lines[places[0] + 1] if places and places[0] + 1 < len(lines) else None


def _is_seed(line: bytes) -> bool:
    """Whether it is a user's seed, its check sum included."""
    try:
        key = base64.b32decode(line + _SEED_PADDING)
    except binascii.Error:
        return False
    content, check_sum = key[:-_SUM_BYTES], int.from_bytes(key[-_SUM_BYTES:], "little")
    return line.startswith(_USER_SEED) and binascii.crc_hqx(content, 0) == check_sum
