"""`inventory-ledger streams …`: the copies of the ledger in the message server, mended."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import click
import msgspec
import nats.errors
import psycopg
from nats.aio.client import Client

from api.cli.common import example, with_settings
from api.cli.local_service import service_at
from api.cli.stream_status import Standing, standing, table
from api.runtime.datadir import read_runtime
from api.runtime.session import open_session
from ledger.settings import Settings, login_with
from projections.copies.status import Relayed
from subscribers.ats_audit import ask_for_comparison, other_values
from subscribers.board import Board
from subscribers.checking import check
from subscribers.inspecting import SHOWN_MAX, Report
from subscribers.lazy_client import LazyClient
from subscribers.ledger_log import LedgerLog
from subscribers.messages import ATS_STREAM, ats_subject
from subscribers.opening import ASKED_REPAIR
from subscribers.regeneration import regenerate
from subscribers.sdk.client import ONCE, open_client
from subscribers.sdk.direct import StreamUnreadable
from subscribers.witness import Witness

_LOOK_S: Final = 0.2
_PATIENCE_S: Final = 60.0
"""How long a relay may do nothing at all of what it is asked for."""


@click.group(
    name="streams",
    epilog=example(
        "inventory-ledger streams status",
        "inventory-ledger streams check",
        "inventory-ledger streams repair",
        'inventory-ledger streams regenerate --reason "restored the database to last night"',
    ),
)
def command() -> None:
    """Look at the copies on the bus, and repair them.

    A running service repairs by itself what it can without telling anybody anything untrue, and
    says in its log, in `/health/ready` and in `/metrics` when it needs people.
    """


@dataclass(frozen=True)
class _Addresses:
    database_url: str
    nats_url: str
    login: dict[str, Any]


@dataclass(frozen=True)
class _Sides:
    """Both sides of a comparison, open."""

    log: LedgerLog
    board: Board
    client: Client


@command.command(
    name="status", epilog=example("inventory-ledger streams status --json | jq .relay.state")
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@with_settings
def status_command(settings: Settings, *, as_json: bool) -> None:
    """Say how the copies and the relay are."""

    async def look(sides: _Sides) -> Standing:
        return await standing(sides.log, sides.board, sides.client)

    with _servers(settings) as addresses:
        found = _run(addresses, look)
    click.echo(msgspec.json.encode(found) if as_json else table(found))


@command.command(name="check", epilog=example("inventory-ledger streams check"))
@with_settings
@click.pass_context
def check_command(context: click.Context, settings: Settings) -> None:
    """Compare every message, change nothing.

    Exit 1 where any is not what the ledger says. What the relay has not told yet is missing, too:
    `streams status` says whether it is behind.
    """

    async def compare(sides: _Sides) -> int:
        wrong = 0
        async for report in check(sides.log, sides.client):
            wrong += _shown(report, wrong)
        return wrong

    with _servers(settings) as addresses:
        wrong = _run(addresses, compare)
        wrong += _sentence(_values(addresses))
    if wrong:
        click.echo(
            f"{wrong:,} differences. `streams repair` mends what can be mended as it was;"
            " `streams regenerate` tells everything anew."
        )
    context.exit(1 if wrong else 0)


@command.command(name="repair", epilog=example("inventory-ledger streams repair"))
@with_settings
@click.pass_context
def repair_command(context: click.Context, settings: Settings) -> None:
    """Have what was lost told anew.

    The relay compares everything now. States and conflicts are told again. The stream of events is
    made anew as it was, under the same generation, where messages are missing and the ledger is
    known to be the one that was told: then subscribers keep their place. Otherwise it says why
    not. Exit 1 if it does.
    """

    async def mend(sides: _Sides) -> Relayed:
        await ask_for_comparison(addresses.database_url)
        await sides.board.ask(ASKED_REPAIR)
        return await _awaited(sides, lambda relayed: relayed.asked is None)

    with _service(settings) as addresses:
        relayed = _run(addresses, mend)
        left = _sentence(_values(addresses))
    for copy in relayed.copies:
        click.echo(f"{copy.stream}: {copy.repaired:,} of {copy.differences:,} differences repaired")
    if relayed.state == "halted":
        click.echo(f"The relay has halted: {relayed.detail}")
        context.exit(1)
    if left:
        click.echo("The teller does not mend it; see that one runs (role `teller`), and its log.")
        context.exit(1)
    click.echo("The copies are what the ledger says.")


@command.command(
    name="regenerate",
    epilog=example(
        'inventory-ledger streams regenerate --yes --reason "restored to Monday 03:00"',
    ),
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--reason", default="asked for", help="Kept with the generation.")
@with_settings
def regenerate_command(settings: Settings, *, yes: bool, reason: str) -> None:
    """Begin a new generation of all copies.

    They are emptied, and everything is told anew, from the first event on. It is for a ledger that
    is not the one that was told any more (a restored database), and for a stream that cannot be
    repaired. Subscribers see the new generation: those that can forget begin again by themselves,
    the others stop and say so. What others sent (the inbox, dead letters) is left alone.
    """
    if not yes:
        click.confirm(
            "Every subscriber will begin again from the first event. Begin a new generation?",
            abort=True,
        )

    async def begin(sides: _Sides) -> tuple[int, Relayed]:
        head = await sides.log.head()
        js = sides.client.jetstream()
        with closing(Witness(settings.data_path, await sides.log.ledger())) as witness:
            number = await regenerate(js, sides.board, sides.log, witness, reason)
        click.echo(f"Generation {number} has begun; telling {head:,} events.")

        def is_told(relayed: Relayed) -> bool:
            return relayed.generation == number and relayed.told >= head

        return number, await _awaited(sides, is_told)

    with _service(settings) as addresses:
        number, relayed = _run(addresses, begin)
    if relayed.state == "halted":
        raise click.ClickException(f"the relay has halted: {relayed.detail}")
    click.echo(f"Generation {number} is told up to {relayed.told:,}.")


async def _values(addresses: _Addresses) -> int:
    """Say which numbers of channels are not in their stream; how many. A teller has its time."""
    wrong = 0
    login = addresses.login
    async for one in other_values(addresses.nats_url, addresses.database_url, **login):
        wrong += 1
        if wrong <= SHOWN_MAX:
            told = one.told
            subject = ats_subject(told.channel, told.sku, told.location or None)
            click.echo(f"{ATS_STREAM}: {subject}: {one.what}")
    return wrong


# --- what they share ------------------------------------------------------------------------------


def _shown(report: Report, before: int) -> int:
    """Say what a report says, unless it is too much; how many differences it is about."""
    if report.ended_ms:
        rate = report.compared * 1_000 // report.ended_ms
        click.echo(f"{report.stream}: {report.compared:,} compared, {rate:,}/s")
        return 0
    if not report.what:
        return 0
    where = ", ".join(report.stocks[:3]) or f"position {report.position}"
    more = f" and {len(report.stocks) - 3:,} more" if len(report.stocks) > 3 else ""
    if before < SHOWN_MAX:
        click.echo(f"{report.stream}: {where}{more}: {report.what}")
    return max(1, len(report.stocks))


async def _awaited(sides: _Sides, is_done: Any) -> Relayed:
    """Until the relay has done it, or says that people are needed, or does nothing at all."""
    before, deadline = None, time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        relayed = await sides.board.relayed()
        if relayed is not None and is_done(relayed):
            return relayed
        now = None if relayed is None else (relayed.told, relayed.state, relayed.copies)
        if now != before:
            before, deadline = now, time.monotonic() + _PATIENCE_S
        await asyncio.sleep(_LOOK_S)
    raise click.ClickException(
        "the relay does nothing; see that a service with the role `relay` runs, and its log"
    )


def _run(addresses: _Addresses, work: Any) -> Any:
    async def run() -> Any:
        async with _sides(addresses) as sides:
            return await work(sides)

    return _sentence(run())


def _sentence(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        return asyncio.run(work)
    except (StreamUnreadable, nats.errors.Error, OSError, TimeoutError) as error:
        raise click.ClickException(f"the message server does not answer: {error!r}") from error
    except psycopg.errors.UndefinedTable as error:
        raise click.ClickException("run `inventory-ledger migrate` first") from error


@asynccontextmanager
async def _sides(addresses: _Addresses) -> AsyncIterator[_Sides]:
    log = await LedgerLog.connect(addresses.database_url)
    board = await Board.connect(addresses.database_url)
    client = await open_client(addresses.nats_url, LazyClient, **(ONCE | addresses.login))
    try:
        yield _Sides(log, board, client)
    finally:
        await client.close()
        await board.close()
        await log.close()


@contextmanager
def _servers(settings: Settings) -> Iterator[_Addresses]:
    """Database and message server, whether or not a service runs."""
    with open_session(settings, nats=True) as session:
        if session.nats_url is None:
            raise click.UsageError("where is the message server? Say --nats-url or NATS_URL")
        login = login_with(session.nats_credentials)
        yield _Addresses(session.service_url, session.nats_url, login)


@contextmanager
def _service(settings: Settings) -> Iterator[_Addresses]:
    """The same of a service: its relay has to do the work."""
    if settings.database_url is not None:
        with _servers(settings) as addresses:
            yield addresses
        return
    with service_at(settings, None):
        runtime = read_runtime(settings.data_path)
        if runtime is None:
            raise click.ClickException(f"the service of {settings.data_path} has ended meanwhile")
        login = login_with(runtime.get("nats_credentials"))
        yield _Addresses(runtime["service_database"], runtime["nats"], login)
