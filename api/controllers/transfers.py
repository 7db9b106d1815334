"""Transfers: ask for one, report what left and what arrived, and see what is on its way."""

from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.questions import one_of, page_of
from api.schemas import transfers as words
from api.schemas.fields import check_asked_code
from api.schemas.questions import OneQuery, stands_for
from projections.transfers.queries import TRANSFERS, Filter

_TAG = "transfers"
_NO_UNIT = "inexact-unit"


async def _one(request: HttpRequest, query: OneQuery) -> words.TransferFound:
    found, at, position = await one_of(request, query, TRANSFERS, path_id(request), "transfer")
    return words.TransferFound.of(found, **stands_for(at, position))


async def _list(request: HttpRequest, query: words.TransfersQuery) -> words.TransfersPage:
    check_asked_code("from", query.from_location)
    check_asked_code("to", query.to_location)
    check_asked_code("sku", query.sku)
    wanted = Filter(
        from_location=query.from_location,
        to_location=query.to_location,
        sku=query.sku,
        status=query.status,
    )
    found, page = await page_of(request, query, TRANSFERS, wanted)
    return words.TransfersPage(items=[words.TransferItem.of(item) for item in found], **page)


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
            summary="A transfer, now or at a business time as known at a ledger time",
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
