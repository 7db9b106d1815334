"""Effects exactly once, on a real database."""

import asyncio
import threading
from collections.abc import Iterator

import psycopg
import pytest

from subscribers.messages import CloudEvent, decode
from subscribers.sdk import Change, Inbox
from subscribers.sdk.fake_ats import told_as
from subscribers.sdk.inbox import TABLE_SQL
from tests.support.channel_bus import number
from tests.support.servers import Database


def change(
    told: int,
    *,
    sku: str = "MUG",
    location: str | None = None,
    channel: str = "web",
    generation: int = 1,
) -> Change:
    """A number as a handler gets it."""
    state = number(sku, told * 10, told, channel=channel, location=location)
    return Change(state=state, event=_event(state, generation), generation=generation)


def _event(state: object, generation: int) -> CloudEvent:
    return decode(told_as(state, generation)[2])  # type: ignore[arg-type]


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    """The subscriber's own database, after its own migration."""
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(TABLE_SQL.encode())
        connection.execute("create table effects (sku text, told bigint)")
        yield connection


def apply(inbox: Inbox, connection: psycopg.Connection, message: Change) -> bool:
    """What a handler does."""
    with inbox.once(connection, message) as fresh:
        if fresh:
            row = (message.state.sku, message.state.told)
            connection.execute("insert into effects values (%s, %s)", row)
    return fresh


def effects(connection: psycopg.Connection) -> list[int]:
    """What was done, in order."""
    return [told for (told,) in connection.execute("select told from effects order by told")]


def test_a_message_is_fresh_once(connection: psycopg.Connection) -> None:
    """A redelivery finds that its effect is there."""
    inbox = Inbox("stockroom")

    fresh = [apply(inbox, connection, change(told)) for told in (1, 1, 2, 2, 1)]

    assert ([True, False, True, False, False], [1, 2]) == (fresh, effects(connection))


def test_an_error_undoes_the_effect_and_its_memory(connection: psycopg.Connection) -> None:
    """The retry finds the message as fresh as it was."""
    inbox, seen = Inbox("stockroom"), []

    def fail() -> None:
        with inbox.once(connection, change(1)) as fresh:
            seen.append(fresh)
            connection.execute("insert into effects values ('MUG', 1)")
            raise RuntimeError("a bad day")

    with pytest.raises(RuntimeError, match="a bad day"):
        fail()

    assert ([True], []) == (seen, effects(connection))
    assert apply(inbox, connection, change(1))


def test_a_key_a_channel_a_subscriber_and_a_generation_are_counted_apart(
    connection: psycopg.Connection,
) -> None:
    """Nobody's message is taken for another's, however the names are spelt."""
    stockroom, other = Inbox("stockroom"), Inbox("other")
    messages = [
        change(5),
        change(4, location="ams-1"),
        change(3, sku="MUG/ams-1"),
        change(2, channel="shop"),
        change(1, generation=2),
    ]

    fresh = [apply(stockroom, connection, message) for message in messages]

    assert [True] * 5 == fresh
    assert apply(other, connection, change(5))
    assert not apply(stockroom, connection, change(6)), "generation 2 has begun"


def test_events_of_the_ledger_are_remembered_by_position(connection: psycopg.Connection) -> None:
    """One row for all of them: they come in order."""
    event = decode(b'{"id": "1:0:7", "source": "", "type": "any", "position": 7}')
    inbox, fresh = Inbox("stockroom"), []

    for _ in range(2):
        with inbox.once(connection, event) as is_fresh:
            fresh.append(is_fresh)

    assert [True, False] == fresh
    assert [("events/0", 7)] == connection.execute("select key, sequence from inbox").fetchall()


def test_of_two_at_the_same_time_one_finds_it_fresh(
    connection: psycopg.Connection, database: Database
) -> None:
    """The second waits for the first to commit, and then does nothing."""
    inbox, second = Inbox("stockroom"), []

    def compete() -> None:
        with psycopg.connect(database.owner_url, autocommit=True) as mine:
            second.append(apply(inbox, mine, change(1)))

    with inbox.once(connection, change(1)) as first:
        thread = threading.Thread(target=compete)
        thread.start()
        connection.execute("insert into effects values ('MUG', 1)")
    thread.join()

    assert (True, [False], [1]) == (first, second, effects(connection))


def test_a_connection_in_a_transaction_is_refused(database: Database) -> None:
    """Or the message would be acknowledged before its effect is committed."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("select 1")

        with pytest.raises(RuntimeError, match="in a transaction"):
            Inbox("stockroom").once(connection, change(1))


def test_the_table_may_have_any_name_that_is_one(connection: psycopg.Connection) -> None:
    """In a schema of its own, too; anything else is refused before it reaches the database."""
    connection.execute("create schema mine")
    connection.execute(TABLE_SQL.replace("table inbox", "table mine.seen").encode())

    assert apply(Inbox("stockroom", table="mine.seen"), connection, change(1))
    with pytest.raises(ValueError, match="not the name of a table"):
        Inbox("stockroom", table="inbox; drop table effects")


async def test_it_works_on_an_asynchronous_connection(
    connection: psycopg.Connection, database: Database
) -> None:
    """The same promise with `async with`: error, retry, redelivery."""
    inbox, fresh = Inbox("stockroom"), []
    mine = await psycopg.AsyncConnection.connect(database.owner_url, autocommit=True)
    try:
        with pytest.raises(asyncio.CancelledError):
            async with inbox.once(mine, change(1)):
                raise asyncio.CancelledError
        for _ in range(2):
            async with inbox.once(mine, change(1)) as is_fresh:
                fresh.append(is_fresh)
    finally:
        await mine.close()

    assert [True, False] == fresh
