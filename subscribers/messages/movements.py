"""Messages about what became of recorded movements."""

from subscribers.messages.base import Message


class MovementVoided(Message, frozen=True, kw_only=True, omit_defaults=True):
    """A part of a recorded movement was voided."""

    TYPE = "inventory.movement.voided.v1"
    owner: str
    movement_id: str
    recorded: int
    quantity: int
