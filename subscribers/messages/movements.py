"""Messages about what became of recorded movements."""

from subscribers.messages.base import Message


class MovementVoided(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a recorded movement was voided."""

    TYPE = "inventory.movement.voided.v1"
    owner: str
    movement_id: str
    recorded: int
    quantity: int


class MovementUnvoided(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A void of a recorded movement had said too much."""

    TYPE = "inventory.movement.unvoided.v1"
    owner: str
    movement_id: str
    recorded: int
    quantity: int


class MovementCorrected(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A recorded movement really came to `quantity` in all, not to `recorded`."""

    TYPE = "inventory.movement.corrected.v1"
    owner: str
    movement_id: str
    recorded: int
    quantity: int


class MovementCancelled(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A recorded movement never took place; `quantity` was left of it."""

    TYPE = "inventory.movement.cancelled.v1"
    owner: str
    movement_id: str
    recorded: int
    quantity: int
