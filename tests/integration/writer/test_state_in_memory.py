"""What the writer remembers is exactly the ledger: whatever it forgot, saved or read again."""

from typing import Any

import pytest

from ledger.domain.commands import AnyCommand
from ledger.domain.decisions import instants_of
from ledger.domain.refusals import InsufficientStock, Refusal
from ledger.submission import Accepted
from ledger.working_set import SNAPSHOT_TOPIC
from tests.support import histories as h
from tests.support.builders import (
    fulfil,
    named,
    receive,
    reserve,
    resolve,
    sell,
    void,
)
from tests.support.manual_clock import ManualClock
from tests.support.offices import Office, Offices, until


class Twin:
    """A history decided in memory, and a writer that is asked the same at the same instants."""

    def __init__(self, seed: int) -> None:
        self.clock = ManualClock()
        self.history = h.Histories(seed)
        self.expected: list[tuple[str, int, bytes]] = []

    def next(self) -> tuple[str, AnyCommand, bool]:
        """A command, its key, and whether it is accepted; turns the clock to its instant."""
        command = self.history._command()
        item = self.history.attempt(command)
        now = self.history.now
        self.clock.instant = now if item is None else now - instants_of(command)
        for recorded in item.events if item else ():
            self.expected.append((recorded.stream, recorded.version, h.state(recorded)))
        return f"c-{self.history._number}", command, item is not None


def _as_strict_as(office: Office, twin: Twin) -> None:
    """Histories have commands for a service with a strict catalog, and for one without."""
    asked, drawn = office.writer._decider.world.catalog, twin.history.world.catalog
    asked.strict = drawn.strict
    asked.consulted = drawn.consulted


def _stored(offices: Offices) -> list[tuple[Any, ...]]:
    return [
        (stream, version, bytes(state))
        for stream, version, state in offices.database.execute(
            "select stream, version, state from ledger.events order by position"
        )
    ]


@pytest.mark.parametrize(
    ("seed", "settings"),
    [
        (1, {}),
        (2, {"cache_bytes_max": 1}),
        (3, {"cache_bytes_max": 6_000, "snapshot_every_events": 3}),
        (4, {"cache_bytes_max": 1, "snapshot_every_events": 2}),
    ],
)
def test_a_writer_records_what_the_domain_decides_in_memory(
    offices: Offices, seed: int, settings: dict[str, Any]
) -> None:
    """Byte for byte, with room for everything or for nothing, and across two restarts."""
    twin = Twin(seed)
    for term in range(3):
        office = offices.open(holder=f"term-{term}", clock=twin.clock, **settings)
        for _ in range(70):
            key, command, accepted = twin.next()
            _as_strict_as(office, twin)
            reply = office.ask(command, key=key)
            assert isinstance(reply, Accepted if accepted else Refusal), (command, reply)
        offices.close(office)

    assert twin.expected == _stored(offices)


def test_what_is_not_in_use_leaves_the_cache(offices: Offices) -> None:
    """A limit in bytes: a thousand stocks later it is no bigger."""
    office = offices.open(cache_bytes_max=30_000)
    for start in range(0, 200, 20):
        tickets = [office.send(receive(1, sku=f"SKU-{n}")) for n in range(start, start + 20)]
        for ticket in tickets:
            office.desk.reply(ticket)
    office.accepted(receive(1))
    office.accepted(receive(1))

    assert office.writer.cached_bytes <= 40_000
    assert isinstance(office.ask(reserve("order-1", 3)), InsufficientStock)


def _snapshots(offices: Offices) -> list[tuple[Any, ...]]:
    return offices.database.execute("select version, topic from ledger.snapshots order by version")


def _with_snapshot(offices: Offices) -> Office:
    """A writer whose stock has been saved at version five or later, as it is: ten sellable."""
    office = offices.open(snapshot_every_events=5)
    office.accepted(receive(12))
    while not _snapshots(offices):
        office.accepted(sell(1, reference="down"))
        office.accepted(receive(1, reference="up"))
    office.accepted(sell(2))
    return office


