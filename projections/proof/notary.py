"""The notary: grows the tree over the rows of the ledger, and signs what it has come to.

It reads behind the writer, in a process of its own that gives way to every other one. Whatever
it has added is signed in the transaction that adds it, so there is a checkpoint wherever the
tree has ever stopped. Two notaries take turns: the row that says how far the tree has grown is
locked while it grows, and whoever finds it elsewhere than he left it reads the tree's edge again.
"""

import logging
import os
import threading
from hashlib import sha256
from time import monotonic, sleep
from typing import Any, Final

import psycopg
from msgspec import Struct
from psycopg import Connection, Cursor

from ledger.settings import Settings
from ledger.store.wire import ByteaArray, Int8Array, register
from projections.proof.notes import BadKey, Signer, checkpoint, origin_of
from projections.proof.tree import Frontier, TileId, edge, leaf_hash
from projections.statements import statements

BACKOFF_FIRST_S: Final = 0.05
BACKOFF_LONGEST_S: Final = 2.0

HALTED_LOOK_S: Final = 5.0
"""How often a notary that cannot attest looks whether it can by now."""

BITE_EVENTS: Final = 500
"""Read and hashed in one go while it keeps up: a few milliseconds, for which others may wait."""

RESTS: Final = 2.0
"""After a bite it rests so many times as long as that took, unless it is far behind."""

FAR_BEHIND_EVENTS: Final = 50_000
"""Some seconds of a busy ledger."""

NICENESS: Final = 10
"""Evidence may be half a second late; an answer may not."""

# A plan made for one range of positions may be far off for the next. Nobody's commit waits behind
# a flush of ours: whatever a crash takes grows again from rows that were safe before, to the same.
_SESSION: Final = (
    "set jit = off; set plan_cache_mode = force_custom_plan; set synchronous_commit = off;"
    " set client_connection_check_interval = '2s'"
)
_SQL: Final = statements(__package__ or "")

logger = logging.getLogger(__name__)


class CannotAttest(Exception):
    """What stands in the ledger or in the tree is not what was attested: people must look."""


class Attested(Struct, frozen=True):
    """The last checkpoint."""

    size: int
    root: bytes


