"""`inventory-ledger import`: other systems' files become movements of the ledger."""

import time
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import uvloop
from msgspec import Struct

from api.cli.common import example, settings_from, with_url
from api.cli.local_service import Service, service_at
from api.cli.progress import watched
from api.importing.catching_up import projections_caught_up, stream_caught_up
from api.importing.columns import UnreadableFile, is_parquet
from api.importing.connection import Connection
from api.importing.open_conflicts import open_conflicts
from api.importing.opening import DOCUMENT as OPENING
from api.importing.plan import Opening, Plan, plan_movements, plan_online_retail
from api.importing.sending import REQUEST_TIMEOUT_S, ImportStopped, Sender, Tally
from ledger.settings import login_with

_OPENING_DIFFERS: Final = (
    "opening stock was recorded before with other quantities; import with --opening none to add "
    "to what is there, or into an empty ledger"
)


class Outcome(Struct, frozen=True):
    """What an import did, and how long it took to be seen everywhere."""

    tally: Tally
    seconds: float
    opened: dict[str, str]  # Conflicts that were not open before: kind by id.
    still_open: set[str]
    stream_checked: bool


@click.command(
    name="import",
    epilog=example(
        "inventory-ledger import online_retail.parquet --format online-retail",
        "inventory-ledger import movements.csv --format movements --url http://127.0.0.1:8080",
    ),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(["online-retail", "movements"]), required=True)
@click.option(
    "--opening",
    metavar="FILE|auto|none",
    help="Stock before the first line. Default: auto for online-retail, else none.",
)
@click.option(
    "--location-by",
    type=click.Choice(["warehouse", "country"]),
    default="warehouse",
    show_default=True,
    help="online-retail: one location, or one a country.",
)
@with_url
@click.option("--data-dir", type=click.Path(file_okay=False), help="Default: LEDGER_DATA_DIR.")
@click.option("--nats-url", help="To wait for the stream of a service given by --url.")
@click.option("--api-key", help="Default: LEDGER_ADMIN_KEY, else the data directory's.")
def command(file: Path, url: str | None, api_key: str | None, **options: Any) -> None:
    """Record the lines of a CSV or Parquet file.

    Safe to repeat, also after a kill: a line that is there already is not recorded again.
    """
    settings = settings_from(
        data_dir=options["data_dir"], nats_url=options["nats_url"], admin_key=api_key
    )
    try:
        plan = _plan(file, options["form"], options["opening"], options["location_by"])
        _complain(file, plan)
        with service_at(settings, url) as service:
            outcome = uvloop.run(_send(plan, service))
    except (UnreadableFile, ImportStopped) as error:
        raise click.ClickException(str(error)) from error
    _report(plan, outcome)
    if outcome.tally.differing:
        raise SystemExit(1)


def _plan(file: Path, form: str, opening: str | None, location_by: Any) -> Plan:
    if form == "movements":
        return plan_movements(file, opening=_opening(opening or "none"))
    return plan_online_retail(file, opening=_opening(opening or "auto"), location_by=location_by)


def _complain(file: Path, plan: Plan) -> None:
    """Name the first lines that cannot be read. Raises UnreadableFile where no line can."""
    place, head = ("row", 0) if is_parquet(file) else ("line", 1)  # A header is a line, too.
    for row, why in plan.unreadable:
        click.echo(f"{file.name}, {place} {row + head} is left out: {why}", err=True)
    count = plan.skipped.get("unreadable", 0)
    if count > len(plan.unreadable):
        click.echo(f"and {count - len(plan.unreadable):,} more", err=True)
    if count and not plan.batches.rows and len(plan.skipped) == 1:
        raise UnreadableFile(f"no line of {file.name} can be read; nothing was sent")


def _opening(text: str) -> Opening:
    if text == "auto":
        return "auto"
    if text == "none":
        return "none"
    path = Path(text)
    if not path.is_file():
        raise click.BadParameter(
            f"{text!r} is no file; name a CSV or Parquet file, or say auto or none",
            param_hint="--opening",
        )
    return path


async def _send(plan: Plan, service: Service) -> Outcome:
    headers = {"Authorization": f"Bearer {service.key}"} if service.key else {}

    def connect() -> Connection:
        return Connection(service.url, timeout_s=REQUEST_TIMEOUT_S, headers=headers)

    sender = Sender(plan.batches, connect, stop_on_differing=_why_to_stop)
    questions = connect()
    try:
        before = await open_conflicts(questions, say=partial(click.echo, err=True))
        started = time.monotonic()
        await watched(sender, plan.batches.rows, "recording")
        await projections_caught_up(questions, sender.tally.position)
        if service.nats_url is not None:
            login = login_with(service.nats_credentials)
            await stream_caught_up(service.nats_url, sender.tally.position, **login)
        seconds = time.monotonic() - started
        still_open = await open_conflicts(questions)
    finally:
        questions.close()
    opened = {key: kind for key, kind in sender.tally.conflicts.items() if key not in before}
    return Outcome(sender.tally, seconds, opened, still_open, service.nats_url is not None)


def _why_to_stop(key: str) -> str | None:
    """Sales against a wrong opening would be worse than none."""
    return _OPENING_DIFFERS if key.partition(":")[0] == OPENING else None


def _report(plan: Plan, outcome: Outcome) -> None:
    tally = outcome.tally
    click.echo(f"recorded          {tally.recorded:>10,}")
    click.echo(f"already recorded  {tally.already_recorded:>10,}")
    click.echo(f"skipped           {sum(plan.skipped.values()):>10,}{_listed(plan.skipped)}")
    opened = outcome.opened
    click.echo(f"conflicts opened  {len(opened):>10,}{_listed(Counter(opened.values()))}")
    click.echo(f"of these cleared  {len(opened.keys() - outcome.still_open):>10,}")
    click.echo(f"conflicts open    {len(outcome.still_open):>10,}")
    if tally.differing:
        keys = ", ".join(tally.differing_keys)
        click.echo(f"differing         {tally.differing:>10,}  recorded before otherwise: {keys}")
    click.echo(f"movements         {plan.batches.rows:>10,}{_listed(plan.kinds)}")
    click.echo(f"ledger position   {tally.position:>10,}")
    seen = "projections and stream" if outcome.stream_checked else "projections"
    speed = plan.batches.rows / outcome.seconds if outcome.seconds else 0.0
    click.echo(f"{outcome.seconds:.1f} s until {seen} had caught up: {speed:,.0f} movements/s")


def _listed(counts: Mapping[str, int]) -> str:
    return "  " + ", ".join(f"{name} {count:,}" for name, count in counts.items()) if counts else ""
