"""The relay between a real ledger and a real nats-server."""

from collections.abc import Callable

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StreamConfig

from api.runtime.natsd import EmbeddedNats
from ledger.domain.events import ConflictCleared, ConflictOpened, StockReserved
from ledger.domain.values import StockId
from ledger.settings import Settings
from subscribers import messages
from subscribers.audit import Difference, differences
from subscribers.levels import stock_subject
from subscribers.streams import GENERATION_KEY, STREAMS
from tests.integration.subscribers.conftest import RelayThread, eventually
from tests.support.event_log import START, EventLog, received, sold
from tests.support.servers import Database

Start = Callable[[], RelayThread]


async def compared(settings: Settings) -> list[Difference]:
    """What the auditor finds."""
    assert settings.nats_url is not None
    assert settings.database_url is not None
    return [d async for d in differences(settings.nats_url, settings.database_url)]


async def state_of(client: Client, sku: str, location: str = "ams-1") -> messages.StockState:
    """What the last-value subject of a stock says."""
    found = await client.jetstream().get_last_msg(
        messages.STOCK_STREAM, stock_subject(StockId(location, sku))
    )
    assert found.data is not None
    state = messages.decode(found.data).data
    assert isinstance(state, messages.StockState)
    return state


async def test_every_event_is_in_the_stream_at_its_position(
    event_log: EventLog, start_relay: Start, settings: Settings, client: Client
) -> None:
    """Sequence equals position, and the auditor finds nothing to say."""
    head = event_log.fill(2_500)

    await start_relay().told(head)

    info = await client.jetstream().stream_info(messages.EVENTS_STREAM)
    assert (head, head) == (info.state.last_seq, info.state.messages)
    assert [] == await compared(settings)


async def test_a_message_is_a_cloud_event_with_the_headers_of_the_contract(
    event_log: EventLog, start_relay: Start, client: Client
) -> None:
    """What a subscriber may count on, on one message."""
    event_log.append([received(10)])
    await start_relay().told(1)

    message = await client.jetstream().get_msg(messages.EVENTS_STREAM, seq=1)

    headers = message.headers or {}
    assert "inventory.events.ams-1.MUG.received" == message.subject
    assert ("1:0:1", "1", "1", "0", "0") == (
        headers["Nats-Msg-Id"],
        headers["Ledger-Position"],
        headers["Ledger-Generation"],
        headers["Ledger-Shard"],
        headers["Nats-Expected-Last-Sequence"],
    )
    assert headers["traceparent"].startswith("00-")
    event = messages.decode(message.data or b"")
    assert ("1:0:1", "inventory.stock.received.v1", "stock/ams-1/MUG", 1, 1) == (
        event.id,
        event.type,
        event.subject,
        event.position,
        event.streamversion,
    )
    assert (10, "ams-1", "MUG") == (event.data.quantity, event.data.location, event.data.sku)


async def test_skus_with_any_printable_character_reach_their_subject(
    event_log: EventLog, start_relay: Start, settings: Settings, client: Client
) -> None:
    """Dots, stars, angle brackets, spaces, slashes and emoji are encoded and come back whole."""
    skus = ["A.B", "*", ">", "MUG blue", "a/b", "☕👩‍🚀", "%2E", "日本" * 32]
    head = event_log.append([received(n, sku=sku) for n, sku in enumerate(skus, start=1)])

    await start_relay().told(head)

    assert [] == await compared(settings)
    await eventually(lambda: _has(client, skus[-1]))
    for number, sku in enumerate(skus, start=1):
        message = await client.jetstream().get_msg(messages.EVENTS_STREAM, seq=number)
        assert 5 == (message.subject or "").count(".") + 1
        assert sku == messages.decode(message.data or b"").data.sku
        assert (sku, number) == ((state := await state_of(client, sku)).sku, state.on_hand)


async def _has(client: Client, sku: str) -> bool:
    try:
        await state_of(client, sku)
    except nats.js.errors.NotFoundError:
        return False
    return True


async def test_the_last_value_of_a_stock_is_the_fold_of_its_events(
    event_log: EventLog, start_relay: Start, client: Client
) -> None:
    """Buckets, reserved and available agree with the events; position and version say which."""
    hold = StockReserved(
        occurred_at=START,
        effective_at=START,
        location="ams-1",
        sku="MUG",
        reservation_id="order-1",
        quantity=3,
        kind="hard",
    )
    relay = start_relay()
    event_log.append([received(10), sold(2)])
    await relay.told(2)
    event_log.append([hold])
    await relay.told(3)
    await eventually(lambda: _is_at(client, "MUG", 3))

    state = await state_of(client, "MUG")

    assert (8, 8, 3, 5, 3, 3) == (
        state.on_hand,
        state.sellable,
        state.reserved,
        state.available,
        state.position,
        state.version,
    )


async def _is_at(client: Client, sku: str, position: int) -> bool:
    return await _has(client, sku) and (await state_of(client, sku)).position >= position