class Notary:
    """Keeps the tree at the head of the ledger. Only its own thread uses it."""

    def __init__(self, settings: Settings) -> None:
        """Take the limits and the key."""
        assert settings.database_url, "the notary needs a database"
        self._url = settings.database_url
        self._key = settings.checkpoint_key
        self._batch_max = settings.notary_batch_events
        self._every_s = settings.checkpoint_every_ms / 1_000
        self._signer: Signer | None = None
        self._frontier = Frontier()
        self._known: tuple[int, int] | None = None  # Position and generation of the frontier.
        self._last: Attested | None = None

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop, through every loss of the database."""
        backoff = BACKOFF_FIRST_S
        while not stop.is_set():
            try:
                with connect(self._url) as connection:
                    backoff = BACKOFF_FIRST_S
                    self._follow(connection, stop)
            except psycopg.OperationalError as error:
                logger.warning("the notary lost its database", extra={"error": str(error)})
                stop.wait(backoff)
                backoff = min(backoff * 2, BACKOFF_LONGEST_S)

    def _follow(self, connection: Connection[Any], stop: threading.Event) -> None:
        """One step after the other while behind; otherwise one now and then, whoever writes.

        Nobody wakes it: a wake-up a commit would cost the writer more than a look costs us.
        """
        self.start()
        while not stop.is_set():
            try:
                grown = self.step(connection)
            except CannotAttest as reason:
                self._known = None
                logger.critical("the notary HALTED: %s", reason)
                connection.execute(_SQL["stopped"].decode(), (str(reason),))
                stop.wait(HALTED_LOOK_S)
                continue
            if grown < self._batch_max:
                stop.wait(self._every_s)

    def start(self) -> None:
        """Trust nothing remembered from another connection."""
        self._known, self._signer = None, None

    def _identified(self, connection: Connection[Any]) -> Signer:
        """Who signs: the ledger's own key, and no other's."""
        origin = origin_of(_id(connection))
        try:
            signer = Signer.read(self._key or "")
        except BadKey as error:
            raise CannotAttest(str(error)) from None
        if signer.name != origin:
            raise CannotAttest(f"the signing key is that of {signer.name}, not of {origin}")
        connection.execute(_SQL["write_key"].decode(), (signer.public_key,))
        logger.info("checkpoints are signed", extra={"key": signer.public_key})
        return signer

    def step(self, connection: Connection[Any]) -> int:
        """Grow the tree by one batch and sign it; by how many leaves it has grown.

        Raises CannotAttest where the ledger is not a continuation of what was attested.
        """
        if self._signer is None:
            self._signer = self._identified(connection)
        cursor = connection.cursor(binary=True)
        position, generation, head = _one(cursor, "places")
        if head == position and self._known == (position, generation):
            return 0
        with connection.transaction():
            cursor.execute(_SQL["lock"])
            position, generation, head = _one(cursor, "places")
            if self._known != (position, generation):
                self._take_up(cursor, position)
            self._known = None  # Until this is committed, the frontier is ahead of its tiles.
            until = self._until(position, head)
            self._grow(cursor, position, until, gently=head - position < FAR_BEHIND_EVENTS)
            self._attest(cursor, self._signer)
            cursor.execute(_SQL["advance"], (until,))
        self._known = (until, generation)
        return int(until - position)

    def _take_up(self, cursor: Cursor[Any], position: int) -> None:
        """Read the edge of the tree, and hold it against what was signed about it."""
        wanted = list(edge(position))
        parameters = {
            "levels": Int8Array([level for level, _ in wanted]),
            "tiles": Int8Array([tile for _, tile in wanted]),
        }
        rows = cursor.execute(_SQL["tiles"], parameters).fetchall()
        try:
            self._frontier = Frontier(position, {(row[0], row[1]): row[2] for row in rows})
        except LookupError as problem:
            raise CannotAttest(f"the tree of {position} cannot be taken up: {problem}") from None
        last = cursor.execute(_SQL["last_checkpoint"]).fetchone()
        self._last = None if last is None else Attested(last[0], last[1])
        if position:
            self._compare()

    def _compare(self) -> None:
        """Where a checkpoint of this size was signed before, it must have had the same root."""
        size, last = self._frontier.size, self._last
        if last is not None and last.size == size and last.root != self._frontier.root():
            raise CannotAttest(f"the tree of {size} is not the one that was attested")

    def _until(self, position: int, head: int) -> int:
        """A batch further; where all was attested before, not past what was."""
        attested = -1 if self._last is None else self._last.size
        if head < max(position, attested):
            raise CannotAttest(
                f"the ledger ends at position {head}; attested are {max(position, attested)}"
            )
        end = min(head, position + self._batch_max)
        return min(end, attested) if position < attested else end

    def _grow(self, cursor: Cursor[Any], position: int, until: int, *, gently: bool) -> None:
        if until == position:
            return
        hashes: list[bytes] = []
        bite = BITE_EVENTS if gently else self._batch_max
        for start in range(position, until, bite):
            began = monotonic()
            hashes += self._hashes(cursor, start, min(start + bite, until))
            if gently:
                sleep((monotonic() - began) * RESTS)
        self._write(cursor, self._frontier.grow(b"".join(hashes)))

    def _hashes(self, cursor: Cursor[Any], position: int, until: int) -> list[bytes]:
        rows = cursor.execute(_SQL["rows"], (position, until)).fetchall()
        places = (rows[0][1], rows[-1][1], len(rows)) if rows else None
        if places != (position + 1, until, until - position):
            raise CannotAttest(f"positions are missing from the ledger after {position}")
        # Not in SQL, at the same cost: the database's processes do not give way, this one does.
        return [row_hash(row) for row in rows]

    def _write(self, cursor: Cursor[Any], tiles: dict[TileId, bytes]) -> None:
        levels = Int8Array([level for level, _ in tiles])
        numbers = Int8Array([tile for _, tile in tiles])
        cursor.execute(_SQL["write_tiles"], (levels, numbers, ByteaArray(list(tiles.values()))))

    def _attest(self, cursor: Cursor[Any], signer: Signer) -> None:
        """Sign; below what was signed before there is nothing to sign, at it to compare."""
        size = self._frontier.size
        if self._last is not None and size <= self._last.size:
            self._compare()
            return
        root = self._frontier.root()
        note = signer.sign(checkpoint(signer.name, size, root))
        cursor.execute(_SQL["write_checkpoint"], (size, root, note))
        self._last = Attested(size, root)


def row_hash(row: tuple[Any, ...]) -> bytes:
    """The hash of a row's leaf: docs/proof.md describes it."""
    shard, position, stream, version, topic, state, at = row
    digest = sha256(state).hexdigest()
    fields = f"{shard}\n{position}\n{stream}\n{version}\n{topic}\n{digest}\n{at}\n"
    return leaf_hash(f"inventory-ledger/row/v1\n{fields}".encode())


def connect(url: str) -> Connection[Any]:
    """A connection for a notary."""
    connection: Connection[Any] = psycopg.connect(
        url, autocommit=True, application_name="inventory-ledger notary"
    )
    connection.execute(_SESSION)
    register(connection)
    return connection


def fell(url: str) -> None:
    """Throw the tree away: it grows again, and has to come to what was attested last."""
    with connect(url) as connection, connection.transaction():
        connection.execute(_SQL["lock"].decode())
        connection.execute(_SQL["fell_tiles"].decode())
        connection.execute(_SQL["start_again"].decode())


def ledger_id(url: str) -> str:
    """The name that a ledger was given when its tables were made."""
    with psycopg.connect(url) as connection:
        return _id(connection)


def _id(connection: Connection[Any]) -> str:
    return str(_one(connection.cursor(), "ledger")[0])


def _one(cursor: Cursor[Any], name: str, parameters: tuple[Any, ...] = ()) -> tuple[Any, ...]:
    row = cursor.execute(_SQL[name], parameters).fetchone()
    assert row is not None, f"{name} always has a row"
    return tuple(row)


def run(settings: Settings, stop: threading.Event) -> None:
    """Run the notary until told to stop."""
    os.nice(NICENESS)
    Notary(settings).run(stop)
