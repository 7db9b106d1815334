"""Count documents: figures are entered, perhaps approved, and posted once, all or none.

The order of the checks in each function is part of the contract: form, the document's state,
then its figures.
"""

from collections.abc import Iterator

from ledger.domain.commands import (
    ApproveCount,
    CancelCount,
    CountCommand,
    EnterCount,
    FigureLine,
    OpenCount,
    PostCount,
)
from ledger.domain.conflict import CLOCK_SKEW
from ledger.domain.count import CountDocument, CountLine
from ledger.domain.decisions.conflicts import opened, settle_all
from ledger.domain.decisions.counting import Seen, cancellation, counted
from ledger.domain.decisions.facts import timing
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
    CountApproved,
    CountCancelled,
    CountEntered,
    CountOpened,
    CountPosted,
    EnteredLine,
    PostedLine,
    StockCounted,
)
from ledger.domain.outcomes import ConflictNote, CountState
from ledger.domain.refusals import IdTaken, IllegalState, NotFound
from ledger.domain.stock import Stock, anchor_at
from ledger.domain.values import Instant, StockId, count_stream


def decide(command: CountCommand, world: World, now: Instant, context: Context) -> Decision:
    """What a command about a count document comes to."""
    match command:
        case OpenCount():
            return open_count(command, world, now)
        case EnterCount():
            return enter(command, world, now, context)
        case ApproveCount():
            return approve(command, world, now, context)
        case PostCount():
            return post(command, world, now)
        case CancelCount():
            return cancel(command, world, now)
        case _:
            raise AssertionError(f"{type(command).__name__} is not about a count")


def open_count(command: OpenCount, world: World, now: Instant) -> Decision:
    """Have something counted. The same request again under its id decides nothing."""
    asked = CountOpened(
        occurred_at=now,
        count_id=command.count_id,
        location=command.location,
        kind=command.kind,
        skus=tuple(dict.fromkeys(command.skus)),
        blind=command.blind,
        approval_above=command.approval_above,
    )
    known = _known(world, command.count_id)
    if known is not None:
        if _content(known.opened) != _content(asked):
            raise IdTaken("count", command.count_id)
        return _state(known, world.head)
    yield Effect(asked, Cause(now, "count_opened"), fresh=True)
    return _after(world, command.count_id)


def enter(command: EnterCount, world: World, now: Instant, context: Context) -> Decision:
    """Take figures down. Of a SKU and bucket the last one counts; what is found is entered."""
    document = _unposted(world, command.count_id, "enter")
    claims = [line.counted_at for line in command.lines if line.counted_at is not None]
    when = timing(max(claims, default=None), now)
    cause = Cause(now, "count_entered", claimed_at=when.claimed_at)
    lines = tuple(_entered(line, document, world, now) for line in command.lines)
    yield Effect(CountEntered(occurred_at=now, count_id=command.count_id, lines=lines), cause)
    notes: list[ConflictNote] = []
    if when.claimed_at is not None and when.claimed_at - now > context.skew_max:
        first = world.stock(StockId(document.opened.location, command.lines[0].sku))
        ids = ConflictIds(now)
        effect, note = opened(first, CLOCK_SKEW, when.claimed_at - now, cause, ids)
        yield effect
        notes.append(note)
    return _after(world, command.count_id, tuple(notes))


def approve(command: ApproveCount, world: World, now: Instant, context: Context) -> Decision:
    """Stand for the figures entered until now. What is approved already decides nothing."""
    document = _unposted(world, command.count_id, "approve")
    if not document.lines:
        raise _refused(document, "approve", lines_entered=0)
    if document.status == "approved":
        return _state(document, world.head)
    event = CountApproved(
        occurred_at=now, count_id=document.count_id, approved_by=context.principal
    )
    yield Effect(event, Cause(now, "count_approved"))
    return _after(world, command.count_id)


def post(command: PostCount, world: World, now: Instant) -> Decision:
    """Let every figure stand in the ledger, each at its time. Posting again decides nothing.

    Refused: without figures, with a variance that nobody has approved, where another count of
    the same bucket stands at the same instant.
    """
    document = _find(world, command.count_id)
    if document.posted and not document.cancelled:
        return _state(document, world.head)
    if document.cancelled or not document.lines:
        raise _refused(document, "post", lines_entered=len(document.lines))
    _refuse_unapproved(document, world)
    _refuse_counted(document, world)
    cause = Cause(now, "count", reference=document.count_id)
    ids = ConflictIds(now)
    posted: list[PostedLine] = []
    notes: list[ConflictNote] = []
    for line in document.lines.values():
        variance, worse = yield from _post_line(document, line, world, cause, ids)
        notes += worse
        posted.append(
            PostedLine(
                sku=line.sku,
                bucket=line.bucket,
                counted=line.counted,
                counted_at=line.counted_at,
                variance=variance,
            )
        )
    event = CountPosted(
        occurred_at=now,
        count_id=document.count_id,
        lines=tuple(posted),
        missing=document.missing or (),
    )
    yield Effect(event, cause)
    return _after(world, command.count_id, tuple(notes))


def cancel(command: CancelCount, world: World, now: Instant) -> Decision:
    """Nothing of it counts. A posted one is taken back figure by figure, all or none."""
    document = _find(world, command.count_id)
    if document.cancelled:
        return _state(document, world.head)
    cause = Cause(now, "count_cancelled", reference=document.count_id)
    ids = ConflictIds(now)
    notes: list[ConflictNote] = []
    for line in document.lines.values() if document.posted else ():
        stock = _stock(document, line.sku, world, now)
        anchor = anchor_at(stock.anchors.get(line.bucket, ()), line.counted_at)
        assert anchor is not None, "what a document posted only it takes back"
        event = cancellation(stock, line.bucket, anchor)
        settled = settle_all(stock, (event,), cause, ids)
        yield from settled
        notes += settled.notes
    yield Effect(CountCancelled(occurred_at=now, count_id=document.count_id), cause)
    return _after(world, command.count_id, tuple(notes))