async def test_a_restarted_relay_goes_on_from_the_states_it_told(
    event_log: EventLog, start_relay: Start, client: Client, settings: Settings
) -> None:
    """States are folded on from the last-value messages, without starting from zero."""
    event_log.append([received(10), received(5, sku="LAMP")])
    first = start_relay()
    await first.told(2)
    first.stop()
    event_log.append([sold(1), received(1, sku="ARMCHAIR")])

    await start_relay().told(4)
    await eventually(lambda: _is_at(client, "MUG", 3))

    assert (9, 5, 1) == tuple(
        [(await state_of(client, sku)).on_hand for sku in ("MUG", "LAMP", "ARMCHAIR")]
    )


async def test_a_lost_last_value_is_folded_from_the_ledger_again(
    event_log: EventLog, start_relay: Start, client: Client
) -> None:
    """Deleting the copy of a state loses nothing: the stock's next event brings it back."""
    event_log.append([received(10), sold(2)])
    first = start_relay()
    await first.told(2)
    await eventually(lambda: _is_at(client, "MUG", 2))
    first.stop()
    await client.jetstream().purge_stream(messages.STOCK_STREAM)

    event_log.append([sold(1)])
    await start_relay().told(3)
    await eventually(lambda: _is_at(client, "MUG", 3))

    assert 7 == (await state_of(client, "MUG")).on_hand


async def test_a_state_never_goes_back(
    event_log: EventLog, start_relay: Start, client: Client
) -> None:
    """In the stream's own order, the position of one stock's states only grows."""
    relay = start_relay()
    seen: list[int] = []

    async def note(message: Msg) -> None:
        seen.append(messages.decode(message.data).position)

    await relay.is_in("following")
    await client.subscribe(stock_subject(StockId("ams-1", "MUG")), cb=note)
    await client.flush()
    for _ in range(20):
        event_log.append([sold(1)])
        relay_at = event_log.position
        await relay.told(relay_at)
    await eventually(lambda: bool(seen) and seen[-1] == 20)

    assert sorted(set(seen)) == seen


def opened() -> ConflictOpened:
    """A negative level of a test."""
    return ConflictOpened(
        occurred_at=START,
        conflict_id="c-1",
        kind="negative_stock",
        location="ams-1",
        sku="MUG",
        short=2,
    )


def cleared() -> ConflictCleared:
    """The same one's end."""
    return ConflictCleared(
        occurred_at=START, conflict_id="c-1", kind="negative_stock", location="ams-1", sku="MUG"
    )


async def test_conflicts_have_a_stream_of_their_own(
    event_log: EventLog, start_relay: Start, client: Client, settings: Settings
) -> None:
    """Opened and cleared, under kind, location and SKU; each once, also after a restart."""
    event_log.append([sold(2), opened()])
    first = start_relay()
    await first.told(2)
    first.stop()
    event_log.append([received(5), cleared()])
    await start_relay().told(4)

    js = client.jetstream()
    info = await js.stream_info(messages.CONFLICTS_STREAM)
    told = [await js.get_msg(messages.CONFLICTS_STREAM, seq=n) for n in (1, 2)]

    assert 2 == info.state.messages
    assert ["inventory.conflicts.negative_stock.ams-1.MUG"] * 2 == [m.subject for m in told]
    assert ["inventory.conflict.opened.v1", "inventory.conflict.cleared.v1"] == [
        messages.decode(m.data or b"").type for m in told
    ]
    assert [] == await compared(settings)


async def test_conflicts_lost_with_their_stream_are_told_again(
    event_log: EventLog, start_relay: Start, client: Client
) -> None:
    """The place in the stream of events does not hide that conflicts are missing."""
    event_log.append([sold(2), opened()])
    first = start_relay()
    await first.told(2)
    first.stop()
    await client.jetstream().delete_stream(messages.CONFLICTS_STREAM)

    await start_relay().is_in("following")

    assert 1 == (await client.jetstream().stream_info(messages.CONFLICTS_STREAM)).state.messages


async def test_a_stream_ahead_of_the_ledger_halts_the_relay(
    event_log: EventLog, start_relay: Start, client: Client
) -> None:
    """A database restored from an old backup must not be told as if nothing had happened."""
    await _foreign_stream(client, messages_count=3)
    event_log.append([received(1)])

    relay = start_relay()
    await relay.is_in("halted")

    assert "ahead" in relay.health.detail
    assert 3 == (await client.jetstream().stream_info(messages.EVENTS_STREAM)).state.last_seq


async def test_a_stream_with_another_history_halts_the_relay(
    event_log: EventLog, start_relay: Start, client: Client
) -> None:
    """The number fits but the content does not: halt, say so, write nothing."""
    await _foreign_stream(client, messages_count=1)
    event_log.append([received(1), sold(1)])

    relay = start_relay()
    await relay.is_in("halted")

    assert "position 1" in relay.health.detail
    assert 1 == (await client.jetstream().stream_info(messages.EVENTS_STREAM)).state.last_seq


async def test_a_stream_that_lost_its_end_is_told_again_as_it_was(
    event_log: EventLog, start_relay: Start, client: Client, settings: Settings
) -> None:
    """The ledger is known to be the one that was told: the same messages, the same generation."""
    event_log.append([received(1), sold(1)])
    first = start_relay()
    await first.told(2)
    first.stop()
    await client.jetstream().delete_msg(messages.EVENTS_STREAM, 2)

    await start_relay().told(2)

    assert [] == await compared(settings)


