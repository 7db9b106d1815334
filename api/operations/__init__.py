"""Every operation a caller can ask for, by the name it has between our processes."""

from typing import Final

from api.commands import Begin
from api.operations import (
    catalog,
    channels,
    conflicts,
    counts,
    credentials,
    fences,
    movements,
    periods,
    reconciliations,
    reservations,
    returns,
    transfers,
)

OPERATIONS: Final[dict[str, Begin]] = {
    **movements.OPERATIONS,
    **reservations.OPERATIONS,
    **conflicts.OPERATIONS,
    **fences.OPERATIONS,
    **catalog.OPERATIONS,
    **channels.OPERATIONS,
    **credentials.OPERATIONS,
    **returns.OPERATIONS,
    **counts.OPERATIONS,
    **transfers.OPERATIONS,
    **periods.OPERATIONS,
    **reconciliations.OPERATIONS,
}
