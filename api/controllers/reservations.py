"""Promises: place, change, and what has become of them."""

from litestar.handlers import HTTPRouteHandler

from api.endpoints import WRITE_CODES, Endpoint, write
from api.schemas import reservations as words

_TAG = "reservations"
_NO_STOCK = "insufficient-stock"


def _transition(
    verb: str, request: type, summary: str, *codes: str, required: bool = False
) -> HTTPRouteHandler:
    return write(
        f"/v1/reservations/{{id:str}}/{verb}",
        name=f"reservations.{verb}",
        operation_id=f"{verb}Reservation",
        endpoint=Endpoint(
            summary=summary,
            tag=_TAG,
            answers={200: words.ReservationAnswer},
            codes=(*WRITE_CODES, "not-found", "illegal-state", *codes),
            request=request,
            body_required=required,
            path_id="reservation",
            writes=True,
        ),
    )


HANDLERS: list[HTTPRouteHandler] = [
    write(
        "/v1/reservations",
        name="reservations.place",
        operation_id="placeReservation",
        endpoint=Endpoint(
            summary="Ask for a promise over one or many stocks",
            tag=_TAG,
            answers={201: words.ReservationAnswer},
            codes=(*WRITE_CODES, _NO_STOCK, "illegal-state", "id-taken"),
            request=words.PlaceRequest,
            writes=True,
        ),
    ),
    _transition(
        "confirm", words.ConfirmRequest, "Make a promise hard: it no longer runs out", _NO_STOCK
    ),
    _transition(
        "extend",
        words.ExtendRequest,
        "Let a soft promise run out at another time",
        _NO_STOCK,
        required=True,
    ),
    _transition(
        "amend",
        words.AmendRequest,
        "Set the promised totals of some lines",
        _NO_STOCK,
        required=True,
    ),
    _transition("fulfil", words.FulfilRequest, "Report that promised goods left"),
    _transition("release", words.ReleaseRequest, "Give promised units up"),
]
