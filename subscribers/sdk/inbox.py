"""Effects in a database exactly once, though messages come again.

The effect and the memory of the message are one transaction. Killed before its commit, neither
is there, and the message comes again; killed after it, the message comes again and is no longer
fresh. No driver is imported: the connection comes from whoever calls.
"""

import re
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple

from subscribers.messages import CloudEvent, token
from subscribers.sdk.values import Change

_TABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?")
_SQL: Final = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
_TABLE_SQL, _, _ONCE = _SQL.partition("-- once --\n")
TABLE_SQL: Final = _TABLE_SQL.removeprefix("-- table --\n")
"""What the caller's migration creates."""
_IDLE: Final = 0  # libpq's PQTRANS_IDLE.


class _Place(NamedTuple):
    """Where a message stands among those of its key."""

    key: str
    generation: int
    sequence: int


class Inbox:
    """Remembers, in the caller's own database, what a subscriber has done.

    The table is created by the caller's migration, as `inbox.sql` beside this module has it.
    Subscribers that share a table have names of their own.
    """

    def __init__(self, subscriber: str, *, table: str = "inbox") -> None:
        """`table` may name a schema, too."""
        if not _TABLE.fullmatch(table):
            raise ValueError(f"not the name of a table: {table!r}")
        self._subscriber = subscriber
        self._statement = _ONCE.format(table=table)

    def once(self, connection: Any, message: Change | CloudEvent) -> "Once":
        """`with inbox.once(connection, message) as fresh:` in a transaction of its own.

        `fresh` is false where this message, or a newer one of its key, has had its effect: then
        do nothing. The transaction is committed at the end of the block, and rolled back by an
        error. With an asynchronous connection: `async with`.
        """
        place = _place_of(message)
        return Once(connection, self._statement, (self._subscriber, *place))


class Once:
    """One message's transaction."""

    def __init__(self, connection: Any, statement: str, parameters: tuple[object, ...]) -> None:
        """Begins when it is entered."""
        if connection.info.transaction_status != _IDLE:
            raise RuntimeError(
                "the connection is in a transaction: what is done here would be acknowledged"
                " before it is committed; use a connection in autocommit mode, or commit first"
            )
        self._connection = connection
        self._statement = statement
        self._parameters = parameters
        self._transaction: Any = connection.transaction()

    def __enter__(self) -> bool:
        """Whether the message is fresh."""
        self._transaction.__enter__()
        try:
            cursor = self._connection.execute(self._statement, self._parameters)
            return cursor.fetchone() is not None
        except BaseException as error:
            self._transaction.__exit__(type(error), error, error.__traceback__)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commits, or rolls back."""
        self._transaction.__exit__(kind, error, trace)

    async def __aenter__(self) -> bool:
        """Whether the message is fresh."""
        await self._transaction.__aenter__()
        try:
            cursor = await self._connection.execute(self._statement, self._parameters)
            return await cursor.fetchone() is not None
        except BaseException as error:
            await self._transaction.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commits, or rolls back."""
        await self._transaction.__aexit__(kind, error, trace)


def _place_of(message: Change | CloudEvent) -> _Place:
    if isinstance(message, Change):
        state = message.state
        parts = (state.channel, state.sku, state.location)
        key = "/".join(["ats", *(token(part) for part in parts if part is not None)])
        return _Place(key, message.generation, state.told)
    generation, shard, _ = message.id.split(":")
    return _Place(f"events/{shard}", int(generation), message.position)