def test_long_streams_are_saved_and_only_their_last_state_is_kept(offices: Offices) -> None:
    """After every so many events, under the hash of the state's shape."""
    office = _with_snapshot(offices)
    (first, _), *_ = _snapshots(offices)
    for _ in range(12):
        office.accepted(receive(1))
    until(lambda: [row for row in _snapshots(offices) if row[0] > first])
    until(lambda: len(_snapshots(offices)) == 1)

    assert {SNAPSHOT_TOPIC} == {topic for _, topic in _snapshots(offices)}


def test_a_stock_is_read_from_its_snapshot(offices: Offices) -> None:
    """Told of ninety more by a forged snapshot, a new writer believes it: so it was read."""
    offices.close(_with_snapshot(offices))
    offices.database.execute(
        "update ledger.snapshots set state = convert_to(jsonb_set("
        "convert_from(state, 'UTF8')::jsonb, '{levels,sellable}', '100')::text, 'UTF8')"
    )

    reply = offices.open(holder="second").ask(reserve("order-1", 90))
    assert isinstance(reply, Accepted)


def test_a_snapshot_of_another_shape_is_not_read(offices: Offices) -> None:
    """A state of another version of the software means nothing here: the events are read."""
    offices.close(_with_snapshot(offices))
    offices.database.execute("update ledger.snapshots set topic = 'stock:other', state = 'x'")
    office = offices.open(holder="second")

    assert isinstance(office.ask(reserve("order-1", 11)), InsufficientStock)
    assert isinstance(office.ask(reserve("order-2", 10)), Accepted)


def test_a_sale_can_be_voided_by_a_writer_that_never_saw_it(offices: Offices) -> None:
    """Found by its receipt, alone or in a batch, however many events it came to."""
    office = offices.open()
    office.accepted(receive(14))
    for number in range(8):
        office.accepted(reserve(f"order-{number}", 1))
    office.accepted(reserve("last", 6))
    office.accepted(sell(6))  # The last promise is broken; fulfilled, it breaks six others.
    sale = named("sale-1", sell(9, reservation_id="last"))
    office.accepted(sale, key="batch-1")
    offices.close(office)
    second = offices.open(holder="second")
    reply = second.ask(void("sale-1", 10))

    assert isinstance(reply, Refusal)
    assert 9 == reply.facts()["left"]
    assert isinstance(second.ask(void("sale-1", 9)), Accepted)


def test_a_fulfilment_cannot_be_voided_by_its_key(offices: Offices) -> None:
    """Neither while it is in memory nor after: only movements have movement ids."""
    office = offices.open()
    office.accepted(receive(4))
    office.accepted(reserve("order-1", 4))
    office.accepted(fulfil("order-1"), key="ship-1")
    in_memory = office.ask(void("ship-1", 1))
    offices.close(office)
    later = offices.open(holder="second").ask(void("ship-1", 1))

    assert ["not-found"] * 2 == [r.code for r in (in_memory, later) if isinstance(r, Refusal)]


def test_a_conflict_that_grew_unread_is_resolved_at_its_real_version(offices: Offices) -> None:
    """Opened, forgotten, raised without being read, then resolved in the next batch."""
    office = offices.open(cache_bytes_max=1)
    office.accepted(sell(1))
    name = offices.database.execute(
        "select substr(stream, 10) from ledger.events where topic = 'conflict.opened.v1'"
    )[0][0]
    with offices.busy(office):
        tickets = [
            office.send(sell(1)),
            office.send(sell(1)),
            office.send(resolve(name)),
            office.send(sell(1)),
        ]
    replies = [office.desk.reply(ticket) for ticket in tickets]
    versions = offices.database.execute(
        "select version from ledger.events where stream = %s order by position", f"conflict/{name}"
    )

    assert all(isinstance(reply, Accepted) for reply in replies)
    assert [(1,), (2,), (3,), (4,), (5,)] == versions
