"""`inventory-ledger verify`: the log from zero, every projection, and the stream, compared."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import click
import msgspec
import nats
import nats.js.errors
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from api.cli.common import example, keys_of, notes_in, with_evidence, with_settings
from api.cli.local_service import service_at
from api.runtime.datadir import read_runtime
from ledger.domain.laws import Breach
from ledger.settings import Settings
from ledger.store.mapper import UnknownEvent
from projections.audit.log import Behind
from projections.audit.verification import BREACHES_SHOWN_MAX, Report, as_dict, verify
from subscribers.audit import StreamUnreadable, differences, first_other_checkpoint
from subscribers.messages import EVENTS_STREAM

STREAM_PATIENCE_S: Final = 10.0
"""How long the relay may make no progress at all before the stream is compared as it is."""

CONNECT_TIMEOUT_S: Final = 5.0
"""A bus that answers at all does so at once."""

_LOOK_S: Final = 0.1


@click.command(
    name="verify",
    epilog=example(
        "inventory-ledger verify",
        "inventory-ledger verify --json > report.json",
        'inventory-ledger verify --checkpoint kept.txt --key "$(cat ledger.vkey)"',
    ),
)
@with_settings
@with_evidence
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
@click.pass_context
def command(
    context: click.Context,
    settings: Settings,
    *,
    as_json: bool,
    checkpoints: tuple[Path, ...],
    keys: tuple[str, ...],
) -> None:
    """Replay the log and compare all that was made from it.

    Independent code checks every law over every event, then each projection row for row, then the
    stream message by message, up to the head at the start. The tree is made anew from the rows,
    and has to come to every checkpoint: those of the ledger, and those that somebody has kept,
    which no change of the database can reach. Exit 1, with positions, if anything differs.
    """
    kept, trusted = notes_in(checkpoints), keys_of(keys)
    try:
        with _servers(settings) as (database_url, nats_url), _Steps() as steps:
            report = verify(database_url, progress=steps, kept=kept, keys=trusted)
            stream = _stream(nats_url, database_url, report.position, steps)
    except TimeoutError as error:
        raise click.ClickException(
            "cannot verify: NATS does not answer; see that it runs, and where NATS_URL points"
        ) from error
    except (Behind, StreamUnreadable, nats.errors.Error, OSError) as error:
        raise click.ClickException(f"cannot verify: {error}") from error
    if as_json:
        click.echo(msgspec.json.encode(_document(report, stream)))
    else:
        _tell(report, stream)
    context.exit(1 if report.breaches_total or stream else 0)


@contextmanager
def _servers(settings: Settings) -> Iterator[tuple[str, str | None]]:
    """The configured servers, or those of the directory's service, started if need be.

    A service, not bare servers: its projector and its relay bring up to date what is compared.
    """
    if settings.database_url is not None:
        yield settings.database_url, settings.nats_url
        return
    with service_at(settings, None):
        runtime = read_runtime(settings.data_path)
        if runtime is None:
            raise click.ClickException(
                f"the service of {settings.data_path} has ended meanwhile; verify again"
            )
        yield runtime["service_database"], runtime["nats"]


# --- the stream ---------------------------------------------------------------------------------


def _stream(
    nats_url: str | None, database_url: str, position: int, steps: "_Steps"
) -> list[Breach] | None:
    """What differs between ledger and stream; None where no stream is known."""
    if nats_url is None:
        return None
    return asyncio.run(_compared(nats_url, database_url, position, steps))


async def _compared(
    nats_url: str, database_url: str, position: int, steps: "_Steps"
) -> list[Breach]:
    await _caught_up(nats_url, position)

    compared = 0

    def progress(done: int) -> None:
        nonlocal compared
        compared = done
        steps("stream", done, position)

    found: list[Breach] = []
    try:
        async for one in differences(nats_url, database_url, 1, position, progress):
            found.append(Breach(15, one.position, f"stream: {one.what}"))  # noqa: PERF401 - kept
    except (msgspec.MsgspecError, UnknownEvent) as error:
        # The row itself is named by law 17; what was found before it must not be lost.
        what = f"stream: not compared any further, an event cannot be read: {error}"
        found.append(Breach(15, compared + 1, what))
    other = await first_other_checkpoint(nats_url, database_url)
    if other is not None:
        found.append(Breach(15, max(1, other.position), f"stream: {other.what}"))
    return found


async def _caught_up(nats_url: str, position: int) -> None:
    """Wait for the relay while it moves. What it never brings is then found missing."""
    async with asyncio.timeout(CONNECT_TIMEOUT_S):  # The client itself would try for minutes.
        client = await nats.connect(nats_url, error_cb=_nothing)
    try:
        told, deadline = -1, time.monotonic() + STREAM_PATIENCE_S
        while told < position and time.monotonic() < deadline:
            try:
                info = await client.jetstream().stream_info(EVENTS_STREAM)
            except nats.js.errors.NotFoundError:
                last = 0
            else:
                last = info.state.last_seq
            if last > told:
                told, deadline = last, time.monotonic() + STREAM_PATIENCE_S
            if told < position:
                await asyncio.sleep(_LOOK_S)
    finally:
        await client.close()


async def _nothing(error: Exception) -> None:
    """What goes wrong with the bus is raised where it was asked; a log line would say it twice."""


# --- the answer ---------------------------------------------------------------------------------


def _document(report: Report, stream: list[Breach] | None) -> dict[str, Any]:
    document = as_dict(report)
    for breach in stream or ():
        document["breaches"].append(
            {"law": breach.law, "position": breach.position, "what": breach.what}
        )
    document["ok"] = document["ok"] and not stream
    if stream is not None:
        document["checked"]["stream"] = report.position
    return document


def _tell(report: Report, stream: list[Breach] | None) -> None:
    click.echo(f"Verified up to position {report.position:,}: {report.events:,} events.")
    checked = dict(report.checked)
    if stream is not None:
        checked["stream"] = report.position
    for name, number in checked.items():
        click.echo(f"  {name:<18} {number:>12,}")
    if stream is None:
        click.echo("  The stream was not compared: no NATS_URL.")
    breaches = [*report.breaches, *(stream or ())]
    total = report.breaches_total + len(stream or ())
    if not total:
        click.echo("Every law holds. No difference.")
        return
    for breach in breaches[:BREACHES_SHOWN_MAX]:
        click.echo(f"Law {breach.law} at position {breach.position}: {breach.what}")
    if total > BREACHES_SHOWN_MAX:
        click.echo(f"… and {total - BREACHES_SHOWN_MAX:,} more, most of them echoes.")
    click.echo(_advice(report.breaches, stream or []))


def _advice(breaches: list[Breach], stream: list[Breach]) -> str:
    """What to do next, for the worst of what was found."""
    log = [breach.position for breach in breaches if breach.law != 12]
    if log:
        return (
            f"The log itself is not what was written, from position {min(log)} on. Stop the\n"
            "service, keep the database and the stream as they are, and compare with a backup or\n"
            "an export from before. Rebuild nothing: the projections are evidence."
        )
    if breaches and stream:
        return (
            "Projections and stream both differ from a log that obeys every law: the log may have\n"
            f"been altered at position {min(breach.position for breach in stream)}. Compare with a"
            " backup or an export before\nrebuilding anything."
        )
    if breaches:
        return (
            "The log obeys every law; a projection does not follow from it. Run\n"
            "`inventory-ledger rebuild all`, then verify again."
        )
    return (
        "The log obeys every law and the projections follow from it. Either the stream was\n"
        f"damaged, or a text in the log was altered: compare position {stream[0].position} with\n"
        "a backup. Subscribers that missed messages read the ledger's feed, `GET /v1/events`."
    )


class _Steps:
    """Progress on standard error, one line a step."""

    def __init__(self) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<18}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Show how far a step has come."""
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)
