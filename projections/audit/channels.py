"""How the auditor reads channels: what holds by rules that nobody has broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.domain.laws import Breach
from projections.audit import wire_channels as w

if TYPE_CHECKING:
    from projections.audit.checker import Checker


class CredentialBook:
    """A credential and what became of it."""

    __slots__ = ("issued", "last", "revoked_at")

    def __init__(self, issued: w.CredentialIssued, position: int) -> None:
        """From its beginning."""
        self.issued = issued
        self.last = position
        self.revoked_at: int | None = None


class ChannelBook:
    """A channel as its events have it."""

    __slots__ = ("credentials", "defined", "last", "measured_s", "version")

    def __init__(self, defined: w.ChannelDefined) -> None:
        """From its first definition."""
        self.defined = defined
        self.version = 0
        self.last = 0
        self.measured_s = 0
        self.credentials: dict[str, CredentialBook] = {}


def take(checker: Checker, event: w.AnyChannel, position: int) -> None:
    """Enter one event of a channel into the books."""
    book = checker.channels.get(event.channel)
    if isinstance(event, w.ChannelDefined):
        if book is None:
            book = checker.channels[event.channel] = ChannelBook(event)
        book.defined = event
    elif book is None:
        _wrong(checker, position, event, "was never defined")
        return
    book.version += 1
    book.last = position
    match event:
        case w.StalenessChanged():
            if event.from_s != _band(book.defined, event.measured_s):
                _wrong(checker, position, event, f"has no band that begins at {event.from_s} s")
            book.measured_s = event.measured_s
        case w.CredentialIssued():
            if event.credential_id in book.credentials:
                _wrong(checker, position, event, f"has {event.credential_id!r} already")
            book.credentials[event.credential_id] = CredentialBook(event, position)
        case w.CredentialRevoked():
            _revoke(checker, book, event, position)
        case _:
            pass  # A definition is entered when its book is found.


def _revoke(checker: Checker, book: ChannelBook, event: w.CredentialRevoked, position: int) -> None:
    known = book.credentials.get(event.credential_id)
    if known is None or known.issued.public_key != event.public_key:
        _wrong(checker, position, event, f"never had the credential {event.credential_id!r}")
        return
    if known.revoked_at is not None:
        _wrong(checker, position, event, f"had revoked {event.credential_id!r} before")
    known.revoked_at = event.occurred_at
    known.last = position


def _band(defined: w.ChannelDefined, measured_s: int) -> int:
    """Where the band begins that a measured staleness is in; 0 where it is in none."""
    bands = () if defined.rules is None else defined.rules.staleness
    return max((band.from_s for band in bands if band.from_s <= measured_s), default=0)


def _wrong(checker: Checker, position: int, event: w.AnyChannel, what: str) -> None:
    checker.found([Breach(16, position, f"channel {event.channel!r} {what}")])
