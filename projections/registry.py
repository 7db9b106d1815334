"""Every projection there is."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from psycopg import Cursor

from projections.batch import Batch
from projections.bookkeeping.view import StatementsView
from projections.catalog.view import CatalogView
from projections.channels.view import ChannelsView
from projections.conflicts.view import ConflictsView
from projections.counts.view import CountsView
from projections.fences.view import FencesView
from projections.history.view import HistoryView
from projections.reconciliations.view import ReconciliationsView
from projections.reservations.view import ReservationsView
from projections.returns.view import ReturnsView
from projections.statements import NEXT
from projections.stock.view import StockView
from projections.transfers.view import TransfersView


class View(Protocol):
    """One projection's tables, and how a batch is written to them.

    `late_tables` take their indexes after a rebuild has filled them.
    """

    @property
    def name(self) -> str:
        """What it is called in `tracking`, on the command line and in answers."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Its tables."""

    @property
    def late_tables(self) -> tuple[str, ...]:
        """Those that a rebuild fills before it makes their indexes."""

    @property
    def remembered(self) -> int:
        """Rows kept in memory between batches."""

    def finish(self, cursor: Cursor[Any]) -> None:
        """Write what a rebuild's view has held back."""

    def apply(self, cursor: Cursor[Any], batch: Batch) -> None:
        """Write a batch within the caller's transaction."""

    def forget(self) -> None:
        """The tables may not be as this view left them: remember nothing."""


HELD_BACK_MAX: Final = 200_000
"""Net changes a rebuild keeps in memory before it writes them: some 100 MB."""

_LIVE: Final[dict[str, Callable[[], View]]] = {
    "stock": StockView,
    "history": HistoryView,
    "reservations": ReservationsView,
    "conflicts": ConflictsView,
    "fences": FencesView,
    "returns": ReturnsView,
    "counts": CountsView,
    "transfers": TransfersView,
    "catalog": CatalogView,
    "channels": ChannelsView,
    "statements": StatementsView,
    "reconciliations": ReconciliationsView,
}
_NEXT: Final[dict[str, Callable[[], View]]] = {
    "stock": lambda: StockView(NEXT, held_back_max=HELD_BACK_MAX),
    "history": lambda: HistoryView(NEXT, fresh=True),
    "reservations": lambda: ReservationsView(NEXT),
    "conflicts": lambda: ConflictsView(NEXT),
    "fences": lambda: FencesView(NEXT),
    "returns": lambda: ReturnsView(NEXT),
    "counts": lambda: CountsView(NEXT),
    "transfers": lambda: TransfersView(NEXT),
    "catalog": lambda: CatalogView(NEXT),
    "channels": lambda: ChannelsView(NEXT),
    "statements": lambda: StatementsView(NEXT, fresh=True),
    "reconciliations": lambda: ReconciliationsView(NEXT),
}

NAMES: Final = tuple(_LIVE)
"""The projections, in the order in which a batch is written to them."""


def live_views() -> list[View]:
    """A view of every projection's live tables."""
    return [make() for make in _LIVE.values()]


def next_view(name: str) -> View:
    """A view of the empty tables of a rebuild."""
    return _NEXT[name]()
