"""`inventory-ledger audit FILE…`: an export, checked where there is nothing of ours but this."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from api.cli.common import example, keys_of, notes_in, with_evidence
from projections.audit.attested import NotOurs
from projections.audit.exported import NoExport, Read
from projections.audit.offline import Findings, Offline, as_dict
from projections.audit.proofs import BadProof, Proof, read
from projections.audit.verification import BREACHES_SHOWN_MAX, no_collections

_PROOF: Final = ".json"


@click.command(
    name="audit",
    epilog=example(
        "inventory-ledger audit ledger.jsonl --checkpoint kept.txt",
        'inventory-ledger audit 2025.parquet 2026.parquet --checkpoint kept.txt --key "$KEY"',
        "inventory-ledger audit ledger.jsonl inclusion.json --json",
    ),
)
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@with_evidence
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of sentences.")
@click.pass_context
def command(
    context: click.Context,
    files: tuple[Path, ...],
    *,
    checkpoints: tuple[Path, ...],
    keys: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check an export, without a database or a service.

    FILE is an export (JSON lines or Parquet, several in any order) or, if it ends in .json, a
    proof as the API answered it. Every law is checked over every event; the tree made of the rows
    has to come to the checkpoints that somebody kept. Says what was not checked, and why. Exit 1,
    with positions, if anything differs.
    """
    proofs = [_proof(path) for path in files if path.suffix == _PROOF]
    exports = [path for path in files if path.suffix != _PROOF]
    if not exports:
        raise click.UsageError("there is no export among the files: proofs need rows to speak of")
    audit = Offline(notes_in(checkpoints), keys_of(keys), proofs)
    try:
        with _bar(exports) as advance, no_collections():
            findings = audit.run(exports, advance)
    except NoExport as error:
        raise click.BadParameter(str(error), param_hint="FILE") from error
    if as_json:
        click.echo(msgspec.json.encode(as_dict(findings)))
    else:
        _tell(findings)
    context.exit(1 if findings.breaches_total else 0)


def _proof(path: Path) -> Proof:
    try:
        return read(path)
    except BadProof as error:
        raise click.BadParameter(str(error), param_hint="FILE") from error


@contextmanager
def _bar(paths: list[Path]) -> Iterator[Read]:
    """A progress bar on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("rows", total=sum(path.stat().st_size for path in paths))
        waiting = 0

        def advance(size: int) -> None:
            nonlocal waiting
            waiting += size
            if waiting >= 1 << 20:
                progress.advance(task, waiting)
                waiting = 0

        yield advance


def _tell(findings: Findings) -> None:
    where = f"positions {findings.first:,} to {findings.last:,}" if findings.events else "no row"
    click.echo(f"Audited {where}: {findings.events:,} events.")
    for name, number in findings.checked.items():
        click.echo(f"  {name:<18} {number:>12,}")
    for what in findings.not_checked:
        click.echo(f"Not checked: {what}.")
    for breach in findings.breaches[:BREACHES_SHOWN_MAX]:
        click.echo(f"Law {breach.law} at position {breach.position}: {breach.what}")
    more = findings.breaches_total - min(len(findings.breaches), BREACHES_SHOWN_MAX)
    if more:
        click.echo(f"… and {more:,} more, most of them echoes.")
    click.echo(_verdict(findings))


def _verdict(findings: Findings) -> str:
    if not findings.breaches_total:
        return "No difference."
    if all(isinstance(breach, NotOurs) for breach in findings.breaches):
        return (
            "What was given does not go with this export: it is of another ledger, or the given"
            " key\nhas not signed it. In the export itself nothing differs; look at which"
            " checkpoint and key\nwere kept of this ledger, and audit again."
        )
    return "The export differs."
