"""What goes past the framework is answered in the same words as what goes through it."""

from typing import Any

import msgspec

from api.app import create_app
from api.auth import Authenticator
from api.commands import Answer
from api.front_door import FrontDoor, Straight, Visit
from api.metrics import HttpMetrics, exposition
from ledger.settings import Settings


class Caller:
    """Sends one POST and keeps what comes back."""

    def __init__(self) -> None:
        """Has nothing yet."""
        self.messages: list[Any] = []

    async def post(self, door: FrontDoor, path: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the answer."""
        scope: Any = {"type": "http", "method": "POST", "path": path, "headers": []}
        await door(scope, self.receive, self.send)
        start, body = self.messages
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], headers, msgspec.json.decode(body["body"])

    async def receive(self) -> Any:
        """An empty body."""
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Any) -> None:
        """Keeps a message."""
        self.messages.append(message)


async def _never(*_: Any) -> None:
    raise AssertionError("the framework was not to be asked")


async def _broken(_: Visit, __: Any) -> Answer:
    raise RuntimeError("this is what only we may read")


def test_every_operation_whose_address_names_nothing_goes_straight() -> None:
    """By its path as it is written; whatever is written otherwise takes the framework's way."""
    settings = Settings(database_url="postgresql://nowhere/nothing", admin_key="0123456789abcdef")
    straight = create_app(settings).straight

    assert {
        "/v1/movements": "recordMovements",
        "/v1/reservations": "placeReservation",
        "/v1/transfers": "requestTransfer",
    }.items() <= {path: one.operation_id for path, one in straight.items()}.items()
    assert not any("{" in path for path in straight)


async def test_what_breaks_on_the_straight_way_is_an_answer() -> None:
    """A 500 that says nothing of its cause, under a name it can be found by; and it is counted."""
    metrics = HttpMetrics()
    straight = {"/v1/broken": Straight("break", _broken)}
    settings = Settings(auth="none")
    door = FrontDoor(_never, Authenticator(settings), metrics, settings, straight)
    status, headers, body = await Caller().post(door, "/v1/broken")

    assert (500, "application/problem+json") == (status, headers["content-type"])
    assert headers["x-correlation-id"] == body["correlation_id"]
    assert "only we" not in str(body)
    assert b'operation="break",status="500"' in exposition(metrics)


async def test_the_straight_way_needs_a_key_like_any_other() -> None:
    """Who has none is told so before anything is read."""
    settings = Settings(admin_key="0123456789abcdef")
    straight = {"/v1/broken": Straight("break", _broken)}
    door = FrontDoor(_never, Authenticator(settings), HttpMetrics(), settings, straight)
    status, _, body = await Caller().post(door, "/v1/broken")

    assert 401 == status
    assert body["type"].endswith("unauthenticated")
