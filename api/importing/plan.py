"""Everything one import is going to send, and what it leaves out: pure but for reading files."""

from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
import pyarrow as pa

from api.importing.batches import Batches
from api.importing.columns import Table, UnreadableFile
from api.importing.movements import read_movements
from api.importing.online_retail import (
    WAREHOUSE,
    LocationBy,
    Read,
    read_online_retail,
    stock_numbers,
)
from api.importing.opening import least_opening, opening_movements, read_opening

Opening: TypeAlias = Path | Literal["auto", "none"]

_SENT: Final = ["document", "id", "sku", "location", "body"]


class Plan(msgspec.Struct, frozen=True):
    """The requests in order, the movements in them by kind, and left-out lines by reason.

    `unreadable` are the first lines that cannot be read: the row, counted from 1, and why.
    """

    batches: Batches
    kinds: dict[str, int]
    skipped: dict[str, int]
    unreadable: tuple[tuple[int, str], ...] = ()


def plan_online_retail(
    path: Path, *, opening: Opening = "auto", location_by: LocationBy = WAREHOUSE
) -> Plan:
    """Read a file of invoice lines; opening stock, if any, is sent before the first of them."""
    return with_opening(read_online_retail(path, location_by), opening)


def plan_movements(path: Path, *, opening: Opening = "none") -> Plan:
    """Read a file of movements in the service's own words."""
    if opening == "auto":
        raise UnreadableFile("--opening auto is computed for sales histories; name a file or none")
    return with_opening(read_movements(path), opening)


def with_opening(read: Read, opening: Opening) -> Plan:
    """Put opening stock in front: computed, from a file, or none."""
    movements, kinds = read.movements, dict(read.kinds)
    if opening == "none" or not movements.num_rows:
        return Plan(_batches(movements), kinds, read.skipped, read.unreadable)
    found = least_opening(movements) if opening == "auto" else read_opening(opening, WAREHOUSE)
    openings = opening_movements(found, movements)
    kinds = {"opening": openings.num_rows, **kinds}
    both = pa.concat_tables([openings.select(_SENT), movements.select(_SENT)])
    return Plan(_batches(both), kinds, read.skipped, read.unreadable)


def _batches(movements: Table) -> Batches:
    rows = movements.select(_SENT).combine_chunks()
    numbers = stock_numbers(rows["location"], rows["sku"])
    return Batches(rows.append_column("stock", numbers))
