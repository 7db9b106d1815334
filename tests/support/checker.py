"""What a driver was told, what the ledger holds, what the stream says: compared, key by key.

Works from the outside: a journal of what was sent and answered on one side, event rows and
receipts on the other. It shares no code with the writer but the names under which both know a
command.

| finding | means |
|---|---|
| lost | acknowledged, but the ledger does not hold it |
| duplicated | one key, more than one effect |
| phantom | events that nobody asked for, or of a command answered with a plain no |
| changed | repeats of an accepted command were not answered alike |
| order | positions, versions, instants or recorded times are not what a log's must be |
| stream | the stream is not the ledger |
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import psycopg

from ledger.domain.events import (
    StockCounted,
    StockReceived,
    StockReturned,
    StockScrapped,
    StockSold,
)
from ledger.domain.values import StreamKind, stream_id
from ledger.recorded import Recorded
from ledger.store.mapper import Mapper
from ledger.writer.deciding import digest
from subscribers.audit import differences
from tests.support.driver import UNKNOWN, Answered, Entry, Sent
from tests.support.mixture import IDS

Kind: TypeAlias = Literal["lost", "duplicated", "phantom", "changed", "order", "stream"]

HOUSE: Final = frozenset({"sweeper"})
"""Actors whose commands no driver sends."""

_KINDS: Final[dict[type, str]] = {
    StockReceived: "receive",
    StockSold: "sale",
    StockReturned: "return",
    StockScrapped: "scrap",
    StockCounted: "count",
}
"""Which type of movement an event records."""

_RECORDED: Final = frozenset(_KINDS.values())

_STREAMS: Final[dict[str, StreamKind]] = {
    "reservations": "reservation",
    "transfers": "transfer",
    "returns": "return",
    "counts": "count",
}
"""The stream of each kind of document."""

_ROWS: Final = (
    "select position, stream, version, topic, state,"
    " (extract(epoch from recorded_at) * 1000000)::bigint"
    " from ledger.events where shard = 0 order by position"
)


class Finding(NamedTuple):
    """One thing that must not be: its kind, the command or position, and what was seen."""

    kind: Kind
    where: str
    what: str


class Books(NamedTuple):
    """What the ledger holds: its events in order, and the digests of its receipts."""

    rows: list[Recorded]
    receipts: set[bytes]


class Command:
    """Everything known about one command of a driver."""

    def __init__(self, key: str) -> None:
        """Nothing is known yet."""
        self.key = key
        self.path = ""
        self.body: dict[str, Any] = {}
        self.sent = 0
        self.accepted: list[Answered] = []
        self.refused: list[Answered] = []
        self.contradicted: list[Answered] = []
        self._later: set[int] = set()  # Attempts sent after the first acknowledgement.

    def take(self, entry: Entry) -> None:
        """Note one more line of the journal."""
        match entry:
            case Sent():
                self.path, self.body = entry.path, entry.body
                self.sent += 1
                if self.accepted:
                    self._later.add(entry.attempt)
            case Answered(status=status) if status < 300:
                self.accepted.append(entry)
            case Answered(status=status) if status not in UNKNOWN:
                self.refused.append(entry)
                if entry.attempt in self._later:
                    self.contradicted.append(entry)
            case _:
                pass

    @property
    def is_refused_for_good(self) -> bool:
        """Whether every attempt had an answer, and each was a no."""
        return 0 < self.sent == len(self.refused)

    @property
    def movements(self) -> list[dict[str, Any]]:
        """The facts it reports, if it is about facts."""
        found: list[dict[str, Any]] = self.body.get("movements", [])
        return found


def books_of(url: str) -> Books:
    """Read a ledger."""
    mapper = Mapper()
    with psycopg.connect(url) as connection:
        rows = [mapper.recorded(*row) for row in connection.execute(_ROWS)]
        receipts = {row[0] for row in connection.execute("select command from ledger.receipts")}
    return Books(rows, receipts)


def check(entries: Iterable[Entry], books: Books, *, actor: str = "admin") -> list[Finding]:
    """Everything that is wrong between a journal and a ledger; nothing if all is well."""
    commands: dict[str, Command] = {}
    for entry in entries:
        commands.setdefault(entry.key, Command(entry.key)).take(entry)
    by_command: dict[str, list[Recorded]] = defaultdict(list)
    for row in books.rows:
        if row.meta.actor == actor:
            by_command[row.meta.command_id].append(row)
    found = [*_order(books.rows), *_strangers(books.rows, commands, actor)]
    streams = {row.stream for row in books.rows}
    for command in commands.values():
        rows = by_command[command.key]
        found += _lost(command, rows, books, actor)
        found += _duplicated(command, rows)
        found += _changed(command)
        found += _unkept(command, streams)
    return found


def check_stream(nats_url: str, database_url: str, **login: Any) -> list[Finding]:
    """Where the stream is not the ledger."""

    async def walk() -> list[Finding]:
        compared = differences(nats_url, database_url, **login)
        return [Finding("stream", str(d.position), d.what) async for d in compared]

    return asyncio.run(walk())


# --- the rules ----------------------------------------------------------------------------------


def _lost(
    command: Command, rows: Sequence[Recorded], books: Books, actor: str
) -> Iterable[Finding]:
    if not command.accepted:
        return
    if digest(actor, command.key) not in books.receipts:
        yield Finding("lost", command.key, "acknowledged, and there is no receipt")
    here = {row.position for row in rows}
    for position in _promised(command, command.accepted[0].body, rows):
        if position not in here:
            yield Finding("lost", command.key, f"position {position} is not this command's")


def _promised(command: Command, body: dict[str, Any], rows: Sequence[Recorded]) -> list[int]:
    """The positions at which an answer says that the command's events stand."""
    if not rows and all(movement["type"] == "correct" for movement in command.movements):
        return []  # It was so already: nothing had to be recorded.
    if command.movements:
        return [result["position"] for result in body["results"]]
    # What changed nothing is answered with the head's position, which is another command's.
    return [body["position"]] if rows else []


