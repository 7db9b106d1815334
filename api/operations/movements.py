"""Facts: one command for all of a call, or one for each item."""

from typing import Any, Final, Literal

import msgspec

from api.commands import (
    JSON,
    REPLAYED,
    Answer,
    Begin,
    Call,
    Done,
    Operations,
    Ticket,
    encode,
    refused,
)
from api.problems import problem_of
from api.schemas import movements
from api.schemas.reading import read
from ledger.domain.commands import AnyMovement, RecordMovements
from ledger.domain.outcomes import MovementResult, MovementsRecorded, Outcome
from ledger.domain.refusals import Malformed, Refusal
from ledger.submission import Accepted, NoWriter, Reply, Unavailable


def _record(operations: Operations, _: str, call: Call, body: bytes, done: Done) -> None:
    batch = read(movements.BATCH, body)
    limit = operations.settings.movements_per_call_max
    if len(batch.movements) > limit:
        raise Malformed("$.movements", f"at most {limit} in one call, {len(batch.movements)} given")
    if batch.atomic:
        _record_all(operations, batch.movements, call, done)
    else:
        _Items(operations, call, done, len(batch.movements)).begin(batch.movements)


def _record_all(operations: Operations, items: list[msgspec.Raw], call: Call, done: Done) -> None:
    facts: list[AnyMovement] = []
    ids: dict[str, int] = {}
    for index, item in enumerate(items):
        at = f"$.movements[{index}]"
        request = read(movements.ITEM, item, at)
        own = request.movement_id
        if own is not None and ids.setdefault(own, index) != index:
            raise Malformed(f"{at}.movement_id", f"{own!r} is also that of movement {ids[own]}")
        facts.append(movements.movement_of(request, at, own))

    def render(reply: Accepted) -> Answer:
        outcome = _recorded(reply.outcome)
        results: list[Any] = [
            _item_result(fact.movement_id or f"{call.key}/{index}", result, result.replayed)
            for index, (fact, result) in enumerate(zip(facts, outcome.results, strict=True))
        ]
        body = encode(movements.MovementsAnswer(position=outcome.position, results=results))
        return Answer(201, body, JSON, (REPLAYED,) if reply.replayed else ())

    command = RecordMovements(movements=tuple(facts))
    operations.submit(command, call.key, call, "fact", Ticket(call, render, done))


class _Items:
    """A call whose movements stand each for itself: collects their results, in order."""

    def __init__(self, operations: Operations, call: Call, done: Done, count: int) -> None:
        self.call = call
        self.done = done
        self._operations = operations
        self._results: list[Any] = [None] * count
        self._missing = count
        self._position = 0
        self._replayed = 0
        self._failure: Exception | None = None

    def begin(self, items: list[msgspec.Raw]) -> None:
        """Submits every item that can be read; the others are refused on the spot."""
        for index, item in enumerate(items):
            try:
                self._submit(index, item)
            except (Refusal, Unavailable) as error:
                self.settle_item(index, f"{self.call.key}/{index}", error)

    def _submit(self, index: int, item: msgspec.Raw) -> None:
        at = f"$.movements[{index}]"
        request = read(movements.ITEM, item, at)
        # The ledger names an unnamed first movement `<key>/0`; the others get their names here.
        named = request.movement_id or (f"{self.call.key}/{index}" if index else None)
        fact = movements.movement_of(request, at, named)
        command_id = named or self.call.key
        movement_id = named or f"{self.call.key}/0"
        command = RecordMovements(movements=(fact,))
        ticket = _Item(self, index, movement_id)
        try:
            self._operations.submit(command, command_id, self.call, "fact", ticket)
        except Unavailable as error:
            self.settle_item(index, movement_id, error)

    def settle_item(self, index: int, movement_id: str, reply: Reply) -> None:
        """Takes one result; after the last one, answers."""
        if type(reply) is Accepted:
            self._take(index, movement_id, reply)
        else:
            assert isinstance(reply, Exception)
            # What the world refused now it may take in a moment: the whole call is worth
            # repeating, and what was recorded of it answers the same again.
            if isinstance(reply, Unavailable):
                self._failure = reply
            problem = problem_of(reply)
            self._operations.metrics.refused(problem.code)
            said = _in_its_place(problem.members(), index)
            self._results[index] = {"status": "refused", "movement_id": movement_id, **said}
        self._missing -= 1
        if self._missing == 0:
            self._answer()

    def _take(self, index: int, movement_id: str, reply: Accepted) -> None:
        outcome = _recorded(reply.outcome)
        replayed = reply.replayed or outcome.results[0].replayed
        self._replayed += replayed
        self._position = max(self._position, outcome.position)
        self._results[index] = _item_result(movement_id, outcome.results[0], replayed)

    def _answer(self) -> None:
        if isinstance(self._failure, NoWriter):
            self.done(None)
        elif self._failure is not None:
            self.done(refused(self._failure, self.call.correlation_id))
        else:
            position = self._position or self._operations.port.head
            body = encode(movements.MovementsAnswer(position=position, results=self._results))
            again = self._replayed == len(self._results)
            self.done(Answer(201, body, JSON, (REPLAYED,) if again else ()))


def _in_its_place(members: dict[str, Any], index: int) -> dict[str, Any]:
    """The ledger was given each movement alone, as the first one: here it has its own place."""
    alone, here = "$.movements[0]", f"$.movements[{index}]"
    placed = {
        name: member.replace(alone, here) if name in ("path", "detail") else member
        for name, member in members.items()
    }
    return {"path": here, **placed}


class _Item:
    """The ticket of one movement of a call."""

    __slots__ = ("_index", "_items", "_movement_id")

    def __init__(self, items: _Items, index: int, movement_id: str) -> None:
        self._items = items
        self._index = index
        self._movement_id = movement_id

    def settle(self, reply: Reply) -> None:
        """Passes the reply on to its call."""
        self._items.settle_item(self._index, self._movement_id, reply)

    @property
    def call(self) -> Call:
        """The call it belongs to."""
        return self._items.call

    @property
    def done(self) -> Done:
        """Whom the call answers."""
        return self._items.done


def _recorded(outcome: Outcome) -> MovementsRecorded:
    assert isinstance(outcome, MovementsRecorded)
    return outcome


def _item_result(
    movement_id: str, result: MovementResult, replayed: bool
) -> movements.AcceptedItem:
    again: Literal[True] | msgspec.UnsetType = True if replayed else msgspec.UNSET
    if result.status == "not_stocked":
        return movements.NotStockedItem(
            movement_id=movement_id, position=result.position, replayed=again
        )
    kind = movements.ParkedItem if result.status == "parked" else movements.RecordedItem
    return kind(
        movement_id=movement_id,
        position=result.position,
        version=result.version,
        conflicts=result.conflicts,
        replayed=again,
    )


OPERATIONS: Final[dict[str, Begin]] = {"movements.record": _record}
