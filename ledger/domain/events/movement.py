"""Events of `movement/<principal>/<id>`: what became of one recorded movement."""

from typing import TypeAlias

from ledger.domain.events.base import Event
from ledger.domain.values import stream_id


class MovementVoided(Event, frozen=True, tag="movement.voided.v1"):
    """A part of a recorded movement was voided; what is left may be voided later."""

    owner: str  # The principal in whose name space the movement id lives.
    movement_id: str
    recorded: int  # Units of the original movement.
    quantity: int  # Units voided now.

    @property
    def stream(self) -> str:
        """The stream this event belongs to."""
        return stream_id("movement", self.owner, self.movement_id)


AnyMovementEvent: TypeAlias = MovementVoided
