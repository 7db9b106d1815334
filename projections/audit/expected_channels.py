"""The rows of channels and their credentials, as the auditor's books have them."""

from collections.abc import Iterator
from typing import Final

import msgspec

from projections.audit.checker import Checker
from projections.audit.table import Found, Key, Table
from projections.audit.wire_channels import Rules


def _channel(checker: Checker, key: Key) -> Found | None:
    book = checker.channels.get(key[0])
    if book is None:
        return None
    now = book.defined
    values = (
        list(now.locations),
        list(now.kinds),
        list(now.tags),
        now.by_location,
        msgspec.json.encode(now.rules or Rules()).decode(),
        book.measured_s,
        book.version,
        now.occurred_at,
        book.last,
    )
    return Found(values, book.last)


def _channels(checker: Checker) -> Iterator[tuple[Key, int]]:
    for channel, book in checker.channels.items():
        yield (channel,), book.last


def _credential(checker: Checker, key: Key) -> Found | None:
    book = checker.channels.get(key[0])
    known = None if book is None else book.credentials.get(key[1])
    if known is None:
        return None
    issued = known.issued
    values = (
        issued.public_key,
        issued.occurred_at,
        issued.expires_at,
        known.revoked_at,
        known.last,
    )
    return Found(values, known.last)


def _credentials(checker: Checker) -> Iterator[tuple[Key, int]]:
    for channel, book in checker.channels.items():
        for credential_id, known in book.credentials.items():
            yield (channel, credential_id), known.last


TABLES: Final = (
    Table(
        "channels",
        "channels",
        ("",),
        (
            *("locations", "kinds", "tags", "by_location", "rules", "measured_s"),
            *("version", "defined_at", "position"),
        ),
        _channel,
        _channels,
    ),
    Table(
        "channel_credentials",
        "channels",
        ("", ""),
        ("public_key", "issued_at", "expires_at", "revoked_at", "position"),
        _credential,
        _credentials,
    ),
)
