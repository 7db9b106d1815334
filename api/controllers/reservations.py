"""Promises: place, change, and what has become of them."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.questions import one_of, page_of
from api.schemas import reservations as words
from api.schemas.fields import check_asked_code
from api.schemas.questions import (
    OneQuery,
    ReservationFound,
    ReservationItem,
    ReservationsPage,
    ReservationsQuery,
    stands_for,
)
from projections.reservations.queries import RESERVATIONS, Filter

_TAG = "reservations"
_NO_STOCK = "insufficient-stock"


async def _one(request: HttpRequest, query: OneQuery) -> ReservationFound:
    found, at, position = await one_of(
        request, query, RESERVATIONS, path_id(request), "reservation"
    )
    return ReservationFound.of(found, **stands_for(at, position))


async def _list(request: HttpRequest, query: ReservationsQuery) -> ReservationsPage:
    for name in ("sku", "location", "channel"):
        check_asked_code(name, getattr(query, name))
    wanted = Filter(
        sku=query.sku, location=query.location, status=query.status, channel=query.channel
    )
    found, page = await page_of(request, query, RESERVATIONS, wanted)
    return ReservationsPage(items=[ReservationItem.of(item) for item in found], **page)


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
    _transition(
        "relocate",
        words.RelocateRequest,
        "Hold open units at other locations",
        _NO_STOCK,
        required=True,
    ),
    _transition("fulfil", words.FulfilRequest, "Report that promised goods left"),
    _transition("release", words.ReleaseRequest, "Give promised units up"),
    ask(
        "/v1/reservations/{id:str}",
        answered(OneQuery, _one),
        operation_id="getReservation",
        endpoint=Endpoint(
            summary="A promise, now or at a business time as known at a ledger time",
            tag=_TAG,
            answers={200: ReservationFound},
            codes=(*READ_CODES, "not-found"),
            query=OneQuery,
            path_id="reservation",
        ),
    ),
    ask(
        "/v1/reservations",
        answered(ReservationsQuery, _list),
        operation_id="listReservations",
        endpoint=Endpoint(
            summary="Promises, newest first",
            tag=_TAG,
            answers={200: ReservationsPage},
            codes=READ_CODES,
            query=ReservationsQuery,
        ),
    ),
]
