"""Events to count documents, given those a batch goes on with."""

from typing import Final, TypeAlias, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.count import CountDocument, evolve
from ledger.domain.events import AnyCountEvent, CountEvent, CountOpened, CountPosted
from ledger.recorded import Recorded
from projections.batch import Batch


class Count(Struct):
    """A count document as recorded, with when and where it was opened and posted."""

    document: CountDocument
    opened_position: int
    posted_at: int | None
    posted_position: int | None
    position: int


Counts: TypeAlias = dict[str, Count]

_CONCERNED: Final = frozenset[type](get_args(AnyCountEvent))


def concerned(batch: Batch) -> list[Recorded]:
    """The events of a batch that change a count document."""
    return batch.of(_CONCERNED)


def needed(events: list[Recorded]) -> set[str]:
    """Documents that the events go on with: all but those they open."""
    named = {one.event.count_id for one in events if isinstance(one.event, CountEvent)}
    opened = {one.event.count_id for one in events if isinstance(one.event, CountOpened)}
    return named - opened


def fold(events: list[Recorded], known: Counts) -> Counts:
    """The documents that the events changed, as they are afterwards."""
    changed: Counts = {}
    for recorded in events:
        event, position = recorded.event, recorded.position
        assert isinstance(event, AnyCountEvent)
        if isinstance(event, CountOpened):
            known[event.count_id] = Count(evolve(None, event), position, None, None, position)
        else:
            row = known[event.count_id]
            row.document = replace(evolve(row.document, event), version=recorded.version)
            row.position = position
            if isinstance(event, CountPosted):
                row.posted_at, row.posted_position = event.occurred_at, position
        changed[event.count_id] = known[event.count_id]
    return changed
