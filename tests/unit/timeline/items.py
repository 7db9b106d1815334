"""Changes of a stock, as the API tells them."""

from typing import Any

from api.schemas.fields import rfc3339
from api.schemas.questions import MovementItem
from projections.answers import Levels

DAY = 86_400_000_000
BEGIN = 1_767_254_400_000_000
"""2026-01-01T08:00:00Z"""


def item(topic: str, day: float, **fields: Any) -> MovementItem:
    """A change on a day, recorded on the spot, of mugs in Amsterdam: the rest as a test says.

    `changes` and `balances` name what is not nothing.
    """
    at = BEGIN + int(day * DAY)
    buckets = ("sellable", "quarantine", "damaged", "returned", "blocked", "reserved")
    balances = fields.pop("balances", {})
    amounts = tuple(balances.get(bucket, 0) for bucket in buckets)
    recorded_at = BEGIN + int(fields.pop("recorded", day) * DAY)
    effective_at = BEGIN + int(fields.pop("effective", day) * DAY)
    nothing = dict.fromkeys(
        (
            *("reference", "movement_id", "reservation_id", "transfer_id", "return_id", "count_id"),
            *("order", "restates", "counted", "claimed_at"),
        )
    )
    given: dict[str, Any] = {
        **nothing,
        "position": 1,
        "part": 0,
        "version": 1,
        "type": topic,
        "occurred_at": rfc3339(at),
        "effective_at": rfc3339(effective_at),
        "recorded_at": rfc3339(recorded_at),
        "changes": {},
        "balances": Levels.of("ams-1", "MUG", amounts),
        "actor": "till-7",
        "source": "pos",
        "reason": "sale",
        "correlation_id": "c",
        "command_id": "k",
        "conflicts": (),
    }
    return MovementItem(**given | fields)
