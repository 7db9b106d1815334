"""For machines that watch: is it alive, is it ready, what does it count."""

from contextlib import suppress
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from api.commands import Answer
from api.dependencies import HttpRequest, backend_of
from api.endpoints import Endpoint, ask
from api.front_door import Reply
from api.metrics import (
    CONTENT_TYPE,
    AuditMetrics,
    Collector,
    Reconciled,
    RelayMetrics,
    TellingMetrics,
    exposition,
)
from api.problems import Problem
from api.questions import asking
from projections.audit.status import Status
from projections.availability.told import status
from projections.copies.status import Relayed
from projections.reconciliations.queries import latest

_LIVE = Answer(200, b'{"status":"alive"}')


class Alive(Struct, frozen=True):
    """The process answers."""

    status: str


class Difference(Struct, frozen=True):
    """A law that does not hold, and where. What stands there is for the log: this door is open."""

    law: int
    position: int


class Audited(Struct, frozen=True, kw_only=True):
    """What the auditor says. A difference needs people, not another process: it is a detail."""

    verified_position: int
    breaches: int  # Found since the auditor started.
    difference: Difference | None  # The first that stands.


class Relaying(Struct, frozen=True, kw_only=True):
    """What the relay says. `halted` needs people, not another process: the log says why."""

    state: str
    generation: int  # Which copy of the ledger is told.
    told_position: int
    differences: int  # Messages that were not as the ledger says,
    repaired: int  # and those of them that were told anew.


class Ready(Struct, frozen=True, kw_only=True):
    """What the process needs; only the first three decide whether it is ready."""

    status: str
    database: bool
    migrated: bool
    writer: bool
    active: bool  # This process's writer is the active one.
    bus: bool
    projections: dict[str, int]  # How many events each is behind.
    audit: Audited | None  # None: no auditor has ever run.
    relay: Relaying | None  # None: no relay has ever run.


async def _live(_: HttpRequest) -> Reply:
    return Reply(_LIVE)


async def _ready(request: HttpRequest) -> Reply:
    backend = backend_of(request)
    health = await backend.readiness.look()
    needed = (health.database, health.migrated, health.writer)
    ready = Ready(
        status="ready" if all(needed) else "not ready",
        database=health.database,
        migrated=health.migrated,
        writer=health.writer,
        active=backend.desk.active,
        bus=backend.desk.bus_connected,
        projections=health.lag,
        audit=None if health.audit is None else _audited(health.audit),
        relay=None if health.relay is None else _relaying(health.relay),
    )
    retry: tuple[tuple[str, str], ...] = () if all(needed) else (("Retry-After", "1"),)
    body = msgspec.json.encode(ready)
    return Reply(Answer(200 if all(needed) else 503, body, headers=retry))


def _audited(status: Status) -> Audited:
    first = status.first
    return Audited(
        verified_position=status.position,
        breaches=status.breaches,
        difference=None if first is None else Difference(first.law, first.position),
    )


def _relaying(relayed: Relayed) -> Relaying:
    return Relaying(
        state=relayed.state,
        generation=relayed.generation,
        told_position=relayed.told,
        differences=sum(one.differences for one in relayed.copies),
        repaired=sum(one.repaired for one in relayed.copies),
    )


async def _metrics(request: HttpRequest) -> Reply:
    backend = backend_of(request)
    health = await backend.readiness.look()
    collectors: list[Collector] = [
        backend.metrics,
        backend.gauges(health.lag),
        AuditMetrics(health.audit),
        RelayMetrics(health.relay),
    ]
    if health.database and health.migrated:
        with suppress(Problem):  # Whoever watches needs the other numbers just then.
            async with asking():
                collectors.append(Reconciled(await latest(backend.pool)))
                collectors.append(TellingMetrics(await status(backend.pool)))
    return Reply(Answer(200, exposition(*collectors), CONTENT_TYPE))


def _open(
    path: str, question: Any, operation_id: str, summary: str, answers: dict[int, Any]
) -> Any:
    endpoint = Endpoint(summary=summary, tag="health", answers=answers, open=True)
    return ask(path, question, operation_id=operation_id, endpoint=endpoint)


HANDLERS: list[HTTPRouteHandler] = [
    _open("/health/live", _live, "live", "Whether the process answers", {200: Alive}),
    _open(
        "/health/ready",
        _ready,
        "ready",
        "Whether it can do its work",
        {200: Ready, 503: Ready},
    ),
    _open("/metrics", _metrics, "metrics", "What it counts", {200: "text/plain"}),
]