def _unkept(command: Command, streams: set[str]) -> Iterable[Finding]:
    """A document may have been begun by an earlier command, but somebody must have begun it."""
    for kind, field in IDS.items():
        if command.accepted and command.path == f"/v1/{kind}":
            stream = stream_id(_STREAMS[kind], command.body[field])
            if stream not in streams:
                yield Finding("lost", command.key, f"answered for, and there is no {stream}")


def _duplicated(command: Command, rows: Sequence[Recorded]) -> Iterable[Finding]:
    if not rows:
        return
    first, last = rows[0].position, rows[-1].position
    if last - first != len(rows) - 1:
        yield Finding("duplicated", command.key, f"its events stand apart, {first} to {last}")
    instants = {row.meta.instant for row in rows}
    if len(instants) > max(1, len(command.movements)):
        yield Finding("duplicated", command.key, f"decided {len(instants)} times")
    moved: Counter[tuple[str, str, str]] = Counter()
    for movement in command.movements:
        if movement["type"] in _RECORDED:
            units = movement["counted" if movement["type"] == "count" else "quantity"]
            moved[movement["type"], movement["location"], movement["sku"]] += units
    restated = any(movement["type"] not in _RECORDED for movement in command.movements)
    for row in rows if command.movements and not restated else ():
        kind = _KINDS.get(type(row.event))
        if kind is not None:
            event: Any = row.event
            units = event.counted if kind == "count" else event.quantity
            moved[kind, event.location, event.sku] -= units
    if any(moved.values()) and not restated:
        yield Finding("duplicated", command.key, f"asked and recorded differ by {dict(moved)}")


def _changed(command: Command) -> Iterable[Finding]:
    for answer in command.contradicted:
        yield Finding("changed", command.key, f"accepted, then answered {answer.status}")
    first = command.accepted[0] if command.accepted else None
    for answer in command.accepted:
        if first is not None and (answer.status, answer.body) != (first.status, first.body):
            yield Finding("changed", command.key, f"{answer.body} after {first.body}")
    if sum(not answer.replayed for answer in command.accepted) > 1:
        yield Finding("changed", command.key, "accepted for the first time, twice")


def _strangers(
    rows: Iterable[Recorded], commands: dict[str, Command], actor: str
) -> Iterable[Finding]:
    seen: set[tuple[str, str]] = set()
    for row in rows:
        name = row.meta.actor, row.meta.command_id
        if name in seen or row.meta.actor in HOUSE:
            continue
        seen.add(name)
        command = commands.get(row.meta.command_id) if row.meta.actor == actor else None
        if command is None:
            what = f"position {row.position}: nobody sent this"
            yield Finding("phantom", row.meta.command_id, what)
        elif command.is_refused_for_good:
            what = f"position {row.position}: the caller was told that nothing was kept"
            yield Finding("phantom", row.meta.command_id, what)


def _order(rows: Sequence[Recorded]) -> Iterable[Finding]:
    versions: dict[str, int] = {}
    before: Recorded | None = None
    for place, row in enumerate(rows, start=1):
        if row.position != place:
            yield Finding("order", str(row.position), f"stands where {place} should")
            return
        version = versions.get(row.stream, 0) + 1
        if row.version != version:
            yield Finding("order", str(place), f"version {row.version} of {row.stream}, {version}")
        versions[row.stream] = row.version
        if before is not None:
            yield from _after(before, row)
        before = row


def _after(before: Recorded, row: Recorded) -> Iterable[Finding]:
    if row.recorded_at < before.recorded_at:
        yield Finding("order", str(row.position), "recorded before its predecessor")
    same = _item(before) == _item(row)
    step = row.meta.instant - before.meta.instant
    if step < 0 or (step == 0) != same:
        yield Finding("order", str(row.position), f"the instant moves by {step}")


def _item(row: Recorded) -> tuple[str, str, str | None]:
    return row.meta.actor, row.meta.command_id, row.meta.movement_id
