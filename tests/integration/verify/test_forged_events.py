"""Rows of the event table changed by a superuser with every guard off: each is found and named."""

from tests.support.audited import Audited, project
from tests.support.histories import fill
from tests.support.servers import Database


def test_an_altered_quantity_is_found(audited: Audited) -> None:
    """The projections still say what was there before, and the level fits no open conflict."""
    position = audited.position_of("stock.received.v1", 10)
    command = audited.together_with(position)

    audited.forge(
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), '\"quantity\":',"
        " '\"quantity\":9')::bytea where position = %s",
        position,
    )

    breaches = audited.breaches()
    assert position in {breach.position for breach in breaches}
    assert breaches[0].position in command


def test_an_altered_actor_is_found(audited: Audited) -> None:
    """The receipt was written for somebody else."""
    position = audited.position_of("stock.sold.v1", 5)

    audited.forge(
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), 'till-7',"
        " 'till-8')::bytea where position = %s",
        position,
    )

    first = audited.breaches()[0]
    assert (13, position) == (first.law, first.position)


def test_a_removed_actor_is_found(audited: Audited) -> None:
    """Every event names who reported it."""
    position = audited.position_of("stock.sold.v1", 5)

    audited.forge(
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), 'till-7',"
        " '')::bytea where position = %s",
        position,
    )

    assert (18, position) in {(b.law, b.position) for b in audited.breaches()}


def test_a_deleted_event_is_found(audited: Audited) -> None:
    """The first thing said is which position is missing."""
    position = audited.position_of("stock.received.v1", 12)

    audited.forge("delete from ledger.events where position = %s", position)

    first = audited.breaches()[0]
    assert (10, position) == (first.law, first.position)


def test_an_event_deleted_before_it_was_projected_is_found(database: Database) -> None:
    """A projector that has stopped does not keep the audit from saying why."""
    ledger = Audited(database, fill(database.owner_url, 5, 50))
    ledger.forge("delete from ledger.events where position = 20")
    project(database.service_url)

    breaches = ledger.breaches()
    assert (10, 20) == (breaches[0].law, breaches[0].position)
    stopped = [breach for breach in breaches if breach.law == 12]
    assert {20} == {breach.position for breach in stopped if "'proof'" not in breach.what}
    assert 1 == next(b.position for b in stopped if "'proof'" in b.what)  # Of a batch, all or none.


def test_the_last_event_deleted_is_found(audited: Audited) -> None:
    """No neighbour misses it, but the head remembers."""
    audited.forge("delete from ledger.events where position = %s", audited.head)

    assert (17, audited.head) in {(b.law, b.position) for b in audited.breaches()}


def test_two_swapped_events_are_found(audited: Audited) -> None:
    """Both stand where they were not decided."""
    first, second = (audited.position_of("stock.received.v1", place) for place in (8, 20))

    audited.forge(
        "update ledger.events set position = position + 1000000 where position in (%s, %s)",
        first,
        second,
    )
    audited.forge(
        "update ledger.events set position = case position when %s then %s else %s end"
        " where position > 1000000",
        first + 1_000_000,
        second,
        first,
    )

    positions = [breach.position for breach in audited.breaches()]
    assert first in positions
    assert second in positions


def test_two_swapped_bodies_are_found(audited: Audited) -> None:
    """A body that stands in another event's row belongs to another stream or instant."""
    first, second = (audited.position_of("stock.received.v1", place) for place in (8, 20))

    audited.forge(
        "update ledger.events e set state = o.state from ledger.events o"
        " where (e.position, o.position) in ((%s, %s), (%s, %s))",
        first,
        second,
        second,
        first,
    )

    positions = [breach.position for breach in audited.breaches()]
    assert first == positions[0]
    assert second in positions


def test_an_event_inserted_beyond_the_head_is_found(audited: Audited) -> None:
    """The log ends where its head says."""
    beyond = audited.head + 5

    audited.forge(
        "insert into ledger.events select shard, stream, version + 1000, %s, recorded_at, topic,"
        " state from ledger.events where position = %s",
        beyond,
        audited.head,
    )

    assert [(17, beyond)] == [(b.law, b.position) for b in audited.breaches()]


def test_an_event_inserted_between_others_is_found(audited: Audited) -> None:
    """Making room for it moves every event behind it."""
    position = audited.position_of("stock.received.v1", 12)

    audited.forge(
        "update ledger.events set position = position + 1000000 where position > %s", position
    )
    audited.forge("update ledger.events set position = position - 999999 where position > 1000000")
    audited.forge(
        "insert into ledger.events select shard, stream, version + 1000, position + 1, recorded_at,"
        " topic, state from ledger.events where position = %s",
        position,
    )

    assert position + 1 == audited.breaches()[0].position


def test_a_renumbered_event_is_found(audited: Audited) -> None:
    """Its old place is empty and its new one is nobody's."""
    position = audited.position_of("stock.received.v1", 12)

    audited.forge(
        "update ledger.events set position = %s where position = %s", audited.head + 1, position
    )

    assert {position, audited.head + 1} <= {b.position for b in audited.breaches()}


def test_a_late_count_that_found_something_else_is_found(audited: Audited) -> None:
    """What was known for its moment is in the shelf's own past, which is added up for it."""
    late = (
        "select position from ledger.events, lateral (select convert_from(state, 'UTF8')::jsonb"
        " -> 'event' as e) b where topic = 'stock.counted.v1'"
        " and (e ->> 'occurred_at')::bigint < (e ->> 'effective_at')::bigint"
        " order by position limit 1"
    )
    position = audited.database.execute(late)[0][0]

    audited.forge(
        "update ledger.events set state = convert_to((b || jsonb_build_object('event', b -> 'event'"
        " || jsonb_build_object('delta', (b -> 'event' ->> 'delta')::int + 1)))::text, 'UTF8')"
        " from (select position as at, convert_from(state, 'UTF8')::jsonb as b from ledger.events"
        "  where position = %s) forged where position = at",
        position,
    )

    assert (9, position) in {(breach.law, breach.position) for breach in audited.breaches()}


def test_a_body_that_is_no_json_is_found(audited: Audited) -> None:
    """What cannot be read is a breach, not a crash."""
    position = audited.position_of("stock.received.v1", 12)

    audited.forge("update ledger.events set state = %s where position = %s", b"\xff{", position)

    first = audited.breaches()[0]
    assert (17, position) == (first.law, first.position)


def test_a_deleted_receipt_is_found(audited: Audited) -> None:
    """Without it the same command would be carried out again."""
    audited.forge(
        "delete from ledger.receipts where position = (select max(position) from ledger.receipts)"
    )

    assert [13] == [breach.law for breach in audited.breaches()]


def test_a_head_set_back_is_found(audited: Audited) -> None:
    """Events stand beyond it."""
    audited.forge("update ledger.heads set position = position - 1")

    assert 17 in {breach.law for breach in audited.breaches()}


def test_a_body_moved_to_another_place_does_not_end_the_audit(audited: Audited) -> None:
    """Where nothing but that one body speaks of a place, there is no stream to look into."""
    position = audited.position_of("stock.received.v1", 10)

    audited.forge(
        "update ledger.events set state = regexp_replace(convert_from(state, 'UTF8'),"
        ' \'"location":"[^"]*"\', \'"location":"moon-1"\')::bytea where position = %s',
        position,
    )

    assert (17, position) in {(breach.law, breach.position) for breach in audited.breaches()}
