"""`inventory-ledger tail [SUBJECT]`: what goes out on the bus, on the screen."""

import asyncio
from contextlib import suppress
from typing import Any

import click
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from api.cli.common import example, printable, said_if_away, with_settings
from api.cli.local_service import service_at
from ledger.settings import Settings, login_with
from subscribers.messages import EVENTS_STREAM
from subscribers.sdk.client import ONCE, open_client
from subscribers.streams import STREAMS


@click.command(
    name="tail",
    epilog=example(
        "inventory-ledger tail --all",
        "inventory-ledger tail 'inventory.events.ams-1.*.sold' --count 10",
    ),
)
@click.argument("subject", required=False)
@click.option("--from", "start", type=click.IntRange(min=1), help="Begin at a stream sequence.")
@click.option("--all", "everything", is_flag=True, help="Begin with the oldest message kept.")
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many messages.")
@with_settings
def tail_command(
    settings: Settings,
    subject: str | None,
    *,
    start: int | None,
    everything: bool,
    count: int | None,
) -> None:
    """Print what goes out on the bus, a message a line.

    A line is the subject, a tab and the payload. SUBJECT is a NATS subject, wildcards included,
    such as 'inventory.stock.>'; without one, every event of the ledger is printed.
    """
    stream = stream_of(subject) if subject else EVENTS_STREAM
    if stream is None:
        raise click.UsageError(
            f"no stream keeps {subject!r}; try 'inventory.events.>' or 'inventory.stock.>'"
        )
    policy = _policy(start, everything=everything)
    with suppress(KeyboardInterrupt), said_if_away():
        if settings.nats_url is not None:
            login = settings.nats_login
            asyncio.run(tail(settings.nats_url, stream, subject or "", policy, count, **login))
            return
        with service_at(settings, None) as service:
            assert service.nats_url is not None, "a running service says where its bus is"
            login = login_with(service.nats_credentials)
            asyncio.run(tail(service.nats_url, stream, subject or "", policy, count, **login))


command = tail_command


async def tail(
    nats_url: str,
    stream: str,
    subject: str,
    policy: ConsumerConfig,
    count: int | None,
    **connection: Any,
) -> None:
    """Print until interrupted, or until `count` messages have been printed.

    A server that does not answer at first, or lets nobody in, is an error; later it may go away.
    """
    await (await open_client(nats_url, **(ONCE | connection))).close()
    queue: asyncio.Queue[Msg] = asyncio.Queue()
    client = await open_client(nats_url, **connection)
    try:
        await client.jetstream().subscribe(
            subject, stream=stream, config=policy, ordered_consumer=True, cb=queue.put
        )
        printed = 0
        while count is None or printed < count:
            message = await queue.get()
            payload = printable(message.data.decode(errors="replace"))
            click.echo(f"{message.subject}\t{payload}")
            printed += 1
    finally:
        await client.close()


def stream_of(subject: str) -> str | None:
    """The stream that keeps a subject; the first two tokens decide, as they do in the server."""
    room = subject.split(".")[:2]
    for stream in STREAMS:
        if any(declared.split(".")[:2] == room for declared in stream.subjects or ()):
            return stream.name
    return None


def _policy(start: int | None, *, everything: bool) -> ConsumerConfig:
    if start is not None:
        return ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=start,
        )
    policy = DeliverPolicy.ALL if everything else DeliverPolicy.NEW
    return ConsumerConfig(ack_policy=AckPolicy.NONE, deliver_policy=policy)
