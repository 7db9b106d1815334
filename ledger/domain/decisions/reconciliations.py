"""Reconciliations: what was found is recorded once; a correction is made once somebody says so.

A correction is an adjustment of now, whatever moment the balances are of: that moment may lie
before a count, which has already put right what was wrong then, and would absorb the correction.
The moment stays in the event of the approval.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from msgspec.structs import replace

from ledger.domain.catalog import location_stream, spellings
from ledger.domain.commands import ApproveReconciliation, RecordReconciliation
from ledger.domain.decisions.catalog import check_authority, location_of, sku_of
from ledger.domain.decisions.conflicts import settle
from ledger.domain.decisions.world import (
    Cause,
    ConflictIds,
    Context,
    Deciding,
    Decision,
    Effect,
    World,
)
from ledger.domain.events import (
    ApprovedLine,
    ProposedLine,
    ReconciliationApproved,
    ReconciliationProposed,
    StockAdjusted,
)
from ledger.domain.outcomes import MovementResult, ReconciliationApproval, ReconciliationState
from ledger.domain.reconciliation import Reconciliation
from ledger.domain.refusals import IdTaken, IllegalState, NotFound
from ledger.domain.values import Instant, StockId, reconciliation_stream

REASON: Final = "reconciliation"
"""Of every adjustment that an approval makes."""

LINES_PER_EVENT_MAX: Final = 500
"""Proposed corrections in one event, some 60 KB: its message has to fit on the bus."""

Reconciling: TypeAlias = RecordReconciliation | ApproveReconciliation


def record(command: RecordReconciliation, world: World, now: Instant) -> Decision:
    """Keep what was found. The same list again under its id decides nothing."""
    known = _known(world, command.reconciliation_id)
    if known is not None:
        if known.recorded.content != command.found.content:
            raise IdTaken("reconciliation", command.reconciliation_id)
        return _state(known, world.head)
    cause = Cause(now, REASON)
    yield Effect(replace(command.found, occurred_at=now), cause, fresh=True)
    for start in range(0, len(command.proposals), LINES_PER_EVENT_MAX):
        lines = command.proposals[start : start + LINES_PER_EVENT_MAX]
        proposed = ReconciliationProposed(
            occurred_at=now, reconciliation_id=command.reconciliation_id, lines=lines
        )
        yield Effect(proposed, cause)
    return _state(_find(world, command.reconciliation_id), world.head)


def approve(
    command: ApproveReconciliation, world: World, now: Instant, context: Context
) -> Decision:
    """Make corrections, each once. Without lines, as many open ones as one approval may make."""
    found = _find(world, command.reconciliation_id)
    lines = _asked(command, found)
    for line in lines:
        _admit(line, world, context)
    results: tuple[MovementResult, ...] = ()
    if lines:
        approved = ReconciliationApproved(
            occurred_at=now,
            reconciliation_id=found.reconciliation_id,
            lines=tuple(
                ApprovedLine(sku=line.sku, location=line.location, delta=line.delta)
                for line in lines
            ),
            approved_by=context.principal,
            as_of=found.recorded.as_of,
        )
        yield Effect(approved, Cause(now, REASON, reference=found.reconciliation_id))
        results = yield from _adjust(lines, found, world, now, context)
    return ReconciliationApproval(
        reconciliation_id=found.reconciliation_id,
        lines=lines,
        results=results,
        open=len(_find(world, command.reconciliation_id).open),
        position=world.head,
    )


def reads(command: Reconciling, world: World) -> Iterator[str]:
    """The reconciliation; and, of an approval, the stocks of its lines and who may adjust them."""
    yield reconciliation_stream(command.reconciliation_id)
    found = _known(world, command.reconciliation_id)
    if found is None or not isinstance(command, ApproveReconciliation):
        return
    for line in _lines(command, found):
        yield _stock_id(line, world).stream
        if world.catalog.consulted:
            yield location_stream(line.location)
            for spelling in spellings(line.sku):
                yield spelling.stream


# --- lines --------------------------------------------------------------------------------------


def _asked(command: ApproveReconciliation, found: Reconciliation) -> tuple[ProposedLine, ...]:
    """What of the asked lines is still open. Raises NotFound for one that was never proposed."""
    for asked in command.lines or ():
        if (asked.sku, asked.location) not in found.lines:
            raise NotFound("proposed correction", f"{asked.sku} at {asked.location}")
    return _lines(command, found)


def _lines(command: ApproveReconciliation, found: Reconciliation) -> tuple[ProposedLine, ...]:
    open_lines = found.open
    if command.lines is not None:
        asked = {(line.sku, line.location) for line in command.lines}
        open_lines = tuple(line for line in open_lines if (line.sku, line.location) in asked)
    return open_lines[: command.at_most]


def _admit(line: ProposedLine, world: World, context: Context) -> None:
    """What the catalog has to say: who may adjust there, and of what there is stock at all."""
    if not world.catalog.consulted:
        return
    location, sku = location_of(world, line.location), sku_of(world, line.sku)
    if world.catalog.strict and (sku is None or location is None):
        what, code = ("sku", line.sku) if sku is None else ("location", line.location)
        raise NotFound(what, code)
    if location is not None:
        check_authority(location, "adjust", context.source)
    if sku is not None and sku.current.service:
        raise IllegalState("sku", line.sku, "a service", "adjust")


def _adjust(
    lines: tuple[ProposedLine, ...],
    found: Reconciliation,
    world: World,
    now: Instant,
    context: Context,
) -> Deciding[tuple[MovementResult, ...]]:
    """One adjustment a line, a movement as good as any: it may be corrected or cancelled."""
    results: list[MovementResult] = []
    ids = ConflictIds(now)
    for index, line in enumerate(lines):
        stock = world.stock(_stock_id(line, world))
        stock.advance(now)
        movement_id = f"{context.command_id}/{index}"
        cause = Cause(now, REASON, reference=found.reconciliation_id, movement_id=movement_id)
        event = StockAdjusted(
            occurred_at=now,
            effective_at=max(now, stock.effective_at),
            location=stock.stock_id.location,
            sku=stock.stock_id.sku,
            delta=line.delta,
        )
        position, version = world.head + 1, stock.version + 1
        settled = settle(stock, event, cause, ids)
        yield from settled
        results.append(MovementResult(position=position, version=version, conflicts=settled.notes))
    return tuple(results)


def _stock_id(line: ProposedLine, world: World) -> StockId:
    """The stock of a line, under the code by which the ledger keeps its SKU."""
    sku = sku_of(world, line.sku) if world.catalog.consulted else None
    return StockId(line.location, line.sku if sku is None else sku.sku)


# --- the reconciliation -------------------------------------------------------------------------


def _known(world: World, reconciliation_id: str) -> Reconciliation | None:
    state = world.state(reconciliation_stream(reconciliation_id))
    assert state is None or isinstance(state, Reconciliation)
    return state


def _find(world: World, reconciliation_id: str) -> Reconciliation:
    found = _known(world, reconciliation_id)
    if found is None:
        raise NotFound("reconciliation", reconciliation_id)
    return found


def _state(found: Reconciliation, position: int) -> ReconciliationState:
    """What its receipt keeps: all but the locations, which anybody can work out again."""
    return ReconciliationState(
        reconciliation_id=found.reconciliation_id,
        recorded=replace(found.recorded, locations=()),
        position=position,
    )
