"""Transfers: ask for one, report what left and what arrived, and see what is on its way."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest, backend_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.problems import problem_of
from api.questions import asking
from api.schemas import transfers as words
from api.schemas.fields import check_code
from api.schemas.questions import OneQuery
from ledger.domain.refusals import NotFound
from projections.progress import wait_for
from projections.transfers import queries

_TAG = "transfers"
_NO_UNIT = "inexact-unit"


async def _wait(request: HttpRequest, position: int) -> None:
    backend = backend_of(request)
    if position:
        patience_s = backend.settings.min_position_wait_ms / 1000
        await wait_for(backend.pool, "transfers", position, patience_s)


async def _one(request: HttpRequest, query: OneQuery) -> words.TransferFound:
    transfer_id = path_id(request)
    async with asking():
        await _wait(request, query.min_position)
        answer = await queries.get(backend_of(request).pool, transfer_id)
    if answer.transfer is None:
        raise problem_of(NotFound("transfer", transfer_id))
    return words.TransferFound.of(answer.transfer, position=answer.position)


async def _list(request: HttpRequest, query: words.TransfersQuery) -> words.TransfersPage:
    check_code("from", query.from_location)
    check_code("to", query.to_location)
    check_code("sku", query.sku)
    wanted = queries.Filter(
        from_location=query.from_location,
        to_location=query.to_location,
        sku=query.sku,
        status=query.status,
    )
    async with asking():
        await _wait(request, query.min_position)
        page = await queries.list_transfers(
            backend_of(request).pool, wanted, cursor=query.cursor, limit=query.limit
        )
    return words.TransfersPage(
        items=[words.TransferItem.of(item) for item in page.items],
        position=page.position,
        next_cursor=page.next_cursor,
    )


def _transition(verb: str, request: type, summary: str, *codes: str) -> HTTPRouteHandler:
    return write(
        f"/v1/transfers/{{id:str}}/{verb}",
        name=f"transfers.{verb}",
        operation_id=f"{verb}Transfer",
        endpoint=Endpoint(
            summary=summary,
            tag=_TAG,
            answers={200: words.TransferAnswer},
            codes=(*WRITE_CODES, "not-found", "illegal-state", *codes),
            request=request,
            body_required=False,
            path_id="transfer",
            writes=True,
        ),
    )


HANDLERS: list[HTTPRouteHandler] = [
    write(
        "/v1/transfers",
        name="transfers.request",
        operation_id="requestTransfer",
        endpoint=Endpoint(
            summary="Ask for goods to be moved from one location to another; nothing is held",
            tag=_TAG,
            answers={201: words.TransferAnswer},
            codes=(*WRITE_CODES, "not-found", "id-taken", _NO_UNIT),
            request=words.TransferRequest,
            writes=True,
        ),
    ),
    _transition(
        "dispatch", words.DispatchTransferRequest, "Report that goods left their source", _NO_UNIT
    ),
    _transition(
        "receive",
        words.ReceiveTransferRequest,
        "Report what became of goods on their way",
        _NO_UNIT,
    ),
    _transition("cancel", words.CancelTransferRequest, "Give a request up before anything left"),
    _transition(
        "close", words.CloseTransferRequest, "End a transfer of which nothing is under way"
    ),
    ask(
        "/v1/transfers/{id:str}",
        answered(OneQuery, _one),
        operation_id="getTransfer",
        endpoint=Endpoint(
            summary="A transfer as it stands",
            tag=_TAG,
            answers={200: words.TransferFound},
            codes=(*READ_CODES, "not-found"),
            query=OneQuery,
            path_id="transfer",
        ),
    ),
    ask(
        "/v1/transfers",
        answered(words.TransfersQuery, _list),
        operation_id="listTransfers",
        endpoint=Endpoint(
            summary="Transfers, newest first",
            tag=_TAG,
            answers={200: words.TransfersPage},
            codes=READ_CODES,
            query=words.TransfersQuery,
        ),
    ),
]
