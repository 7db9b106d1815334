"""The web console: for now one static page."""

from importlib.resources import files

from litestar.handlers import HTTPRouteHandler

from api.commands import Answer
from api.dependencies import HttpRequest
from api.endpoints import Endpoint, ask
from api.front_door import Reply

_PAGE = Answer(
    200,
    files(__package__).joinpath("index.html").read_bytes(),
    "text/html; charset=utf-8",
    (("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),),
)


async def _page(_: HttpRequest) -> Reply:
    return Reply(_PAGE)


HANDLERS: list[HTTPRouteHandler] = [
    ask(
        "/",
        _page,
        operation_id="console",
        endpoint=Endpoint(
            summary="A page for people", tag="health", answers={200: "text/html"}, open=True
        ),
    )
]
