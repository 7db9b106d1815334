"""What the HTTP handlers work with, made once and handed to all of them."""

from typing import Any, TypeAlias

from litestar import Request
from litestar.types import Receive

from api.admission import Admission
from api.commands import Answer, Call, refused
from api.desk import Desk
from api.front_door import Visit, body_of, key_of
from api.metrics import Gauges, HttpMetrics, writer_numbers
from api.problems import Problem
from api.readiness import Readiness
from api.spelling import Spelling
from ledger.clock import Clock, monotonic
from ledger.settings import Settings
from projections.progress import Pool

HttpRequest: TypeAlias = Request[Any, Any, Any]


class Backend:
    """The parts behind the handlers."""

    def __init__(
        self,
        *,
        settings: Settings,
        desk: Desk,
        admission: Admission,
        pool: Pool,
        readiness: Readiness,
        metrics: HttpMetrics,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.desk = desk
        self.admission = admission
        self.pool = pool
        self.readiness = readiness
        self.metrics = metrics
        self.clock = clock
        self.spelling = Spelling(pool, settings.min_position_wait_ms / 1000)
        self.what_ifs = 0  # Being answered.
        self._deadline_s = settings.command_deadline_ms / 1000

    async def write(self, name: str, path_id: str, visit: Visit, receive: Receive) -> Answer:
        """Reads the body and has an operation carried out, here or by the active writer."""
        try:
            call = self._call(visit)
            body = await body_of(receive, self.settings.body_bytes_max)
            answer = await self.desk.carry_out(name, path_id, call, visit.authorization, body)
        except Problem as problem:
            answer = refused(problem, visit.correlation_id)
        if answer.code is not None:
            self.metrics.refused(answer.code)
        return answer

    async def carry_out(self, name: str, path_id: str, visit: Visit, body: bytes) -> Answer:
        """Has an operation carried out, here or by the active writer. Raises Problem."""
        call = self._call(visit)
        return await self.desk.carry_out(name, path_id, call, visit.authorization, body)

    def _call(self, visit: Visit) -> Call:
        return Call(
            visit.principal,
            key_of(visit.key),
            visit.correlation_id,
            "http",
            monotonic() + self._deadline_s,
        )

    def gauges(self, lag: dict[str, int]) -> Gauges:
        """What the writer and the projections say of themselves."""
        return Gauges(writer_numbers(self.desk.port), lag)


def backend_of(request: HttpRequest) -> Backend:
    """The parts, from a request."""
    backend: Backend = request.app.state.backend
    return backend


def visit_of(request: HttpRequest) -> Visit:
    """What the front door learned about a request."""
    visit: Visit = request.scope["visit"]  # type: ignore[typeddict-item]
    return visit
