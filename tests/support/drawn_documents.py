"""Random commands about returns and count documents, for random histories."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Final, get_args

from ledger.domain import commands as c
from ledger.domain.count import CountDocument
from ledger.domain.events import DispositionedLine, GradedLine, SkuQuantity
from ledger.domain.return_ import CustomerReturn
from ledger.domain.values import PHYSICAL_BUCKETS, Disposition, Instant

ORDERS: Final = ("A-1", "A-2", "A-3", None)
_SECOND: Final = 1_000_000
_LATEST: Final = 5  # Documents of a kind that something may still happen to.


class Drawing:
    """Draws from a history's own source of chance, so that a seed still gives one history."""

    def __init__(self, random: Random, skus: Sequence[str], places: Sequence[str]) -> None:
        """Take the names to choose from."""
        self._random = random
        self._skus = skus
        self._places = places

    def command(self, states: Iterable[object], number: int, now: Instant) -> c.AnyCommand:
        """A new document, or what becomes of one of the latest."""
        known = list(states)
        if self._random.random() < 0.55:
            returns = [one for one in known if isinstance(one, CustomerReturn)]
            return self._of_return(returns[-_LATEST:], number, now)
        counts = [one for one in known if isinstance(one, CountDocument)]
        return self._of_count(counts[-_LATEST:], number, now)

    # --- returns --------------------------------------------------------------------------------

    def _of_return(
        self, known: list[CustomerReturn], number: int, now: Instant
    ) -> c.AnyReturnCommand:
        random = self._random
        if not known or random.random() < 0.25:
            order = random.choice(ORDERS)
            return c.AuthoriseReturn(return_id=f"rma-{number}", lines=self._units(), order=order)
        document = random.choice(known)
        name = document.return_id
        match random.randrange(10):
            case 0 | 1 | 2:
                at = self._at(now)
                place = random.choice(self._places)
                lines = self._units()
                return c.ReceiveReturn(return_id=name, location=place, lines=lines, occurred_at=at)
            case 3:
                graded = GradedLine(sku=self._sku(), quantity=self._some(), grade="A")
                return c.InspectReturn(return_id=name, lines=(graded,))
            case 9:
                return c.CloseReturn(return_id=name)
            case _:
                lines_of = tuple(self._decided(document) for _ in range(random.randrange(1, 3)))
                return c.DispositionReturn(
                    return_id=name, lines=lines_of, occurred_at=self._at(now)
                )

    def _decided(self, document: CustomerReturn) -> DispositionedLine:
        line = self._random.choice(list(document.lines.values()))
        left = max(1, line.open)
        return DispositionedLine(
            sku=line.sku,
            quantity=self._random.randrange(1, left + 1),
            disposition=self._random.choice(get_args(Disposition)),
            location=self._random.choice((None, None, *line.at)),
        )

    # --- counts ---------------------------------------------------------------------------------

    def _of_count(self, known: list[CountDocument], number: int, now: Instant) -> c.AnyCountCommand:
        random = self._random
        if not known or random.random() < 0.2:
            return c.OpenCount(
                count_id=f"count-{number}",
                location=random.choice(self._places),
                kind=random.choice(("cycle", "full")),
                skus=tuple(self._skus) if random.random() < 0.3 else (),
                blind=random.random() < 0.4,
                approval_above=random.choice((None, 3, 20)),
            )
        name = random.choice(known).count_id
        match random.randrange(8):
            case 0 | 1 | 2:
                lines = {(one.sku, one.bucket): one for one in map(self._figure, [now] * 2)}
                return c.EnterCount(count_id=name, lines=tuple(lines.values()))
            case 3:
                return c.ApproveCount(count_id=name)
            case 4:
                return c.CancelCount(count_id=name)
            case _:
                return c.PostCount(count_id=name)

    def _figure(self, now: Instant) -> c.FigureLine:
        return c.FigureLine(
            sku=self._sku(),
            counted=self._random.randrange(0, 25),
            counted_at=self._at(now),
            bucket=self._random.choice(("sellable", "sellable", *PHYSICAL_BUCKETS)),
        )

    # --- parts ----------------------------------------------------------------------------------

    def _units(self) -> tuple[SkuQuantity, ...]:
        return tuple(
            SkuQuantity(sku=self._sku(), quantity=self._some())
            for _ in range(self._random.randrange(1, 3))
        )

    def _some(self) -> int:
        return self._random.randrange(1, 6)

    def _sku(self) -> str:
        return self._random.choice(self._skus)

    def _at(self, now: Instant) -> Instant | None:
        if self._random.random() < 0.6:
            return None
        return now - self._random.randrange(-400, 7_200) * _SECOND
