"""Events of `movement/<principal>/<id>`: what became of one recorded movement."""

from typing import TypeAlias

from ledger.domain.events.base import Event
from ledger.domain.values import Id, Text, stream_id


class MovementEvent(Event, frozen=True):
    """Something became of a recorded movement; `recorded` is what it came to until now.

    Units, signed where the movement is an adjustment; for a count the counted number.
    """

    owner: Text  # The principal in whose name space the movement id lives.
    movement_id: Id
    recorded: int

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("movement", self.owner, self.movement_id)


class MovementVoided(MovementEvent, frozen=True, tag="movement.voided.v1"):
    """A part of a recorded movement was voided; what is left may be voided later."""

    quantity: int  # Units voided now.


class MovementUnvoided(MovementEvent, frozen=True, tag="movement.unvoided.v1"):
    """A void of a recorded movement had said too much: so many units of it count again."""

    quantity: int


class MovementCorrected(MovementEvent, frozen=True, tag="movement.corrected.v1"):
    """People said what a recorded movement really came to."""

    quantity: int  # In all, what was voided of it included.


class MovementCancelled(MovementEvent, frozen=True, tag="movement.cancelled.v1"):
    """A recorded movement never took place; nothing is left of it, for good."""

    quantity: int  # What was left of it.


AnyMovementEvent: TypeAlias = (
    MovementVoided | MovementUnvoided | MovementCorrected | MovementCancelled
)
