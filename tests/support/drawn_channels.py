"""Random channels for random histories: defined, stale now and then, read with credentials."""

from random import Random
from typing import Any, Final

from ledger.domain import commands as c
from tests.support.channels import channel, credential, revoked, rules, stale

CHANNELS: Final = ("web", "app")
CREDENTIALS: Final = 4


class Drawing:
    """Draws from a chance of its own, so that the rest of a history does not depend on it."""

    def __init__(self, seed: int, skus: Any, places: Any) -> None:
        """Take the names to choose from."""
        self._random = Random(f"channels {seed}")
        self._skus = skus
        self._places = places

    def command(self) -> c.AnyCommand:
        """A definition, what was measured, or who may read; often of nobody yet, or twice."""
        random = self._random
        name, number = random.choice(CHANNELS), random.randrange(CREDENTIALS)
        match random.randrange(8):
            case 0 | 1 | 2:
                return self._defined(name)
            case 3 | 4:
                return stale(random.choice((0, 30, 75, 400)), name)
            case 5 | 6:
                return credential(number, name, public_key=f"U-{name}-{number}")
            case _:
                return revoked(number, name)

    def _defined(self, name: str) -> c.DefineChannel:
        random = self._random
        scopes: list[dict[str, str]] = [{}, {"sku": random.choice(self._skus)}, {"sku_class": "A"}]
        kept = [
            {"units": random.randrange(4), "basis_points": random.choice((0, 250))} | scope
            for scope in scopes[: random.randrange(4)]
        ]
        bands = [{"from_s": 60, "units": 1}, {"from_s": 300, "units": 2, "basis_points": 500}]
        by = rules(
            safety_stock=[{"units": random.randrange(3), "location": random.choice(self._places)}],
            buffers=kept,
            caps=[{"units": 20, **scopes[random.randrange(3)]}],
            rounding=[{"pack": "case", **scopes[2]}] if random.random() < 0.3 else [],
            staleness=bands[: random.randrange(3)],
            publish={"rise_units": random.choice((1, 3))},
            backorder_limit=random.choice((0, 2)),
            binding=random.random() < 0.3,
        )
        fed = {"kinds": ("store",)} if random.random() < 0.4 else {"locations": self._places}
        return channel(name, of=by, by_location=random.random() < 0.3, **fed)
