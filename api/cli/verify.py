"""`inventory-ledger verify`: the log from zero, every projection, and the stream, compared."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import click
import msgspec
import nats
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from api.cli.common import (
    example,
    keys_of,
    notes_in,
    require_ledger,
    with_evidence,
    with_settings,
)
from api.cli.local_service import service_at
from api.cli.stream_audit import Address, StreamAudit
from api.runtime.datadir import read_runtime
from api.runtime.verified import load, save
from ledger.clock import SystemClock
from ledger.domain.laws import Breach
from ledger.settings import Settings
from projections.audit.attested import NotOurs
from projections.audit.checker import Checker
from projections.audit.kept import Kept, Unusable
from projections.audit.log import Behind
from projections.audit.notes import Key, Note
from projections.audit.ranges import BadRange, verify_range
from projections.audit.row import Chain
from projections.audit.verification import BREACHES_SHOWN_MAX, Report, as_dict, verify
from subscribers.sdk.direct import StreamUnreadable


@click.command(
    name="verify",
    epilog=example(
        "inventory-ledger verify",
        "inventory-ledger verify --incremental --json > report.json",
        "inventory-ledger verify --from 1000001 --to 2000000",
        'inventory-ledger verify --checkpoint kept.txt --key "$(cat ledger.vkey)"',
    ),
)
@with_settings
@with_evidence
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
@click.option(
    "--incremental",
    is_flag=True,
    help="Go on from the books that the last clean audit left in the data directory, once every"
    " row that they are about has been hashed again. Without it nothing is trusted.",
)
@click.option("--from", "first", type=click.IntRange(1), metavar="P", help="The first position.")
@click.option(
    "--to", "last", type=click.IntRange(1), metavar="P", help="The last one. Default: the head."
)
@click.pass_context
def command(
    context: click.Context,
    settings: Settings,
    *,
    as_json: bool,
    checkpoints: tuple[Path, ...],
    keys: tuple[str, ...],
    incremental: bool,
    first: int | None,
    last: int | None,
) -> None:
    """Replay the log and compare all that was made from it.

    Independent code checks every law over every event, then each projection row for row, then the
    stream message by message, up to the head at the start. The tree is made anew from the rows,
    and has to come to every checkpoint: those of the ledger, and those that somebody has kept,
    which no change of the database can reach. Exit 1, with positions, if anything differs.

    Of a range that begins later, only what needs no earlier event is checked: order, versions,
    envelopes, receipts, the stream. With --incremental every law is, if the books end before it.
    What was not covered is said.
    """
    require_ledger(settings)
    notes, trusted = notes_in(checkpoints), keys_of(keys)
    try:
        with _servers(settings) as (database_url, bus), _Steps() as steps:
            audit = _Audit(settings, database_url, bus, steps)
            kept = audit.kept() if incremental else None
            report, stream = (
                audit.whole(kept, notes, trusted)
                if first is None and last is None
                else audit.range(first or 1, last, kept)
            )
    except BadRange as error:
        raise click.UsageError(str(error)) from error
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


class _Audit:
    """One run of the command."""

    def __init__(
        self, settings: Settings, database_url: str, bus: Address | None, steps: "_Steps"
    ) -> None:
        self._data_dir = settings.data_path
        self._database_url = database_url
        self._steps = steps
        self._stream = StreamAudit(bus, database_url, steps)

    def kept(self) -> Kept | None:
        """The books to go on from; None, and why on standard error: then from zero."""
        try:
            return load(self._data_dir, self._database_url)
        except Unusable as why:
            self._steps.say(f"Beginning at zero, not at kept books: {why}.")
            return None

    def whole(
        self, kept: Kept | None, notes: Sequence[Note], keys: Sequence[Key]
    ) -> tuple[Report, list[Breach] | None]:
        """The log and the projections, and beside them the stream."""
        first = 1 if kept is None else kept.position + 1
        with self._stream.beside(first) as progress:
            report = verify(
                self._database_url,
                progress=progress,
                kept=kept,
                keep=self._keep,
                notes=notes,
                keys=keys,
            )
        if report.first > 1:
            gone_on = (f"the stream up to {report.first - 1:,}: it was compared before",)
            report = msgspec.structs.replace(report, uncovered=gone_on)
        return report, self._stream.compare(report.first, report.position)

    def range(
        self, first: int, last: int | None, kept: Kept | None
    ) -> tuple[Report, list[Breach] | None]:
        """A part of the log, and of the stream."""
        report = verify_range(self._database_url, first, last, progress=self._steps, kept=kept)
        return report, self._stream.compare(first, report.position)

    def _keep(self, checker: Checker, chain: Chain) -> None:
        try:
            save(self._data_dir, self._database_url, checker, chain, SystemClock())
        except OSError as error:
            self._steps.say(f"The books are not kept for --incremental: {error}.")


@contextmanager
def _servers(settings: Settings) -> Iterator[tuple[str, Address | None]]:
    """The configured servers, or those of the directory's service, started if need be.

    A service, not bare servers: its projector and its relay bring up to date what is compared.
    """
    if settings.database_url is not None:
        bus = Address.of(settings.nats_url, settings.nats_credentials)
        yield settings.database_url, bus
        return
    with service_at(settings, None):
        runtime = read_runtime(settings.data_path)
        if runtime is None:
            raise click.ClickException(
                f"the service of {settings.data_path} has ended meanwhile; verify again"
            )
        bus = Address.of(runtime["nats"], runtime.get("nats_credentials"))
        yield runtime["service_database"], bus


# --- the answer ---------------------------------------------------------------------------------


def _told(report: Report) -> int:
    return max(0, report.position - report.first + 1)


def _document(report: Report, stream: list[Breach] | None) -> dict[str, Any]:
    document = as_dict(report)
    for breach in stream or ():
        document["breaches"].append(
            {"law": breach.law, "position": breach.position, "what": breach.what}
        )
    document["ok"] = document["ok"] and not stream
    if stream is not None:
        document["checked"]["stream"] = _told(report)
    return document


def _tell(report: Report, stream: list[Breach] | None) -> None:
    since = f"from position {report.first:,} " if report.first > 1 else ""
    click.echo(f"Verified {since}up to position {report.position:,}: {report.events:,} events.")
    checked = dict(report.checked)
    if stream is not None:
        checked["stream"] = _told(report)
    for name, number in checked.items():
        click.echo(f"  {name:<18} {number:>12,}")
    if stream is None:
        click.echo("  The stream was not compared: no NATS_URL.")
    for what in report.uncovered:
        click.echo(f"  Not covered: {what}.")
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
    given = [breach for breach in breaches if isinstance(breach, NotOurs)]
    breaches = [breach for breach in breaches if breach not in given]
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
    if given and not breaches and not stream:
        return (
            "Nothing in the ledger differs, but what was given does not go with it: a key or a"
            " checkpoint\nof another ledger, or one that the known key has not signed. Look at"
            " which were kept of this\nledger, and verify again. If these are the right ones,"
            " somebody else has signed in its place:\nthen stop the service, and compare with a"
            " backup or an export from before."
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

    def say(self, sentence: str) -> None:
        """A sentence between the bars."""
        self._bars.console.print(sentence, soft_wrap=True)

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """Show how far a step has come."""
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total)
        self._bars.update(self._tasks[step], completed=done, total=total)
