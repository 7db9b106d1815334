"""What callers do with promises: one command, one reply."""

from collections.abc import Callable
from typing import Final

from api.commands import (
    JSON,
    REPLAYED,
    Answer,
    Begin,
    Call,
    Done,
    Operations,
    Ticket,
    encode,
    single,
)
from api.schemas import reservations
from api.schemas.reading import read
from ledger.domain.outcomes import ReservationState
from ledger.submission import Accepted


def _reservation(status: int) -> Callable[[Accepted], Answer]:
    def render(reply: Accepted) -> Answer:
        assert isinstance(reply.outcome, ReservationState)
        body = encode(reservations.ReservationAnswer.of(reply.outcome))
        return Answer(status, body, JSON, (REPLAYED,) if reply.replayed else ())

    return render


_created: Final = _reservation(201)
_changed: Final = _reservation(200)


def _place(operations: Operations, _: str, call: Call, body: bytes, done: Done) -> None:
    command = reservations.place_of(read(reservations.PLACE, body))
    operations.submit(command, call.key, call, "promise", Ticket(call, _created, done))


OPERATIONS: Final[dict[str, Begin]] = {
    "reservations.place": _place,
    "reservations.confirm": single(
        reservations.CONFIRM, reservations.confirm_of, _changed, "promise"
    ),
    "reservations.extend": single(reservations.EXTEND, reservations.extend_of, _changed, "promise"),
    "reservations.amend": single(reservations.AMEND, reservations.amend_of, _changed, "promise"),
    "reservations.relocate": single(
        reservations.RELOCATE, reservations.relocate_of, _changed, "promise"
    ),
    "reservations.fulfil": single(reservations.FULFIL, reservations.fulfil_of, _changed, "fact"),
    "reservations.release": single(
        reservations.RELEASE, reservations.release_of, _changed, "promise"
    ),
}
