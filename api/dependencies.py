"""What the HTTP handlers work with, made once and handed to all of them."""

from time import monotonic
from typing import Any, TypeAlias

from litestar import Request
from litestar.types import Receive

from api.auth import Authenticator
from api.commands import Answer, Call, refused
from api.desk import Desk
from api.front_door import Visit, body_of, key_of
from api.metrics import HttpMetrics
from api.problems import Problem
from ledger.settings import Settings

HttpRequest: TypeAlias = Request[Any, Any, Any]


class Backend:
    """The parts behind the handlers."""

    def __init__(
        self, settings: Settings, desk: Desk, auth: Authenticator, metrics: HttpMetrics
    ) -> None:
        self.settings = settings
        self.desk = desk
        self.auth = auth
        self.metrics = metrics
        self._deadline_s = settings.command_deadline_ms / 1000

    async def write(self, name: str, path_id: str, visit: Visit, receive: Receive) -> Answer:
        """Reads the body and has an operation carried out, here or by the active writer."""
        try:
            call = Call(
                visit.principal,
                key_of(visit.key),
                visit.correlation_id,
                "http",
                monotonic() + self._deadline_s,
            )
            body = await body_of(receive, self.settings.body_bytes_max)
            answer = await self.desk.carry_out(name, path_id, call, visit.authorization, body)
        except Problem as problem:
            answer = refused(problem, visit.correlation_id)
        if answer.code is not None:
            self.metrics.refused(answer.code)
        return answer


def backend_of(request: HttpRequest) -> Backend:
    """The parts, from a request."""
    backend: Backend = request.app.state.backend
    return backend


def visit_of(request: HttpRequest) -> Visit:
    """What the front door learned about a request."""
    visit: Visit = request.scope["visit"]  # type: ignore[typeddict-item]
    return visit
