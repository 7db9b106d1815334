"""What a load driver asks for where channels are told: their rules change all the time, too."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from ledger.clock import SystemClock
from tests.support.mixture import PLACES, SKUS, Mixture, Request

EXPIRES_S: Final = (0.3, 0.6, 1.2, 2.5)
"""Promises run out while faults are under way, and soon after the last of them."""

LAST_WORD: Final[dict[str, Any]] = {
    "locations": list(PLACES),
    "by_location": True,
    "rules": {"safety_stock": [{"units": 1, "sku": "MUG"}]},
}
"""Rules under which every change is told at once."""


class RuleMixture(Mixture):
    """Draws what the other mixture draws, promises that run out, and what changes channels."""

    def __init__(self, random: Random, channels: list[str]) -> None:
        """The channels have been defined."""
        super().__init__(random)
        self._channels = channels

    def request(self, key: str) -> Request:
        """The next one, under an idempotency key of its own."""
        draw = self._random.random()
        if draw < 0.08:
            return f"/v1/channels/{self._channel()}", self._definition()
        if draw < 0.11:
            measured = {"measured_s": self._random.choice((0, 30, 90))}
            return f"/v1/channels/{self._channel()}/staleness", measured
        if draw < 0.35:
            return "/v1/reservations", self._soft(f"soft-{key}")
        return super().request(key)

    def _channel(self) -> str:
        return self._random.choice(self._channels)

    def _soft(self, name: str) -> dict[str, Any]:
        now = datetime.fromtimestamp(SystemClock().now() / 1_000_000, UTC)
        ends = now + timedelta(seconds=self._random.choice(EXPIRES_S))
        return {
            "reservation_id": name,
            "kind": "soft",
            "expires_at": ends.isoformat(),
            "lines": [self._line() | {"quantity": self._units()}],
            "channel": self._channel(),
        }

    def _definition(self) -> dict[str, Any]:
        some = self._random.sample(PLACES, self._random.randrange(1, len(PLACES) + 1))
        every_ms = self._random.choice((0, 100))
        every: dict[str, Any] = {
            "safety_stock": [{"units": self._units(), "sku": self._random.choice(SKUS)}],
            "buffers": [{"percent": self._random.choice((5, "12.5"))}],
            "caps": [{"units": 5 * self._units()}],
            "rounding": [{"units": 2}],
            "staleness": [{"from_s": 60, "units": 1}],
            "publish": {"rise_units": 2, "every_ms": every_ms},
            "backorder_limit": self._units(),
            "only_fenced": True,
            "binding": True,
        }
        rules = {name: rule for name, rule in every.items() if self._random.random() < 0.2}
        by_location = self._random.random() < 0.5
        return {"locations": some, "by_location": by_location, "rules": rules}