# --- what a command needs -----------------------------------------------------------------------


def reads(command: CountCommand, world: World) -> Iterator[str]:
    """The document, and the stocks of the lines it is about once it is known."""
    yield count_stream(command.count_id)
    document = _known(world, command.count_id)
    if document is None:
        return
    location = document.opened.location
    if isinstance(command, EnterCount):
        for line in command.lines:
            yield StockId(location, line.sku).stream
    elif isinstance(command, PostCount) or (isinstance(command, CancelCount) and document.posted):
        for entered in document.lines.values():
            yield StockId(location, entered.sku).stream


def past_levels(command: CountCommand, world: World) -> Iterator[tuple[StockId, Instant]]:
    """The levels of the past that figures are compared with.

    A figure of now is compared with the present; it is asked for all the same, because by the
    time it is posted the present may have gone on within the batch.
    """
    document = _known(world, command.count_id)
    if document is None:
        return
    location = document.opened.location
    if isinstance(command, EnterCount):
        for line in command.lines:
            stock_id = StockId(location, line.sku)
            at = line.counted_at
            yield stock_id, world.stock(stock_id).effective_at if at is None else at
    elif isinstance(command, PostCount):
        for entered in document.lines.values():
            yield StockId(location, entered.sku), entered.counted_at


# --- figures ------------------------------------------------------------------------------------


def _entered(line: FigureLine, document: CountDocument, world: World, now: Instant) -> EnteredLine:
    at = timing(line.counted_at, now).occurred_at
    expected = None
    if not document.opened.blind:
        stock_id = StockId(document.opened.location, line.sku)
        expected = world.level_at(stock_id, line.bucket, at)
    return EnteredLine(
        sku=line.sku,
        bucket=line.bucket,
        counted=line.counted,
        counted_at=at,
        expected=expected,
    )


def _refuse_unapproved(document: CountDocument, world: World) -> None:
    limit = document.opened.approval_above
    if limit is None:
        return
    found = []
    for line in document.lines.values():
        stock_id = StockId(document.opened.location, line.sku)
        variance = line.counted - world.level_at(stock_id, line.bucket, line.counted_at)
        if abs(variance) > limit and not line.approved:
            shown = {"sku": line.sku, "bucket": line.bucket, "counted": line.counted}
            found.append(shown if document.opened.blind else shown | {"variance": variance})
    if found:
        raise _refused(document, "post", approval_above=limit, unapproved=len(found), lines=found)


def _refuse_counted(document: CountDocument, world: World) -> None:
    """Nothing of a document is recorded where one of its figures cannot be."""
    for line in document.lines.values():
        stock = world.stock(StockId(document.opened.location, line.sku))
        standing = anchor_at(stock.anchors.get(line.bucket, ()), line.counted_at)
        if standing is not None:
            raise _refused(
                document,
                "post",
                sku=line.sku,
                bucket=line.bucket,
                counted_before_by=standing.count_id,
            )


def _post_line(
    document: CountDocument, line: CountLine, world: World, cause: Cause, ids: ConflictIds
) -> Deciding[tuple[int, tuple[ConflictNote, ...]]]:
    """One count in its stock; its variance, and what it broke."""
    stock = _stock(document, line.sku, world, cause.instant)
    seen = Seen(line.bucket, line.counted, line.counted_at, document.count_id)
    events = counted(seen, stock, world)
    settled = settle_all(stock, events, cause, ids)
    yield from settled
    variance = sum(event.delta for event in events if isinstance(event, StockCounted))
    return variance, settled.notes


def _stock(document: CountDocument, sku: str, world: World, now: Instant) -> Stock:
    stock = world.stock(StockId(document.opened.location, sku))
    stock.advance(now)
    return stock


# --- the document -------------------------------------------------------------------------------


def _content(opened_by: CountOpened) -> tuple[object, ...]:
    return (
        opened_by.location,
        opened_by.kind,
        frozenset(opened_by.skus),
        opened_by.blind,
        opened_by.approval_above,
    )


def _known(world: World, count_id: str) -> CountDocument | None:
    state = world.state(count_stream(count_id))
    assert state is None or isinstance(state, CountDocument)
    return state


def _find(world: World, count_id: str) -> CountDocument:
    document = _known(world, count_id)
    if document is None:
        raise NotFound("count", count_id)
    return document


def _unposted(world: World, count_id: str, asked: str) -> CountDocument:
    document = _find(world, count_id)
    if document.posted or document.cancelled:
        raise _refused(document, asked)
    return document


def _refused(document: CountDocument, asked: str, **facts: object) -> IllegalState:
    return IllegalState("count", document.count_id, document.status, asked, **facts)


def _state(
    document: CountDocument, position: int, notes: tuple[ConflictNote, ...] = ()
) -> CountState:
    asked = document.opened
    return CountState(
        count_id=document.count_id,
        location=asked.location,
        kind=asked.kind,
        status=document.status,
        blind=asked.blind,
        approval_above=asked.approval_above,
        approved_by=document.approved_by,
        lines=document.line_states(),
        missing=document.missing,
        position=position,
        conflicts=notes,
    )


def _after(world: World, count_id: str, notes: tuple[ConflictNote, ...] = ()) -> CountState:
    """The state once the world has taken every effect in."""
    return _state(_find(world, count_id), world.head, notes)
