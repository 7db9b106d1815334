"""`inventory-ledger dlq`: what subscribers gave up on, and handing it to them again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

import click
import msgspec
from nats.aio.client import Client

from api.cli.common import example, with_settings
from api.cli.local_service import service_at
from ledger.settings import Settings, login_with
from subscribers.dead_letters import Fate, Filed, letters, replay
from subscribers.messages import durable_of
from subscribers.sdk.client import open_client

_WAIT_S: Final = 30.0

_T = TypeVar("_T")

_CHANNEL = click.option("--channel", help="Only what this channel gave up on.")


@click.group(
    name="dlq",
    epilog=example(
        "inventory-ledger dlq list", "inventory-ledger dlq replay --channel web --wait 60"
    ),
)
def dlq() -> None:
    """Look at dead letters, and hand them to their subscribers again."""


command = dlq


@dlq.command(name="list", epilog=example("inventory-ledger dlq list --channel web"))
@_CHANNEL
@click.option("--json", "as_json", is_flag=True, help="Whole letters, a JSON object a line.")
@with_settings
def list_command(settings: Settings, *, channel: str | None, as_json: bool) -> None:
    """Print what subscribers gave up on, the oldest first, a letter a line.

    A line has, with tabs between, the letter's number, when it was left, the consumer, the
    attempts, the id of the message and the reason.
    """

    async def print_all(client: Client) -> None:
        async for filed in _filed(client, channel):
            click.echo(_as_json(filed) if as_json else _line(filed))

    _connected(settings, print_all)


@dlq.command(
    name="replay",
    epilog=example(
        "inventory-ledger dlq replay 17 18", "inventory-ledger dlq replay --channel web"
    ),
)
@click.argument("numbers", nargs=-1, type=click.IntRange(min=1), metavar="[NUMBER]...")
@_CHANNEL
@click.option("--all", "everything", is_flag=True, help="All letters there are.")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(min=0.1), default=_WAIT_S, help="Seconds a letter."
)
@with_settings
def replay_command(
    settings: Settings,
    numbers: tuple[int, ...],
    *,
    channel: str | None,
    everything: bool,
    wait_s: float,
) -> None:
    """Hand dead letters to the handlers that gave them up; their subscribers have to be running.

    A letter is removed when its handler succeeds, or has had a newer number of the same SKU in
    the meantime; else it stays, and the exit code is 1.
    """
    if not numbers and channel is None and not everything:
        raise click.UsageError("say which: numbers, --channel, or --all")

    async def hand_over(client: Client) -> list[Fate]:
        chosen = [one async for one in _filed(client, channel) if _is_chosen(one, numbers)]
        fates = []
        for filed in chosen:
            fate, reason = await replay(client, filed, timeout_s=wait_s)
            fates.append(fate)
            click.echo(f"{filed.sequence}\t{fate.value}{': ' if reason else ''}{reason}")
        return fates

    fates = _connected(settings, hand_over)
    if len(fates) < len(set(numbers)) or not all(fate.is_settled for fate in fates):
        raise click.exceptions.Exit(1)


def _is_chosen(filed: Filed, numbers: tuple[int, ...]) -> bool:
    return not numbers or filed.sequence in numbers


def _filed(client: Client, channel: str | None) -> AsyncIterator[Filed]:
    return letters(client.jetstream(), None if channel is None else durable_of(channel))


def _line(filed: Filed) -> str:
    letter = filed.letter
    fields = (
        filed.sequence,
        filed.stored_at,
        filed.consumer,
        letter.attempts,
        letter.headers.get("Nats-Msg-Id", letter.subject),
        letter.reason,
    )
    return "\t".join(" ".join(str(field).split()) for field in fields)


def _as_json(filed: Filed) -> str:
    whole = msgspec.structs.asdict(filed.letter)
    whole |= {
        "number": filed.sequence,
        "stored_at": filed.stored_at,
        "payload": filed.letter.payload.decode(errors="replace"),
    }
    return msgspec.json.encode(whole).decode()


def _connected(settings: Settings, work: Callable[[Client], Awaitable[_T]]) -> _T:
    """With the bus of the settings, of the running service, or of one started for as long."""

    async def run(url: str, credentials: str | None) -> _T:
        client = await open_client(url, **login_with(credentials))
        try:
            return await work(client)
        finally:
            await client.close()

    if settings.nats_url is not None:
        return asyncio.run(run(settings.nats_url, settings.nats_credentials))
    with service_at(settings, None) as service:
        assert service.nats_url is not None, "a running service says where its bus is"
        return asyncio.run(run(service.nats_url, service.nats_credentials))
