"""`inventory-ledger dlq`: what subscribers gave up on, handing it to them again, and removing it.

All of it was written by channels: what it says is shown, and does nothing to a terminal.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeVar

import click
import msgspec
from nats.aio.client import Client

from api.cli.common import example, printable, said_if_away, with_settings
from api.cli.local_service import service_at
from ledger.settings import Settings, login_with
from subscribers.dead_letters import Fate, Filed, Unreadable, letters, remove, replay
from subscribers.messages import durable_of
from subscribers.sdk.client import ONCE, open_client

_WAIT_S: Final = 30.0

_T = TypeVar("_T")

_NUMBER: Final = click.IntRange(min=1)
_CHANNEL = click.option("--channel", help="Only what this channel gave up on.")


@click.group(
    name="dlq",
    epilog=example(
        "inventory-ledger dlq list", "inventory-ledger dlq replay --channel web --wait 60"
    ),
)
def dlq() -> None:
    """Look at dead letters, hand them over again, or remove them."""


command = dlq


@dlq.command(name="list", epilog=example("inventory-ledger dlq list --channel web"))
@_CHANNEL
@click.option("--json", "as_json", is_flag=True, help="Whole letters, a JSON object a line.")
@with_settings
def list_command(settings: Settings, *, channel: str | None, as_json: bool) -> None:
    """Print what subscribers gave up on, the oldest first, a letter a line.

    A line has, with tabs between, the letter's number, when it was left, the consumer, the
    attempts, the id of the message and the reason. What is no letter is listed as unreadable.
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
@click.argument("numbers", nargs=-1, type=_NUMBER, metavar="[NUMBER]...")
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
        for number in sorted(set(numbers) - {one.sequence for one in chosen}):
            click.echo(f"{number}\tno such letter")
        fates = []
        for filed in chosen:
            fate, reason = await replay(client, filed, timeout_s=wait_s)
            fates.append(fate)
            said = f"{fate.value}: {reason}" if reason else fate.value
            click.echo(f"{filed.sequence}\t{_shown(said)}")
        return fates

    fates = _connected(settings, hand_over)
    if len(fates) < len(set(numbers)) or not all(fate.is_settled for fate in fates):
        raise click.exceptions.Exit(1)


@dlq.command(name="drop", epilog=example("inventory-ledger dlq drop 17 18"))
@click.argument("numbers", nargs=-1, required=True, type=_NUMBER, metavar="NUMBER...")
@with_settings
def drop_command(settings: Settings, numbers: tuple[int, ...]) -> None:
    """Remove dead letters, readable or not, without handing them to anybody.

    They are gone for good: keep what `dlq list --json` says of them where it may matter. The exit
    code is 1 where a number is none.
    """

    async def drop_all(client: Client) -> bool:
        complete = True
        for number in dict.fromkeys(numbers):
            dropped = await remove(client.jetstream(), number)
            complete &= dropped
            click.echo(f"{number}\t{'dropped' if dropped else 'no such letter'}")
        return complete

    if not _connected(settings, drop_all):
        raise click.exceptions.Exit(1)


def _is_chosen(filed: Filed | Unreadable, numbers: tuple[int, ...]) -> bool:
    return not numbers or filed.sequence in numbers


def _filed(client: Client, channel: str | None) -> AsyncIterator[Filed | Unreadable]:
    return letters(client.jetstream(), None if channel is None else durable_of(channel))


def _line(filed: Filed | Unreadable) -> str:
    about: tuple[object, ...]
    if isinstance(filed, Unreadable):
        about = "-", "-", f"{Fate.UNREADABLE.value}: {filed.reason}"
    else:
        letter = filed.letter
        message_id = letter.headers.get("Nats-Msg-Id", letter.subject)
        about = letter.attempts, message_id, letter.reason
    return "\t".join(map(_shown, (filed.sequence, filed.stored_at, filed.consumer, *about)))


def _as_json(filed: Filed | Unreadable) -> str:
    whole: dict[str, object]
    if isinstance(filed, Unreadable):
        whole, payload = {Fate.UNREADABLE.value: filed.reason}, filed.payload
    else:
        whole, payload = msgspec.structs.asdict(filed.letter), filed.letter.payload
    whole |= {
        "number": filed.sequence,
        "stored_at": filed.stored_at,
        "consumer": filed.consumer,
        "payload": payload.decode(errors="replace"),
    }
    return printable(msgspec.json.encode(whole).decode())


def _shown(field: object) -> str:
    """One field of a line: neither tab nor line break is in it, nor anything else unprintable."""
    return printable(" ".join(str(field).split()))


def _connected(settings: Settings, work: Callable[[Client], Awaitable[_T]]) -> _T:
    """With the bus of the settings, of the running service, or of one started for as long."""

    async def run(url: str, credentials: str | None) -> _T:
        client = await open_client(url, **(ONCE | login_with(credentials)))
        try:
            return await work(client)
        finally:
            await client.close()

    if settings.nats_url is not None:
        with said_if_away():
            return asyncio.run(run(settings.nats_url, settings.nats_credentials))
    with service_at(settings, None) as service:
        assert service.nats_url is not None, "a running service says where its bus is"
        with said_if_away():
            return asyncio.run(run(service.nats_url, service.nats_credentials))
