"""One ordered writer of one stream, on a real server."""

import pytest
from nats.aio.client import Client
from nats.js.api import StreamConfig

from subscribers.fenced import FencedStream, Frame, Overtaken, PublishUnknown, Refused

TIMEOUT_S = 5.0


def frames(count: int) -> list[Frame]:
    """Small messages with a header of their own."""
    return [Frame("fenced.MUG", f"Number: {number}\r\n", b"mug") for number in range(count)]


async def opened(client: Client, sequence: int = 0) -> FencedStream:
    """A writer that believes the stream ends here."""
    stream = FencedStream(client, in_flight_max=8, timeout_s=TIMEOUT_S)
    await stream.open(sequence)
    return stream


@pytest.fixture
async def stored(client: Client) -> StreamConfig:
    """A stream that takes messages of at most a hundred bytes."""
    config = StreamConfig(name="FENCED", subjects=["fenced.>"], max_msg_size=200)
    await client.jetstream().add_stream(config)
    return config


async def test_what_is_settled_is_stored_in_order(client: Client, stored: StreamConfig) -> None:
    """One answer speaks for all before it."""
    stream = await opened(client)

    await stream.append(frames(101))
    await stream.settle()

    js = client.jetstream()
    assert 101 == stream.acknowledged == (await js.stream_info("FENCED")).state.messages
    assert {"Number": "57"}.items() <= ((await js.get_msg("FENCED", 58)).headers or {}).items()


async def test_a_writer_that_believes_in_another_end_is_overtaken(
    client: Client, stored: StreamConfig
) -> None:
    """Too early or too late: the server takes nothing."""
    first = await opened(client)
    await first.append(frames(3))
    await first.settle()

    for belief in (0, 2, 4):
        late = await opened(client, belief)
        with pytest.raises(Overtaken):
            await late.append(frames(1))

    assert 3 == (await client.jetstream().stream_info("FENCED")).state.messages


async def test_a_refused_message_lets_nothing_after_it_pass_and_shows_its_reason(
    client: Client, stored: StreamConfig
) -> None:
    """In the middle of a chunk it looks like being overtaken; opened again, it says why."""
    batch = frames(6)
    batch[3] = Frame("fenced.MUG", "", b"x" * 500)
    stream = await opened(client)
    await stream.append(batch)
    with pytest.raises(Overtaken):
        await stream.settle()

    await stream.open(tail := (await client.jetstream().stream_info("FENCED")).state.last_seq)
    with pytest.raises(Refused, match="message size"):
        await stream.append(batch[tail:])

    assert 3 == tail


async def test_without_a_stream_nothing_is_known_to_be_stored(client: Client) -> None:
    """Nobody listens: that is an unknown, to be tried again."""
    stream = await opened(client)

    with pytest.raises(PublishUnknown):
        await stream.append(frames(1))


async def test_a_lost_connection_ends_the_waiting(client: Client, stored: StreamConfig) -> None:
    """Nobody waits for an answer that cannot come."""
    stream = await opened(client)
    await client.close()

    with pytest.raises(PublishUnknown):
        await stream.append(frames(1))
