"""Promises: place, change, and what has become of them."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.problems import problem_of
from api.questions import asking
from api.schemas import reservations as words
from api.schemas.fields import check_code
from api.schemas.questions import (
    OneQuery,
    ReservationFound,
    ReservationItem,
    ReservationsPage,
    ReservationsQuery,
    found,
)
from ledger.domain.refusals import NotFound
from projections.progress import wait_for
from projections.reservations import queries

_TAG = "reservations"
_NO_STOCK = "insufficient-stock"


async def _wait(request: HttpRequest, position: int) -> None:
    backend = backend_of(request)
    if position:
        patience_s = backend.settings.min_position_wait_ms / 1000
        await wait_for(backend.pool, "reservations", position, patience_s)


async def _one(request: HttpRequest, query: OneQuery) -> ReservationFound:
    backend, reservation_id = backend_of(request), path_id(request)
    async with asking():
        await _wait(request, query.min_position)
        answer = await queries.get(backend.pool, reservation_id, now=backend.clock.now())
    if answer.reservation is None:
        raise problem_of(NotFound("reservation", reservation_id))
    return found(answer.reservation, answer.position)


async def _list(request: HttpRequest, query: ReservationsQuery) -> ReservationsPage:
    backend = backend_of(request)
    for name in ("sku", "location", "channel"):
        check_code(name, getattr(query, name))
    wanted = queries.Filter(
        sku=query.sku, location=query.location, status=query.status, channel=query.channel
    )
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_reservations(
            backend.pool,
            wanted,
            now=backend.clock.now(),
            cursor=query.cursor,
            limit=query.limit,
        )
    return ReservationsPage(
        items=[ReservationItem.of(item) for item in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


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
            summary="A promise as it stands",
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
