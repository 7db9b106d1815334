"""Writes channels and their credentials: at most two statements a table and batch."""

from typing import Any, Final

import msgspec
from psycopg import Cursor

from ledger.domain.events import ChannelCredentialIssued, ChannelDefined
from ledger.recorded import Recorded
from projections.batch import Batch
from projections.channels.projection import Moved, fold
from projections.statements import LIVE, statements
from projections.wire import int8s, texts

_json: Final = msgspec.json.Encoder().encode


class ChannelsView:
    """Keeps `channels` and `channel_credentials` at the runner's position."""

    name = "channels"
    tables = ("channels", "channel_credentials")
    late_tables: tuple[str, ...] = ()

    def __init__(self, schema: str = LIVE) -> None:
        """Write to the tables of one schema."""
        self._sql = statements(__package__ or "", schema)

    @property
    def remembered(self) -> int:
        """Nothing between batches."""
        return 0

    def forget(self) -> None:
        """Nothing is remembered between batches."""

    def finish(self, cursor: Cursor[Any]) -> None:
        """Nothing is held back."""

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write what a batch makes of channels: the rows of new ones first."""
        changes = fold(batch)
        if changes.defined:
            cursor.execute(self._sql["define"], _defined(list(changes.defined.values())))
        if changes.moved:
            cursor.execute(self._sql["move"], _moved(changes.moved))
        if changes.issued:
            cursor.execute(self._sql["issue"], _issued(changes.issued))
        if changes.revoked:
            cursor.execute(self._sql["revoke"], _revoked(changes.revoked))


def _defined(rows: list[Recorded]) -> tuple[Any, ...]:
    events = [row.event for row in rows if isinstance(row.event, ChannelDefined)]
    return (
        texts(event.channel for event in events),
        texts(_json(event.locations).decode() for event in events),
        texts(_json(event.kinds).decode() for event in events),
        texts(_json(event.tags).decode() for event in events),
        int8s([int(event.by_location) for event in events]),
        texts(_json(event.rules).decode() for event in events),
        int8s([row.version for row in rows]),
        int8s([event.occurred_at for event in events]),
        int8s([row.position for row in rows]),
    )


def _moved(moved: dict[str, Moved]) -> tuple[Any, ...]:
    rows = list(moved.values())
    return (
        texts(moved),
        int8s([row.measured_s for row in rows]),
        int8s([row.version for row in rows]),
        int8s([row.position for row in rows]),
    )


def _issued(issued: dict[tuple[str, str], Recorded]) -> tuple[Any, ...]:
    rows = list(issued.values())
    events = [row.event for row in rows if isinstance(row.event, ChannelCredentialIssued)]
    return (
        texts(event.channel for event in events),
        texts(event.credential_id for event in events),
        texts(event.public_key for event in events),
        int8s([event.occurred_at for event in events]),
        int8s([event.expires_at for event in events]),
        int8s([row.position for row in rows]),
    )


def _revoked(revoked: dict[tuple[str, str], Recorded]) -> tuple[Any, ...]:
    rows = list(revoked.values())
    return (
        texts(channel for channel, _ in revoked),
        texts(credential_id for _, credential_id in revoked),
        int8s([row.event.occurred_at for row in rows]),
        int8s([row.position for row in rows]),
    )
