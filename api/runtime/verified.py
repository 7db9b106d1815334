"""The auditor's books in the data directory: what the last clean audit left for the next one."""

from pathlib import Path
from typing import Final

from api.runtime.datadir import write_private
from ledger.clock import Clock
from projections.audit.checker import Checker
from projections.audit.kept import Kept, Unusable, ledger_id, packed, unpacked
from projections.audit.log import Reading, Source
from projections.audit.row import Chain

FILE: Final = "verified.books"


def load(data_dir: Path, database_url: str) -> Kept:
    """The books of the last clean audit of this ledger; raises `Unusable`, which says why not."""
    try:
        data = (data_dir / FILE).read_bytes()
    except OSError as error:
        raise Unusable("no clean audit has left its books here") from error
    return unpacked(data, _ledger(database_url))


def save(data_dir: Path, database_url: str, checker: Checker, chain: Chain, clock: Clock) -> None:
    """Keep the books of a clean audit; a command whose directory nobody has made leaves none."""
    if data_dir.is_dir():
        data = packed(checker, chain, _ledger(database_url), clock.now())
        write_private(data_dir / FILE, data)


def _ledger(database_url: str) -> str:
    with Source(Reading(database_url)) as source:
        return ledger_id(source)