async def test_a_stream_that_lost_its_end_halts_the_relay_where_nobody_knows_what_was_told(
    event_log: EventLog, start_relay: Start, client: Client, settings: Settings
) -> None:
    """Without a witness the ledger may be another one than subscribers were told of."""
    event_log.append([received(1), sold(1)])
    first = start_relay()
    await first.told(2)
    first.stop()
    await client.jetstream().delete_msg(messages.EVENTS_STREAM, 2)
    (witness,) = settings.data_path.glob("relay-*.told")
    witness.unlink()

    relay = start_relay()
    await relay.is_in("halted")

    assert "nobody can say" in relay.health.detail


async def test_a_new_generation_starts_from_the_first_event(
    event_log: EventLog, start_relay: Start, client: Client, settings: Settings
) -> None:
    """An operator's new stream with the next number is told from position 1, under that number."""
    head = event_log.append([received(5), sold(1), sold(1)])
    first = start_relay()
    await first.told(head)
    first.stop()
    js = client.jetstream()
    await js.delete_stream(messages.EVENTS_STREAM)
    declared = next(s for s in STREAMS if s.name == messages.EVENTS_STREAM)
    await js.add_stream(declared.evolve(metadata={GENERATION_KEY: "2"}))

    await start_relay().told(head)

    message = await js.get_msg(messages.EVENTS_STREAM, seq=1)
    assert "2:0:1" == messages.decode(message.data or b"").id
    assert [] == await compared(settings)


async def test_the_auditor_names_a_missing_message(
    event_log: EventLog, start_relay: Start, client: Client, settings: Settings
) -> None:
    """A message removed from the stream is found by its position."""
    head = event_log.fill(1_500)
    await start_relay().told(head)
    for gone in (7, 1_001):
        await client.jetstream().delete_msg(messages.EVENTS_STREAM, gone)

    found = await compared(settings)

    assert [(7, "missing from the stream"), (1_001, "missing from the stream")] == found


async def test_the_auditor_names_an_event_that_reads_differently_in_the_ledger(
    event_log: EventLog, start_relay: Start, settings: Settings, database: Database
) -> None:
    """An event row changed behind the ledger's back no longer matches what was told."""
    head = event_log.append([received(5), sold(1), sold(2)])
    relay = start_relay()
    await relay.told(head)
    relay.stop()
    database.execute("alter table ledger.events disable trigger all")
    database.execute(
        "update ledger.events set state ="
        " convert_to(replace(convert_from(state, 'UTF8'), '\"quantity\":1', '\"quantity\":4'),"
        " 'UTF8') where position = 2"
    )

    found = await compared(settings)

    assert [(2, "the stream holds another content")] == found


async def test_the_auditor_finds_messages_the_ledger_does_not_have(
    event_log: EventLog, client: Client, settings: Settings
) -> None:
    """A stream that knows more than the ledger is a difference."""
    event_log.append([received(1)])
    await _foreign_stream(client, messages_count=2)

    found = await compared(settings)

    assert [1, 2] == [difference.position for difference in found]


async def _foreign_stream(client: Client, *, messages_count: int) -> None:
    js = client.jetstream()
    await js.add_stream(
        StreamConfig(
            name=messages.EVENTS_STREAM, subjects=["inventory.events.>"], allow_direct=True
        )
    )
    for number in range(1, messages_count + 1):
        headers = {messages.POSITION: str(number), messages.GENERATION: "1"}
        await js.publish("inventory.events.ams-1.MUG.sold", b"{}", headers=headers)


async def test_a_relay_waits_for_a_message_server_that_comes_later(
    event_log: EventLog, start_relay: Start, nats_server: EmbeddedNats
) -> None:
    """No order of starting is required."""
    nats_server.stop()
    head = event_log.append([received(1)])
    relay = start_relay()
    await relay.is_in("retrying")

    nats_server.start()

    await relay.told(head)


async def test_an_event_of_a_newer_version_halts_the_relay_before_it(
    event_log: EventLog, start_relay: Start, client: Client, database: Database
) -> None:
    """What this version does not know is not told wrongly, nor passed over."""
    event_log.append([received(1)])
    database.execute(
        "insert into ledger.events select 0, 'stock/x/y', 1, 2, clock_timestamp(),"
        " 'stock.teleported.v1', convert_to('{\"meta\":{},\"event\":{}}', 'UTF8')"
    )

    relay = start_relay()
    await relay.is_in("halted")

    assert "stock.teleported.v1" in relay.health.detail


async def test_a_hole_in_the_ledger_halts_the_relay(
    event_log: EventLog, start_relay: Start, database: Database
) -> None:
    """Positions are contiguous; where they are not, people must look before anybody is told."""
    event_log.append([received(1), sold(1), sold(1)])
    database.execute("alter table ledger.events disable trigger all")
    database.execute("delete from ledger.events where position = 2")

    relay = start_relay()
    await relay.is_in("halted")

    assert "no contiguous events after position" in relay.health.detail
