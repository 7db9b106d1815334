"""Random definitions, quantities in packs, and facts about strangers, for random histories."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Final

from ledger.domain import commands as c
from ledger.domain.conflict import Conflict
from ledger.domain.events import Pack
from ledger.domain.units import Stated
from tests.support.catalogs import may

SERVICE: Final = "WRAPPING"
STRANGERS: Final = ("Candle", "CANDLE", "Vase")
"""SKUs that are unknown at first: facts about them wait. Of one the case does not matter."""


class Drawing:
    """Draws from a history's own source of chance, so that a seed still gives one history."""

    def __init__(self, random: Random, skus: Sequence[str], places: Sequence[str]) -> None:
        """Take the names to choose from."""
        self._random = random
        self._skus = skus
        self._places = places

    def command(self, conflicts: Iterable[Conflict]) -> c.AnyCommand:
        """A definition, a fact in packs, a fact about a stranger, or the end of its waiting."""
        waiting = [one for one in conflicts if one.parked is not None and one.status == "open"]
        match self._random.randrange(10):
            case 0 | 1:
                return self._sku()
            case 2:
                return self._location()
            case 3 | 4:
                return self._in_packs()
            case 5 | 6 | 7 if waiting:
                conflict_id = self._random.choice(waiting).conflict_id
                if self._random.random() < 0.7:
                    return c.ReleaseParked(conflict_id=conflict_id)
                word = self._random.choice(("release", "dismiss"))
                return c.ResolveConflict(conflict_id=conflict_id, resolution=word)
            case _:
                return self._about_a_stranger()

    def strictly(self, command: c.AnyCommand) -> bool:
        """Whether a command is given to a service that runs with a strict catalog."""
        return isinstance(command, c.RecordMovements) and any(
            movement.sku in STRANGERS for movement in command.movements
        )

    def _sku(self) -> c.DefineSku:
        random = self._random
        packs = (
            Pack(name="case", factor=random.choice((6, 12))),
            Pack(name="box", factor=4, of="case"),
        )
        sku = random.choice((*self._skus, *STRANGERS, SERVICE))
        policy = "upper" if sku.upper() == "CANDLE" else "exact"
        return c.DefineSku(
            sku=sku,
            base_unit="each",
            packs=packs[: random.randrange(3)],
            service=sku == SERVICE,
            case_policy=policy,  # type: ignore[arg-type]
        )

    def _location(self) -> c.DefineLocation:
        place = self._random.choice(self._places)
        authority = self._random.choice(((), may(count="wms-1 pos", others="pos")))
        return c.DefineLocation(location=place, kind="store", authority=authority)

    def _in_packs(self) -> c.RecordMovements:
        random = self._random
        unit = random.choice(("case", "box", "each", None))
        amount = random.choice(("1", "2", "0.5"))
        sku = random.choice((*self._skus, SERVICE))
        return self._one(sku, Stated(field="quantity", amount=amount, uom=unit))

    def _about_a_stranger(self) -> c.RecordMovements:
        stated = Stated(field="quantity", amount="1", uom="case")
        sku = self._random.choice(STRANGERS)
        return self._one(sku, stated if self._random.random() < 0.3 else None)

    def _one(self, sku: str, stated: Stated | None) -> c.RecordMovements:
        kind = c.Receive if self._random.random() < 0.7 else c.Sale
        movement = kind(
            sku=sku,
            location=self._random.choice(self._places),
            quantity=0 if stated else self._random.randrange(1, 9),
            stated=(stated,) if stated else (),
            source="pos",
        )
        return c.RecordMovements(movements=(movement,))
