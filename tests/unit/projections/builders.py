"""Recorded events for tests of folds, with as little said as matters."""

from collections.abc import Iterable

from ledger.domain.events import AnyEvent
from ledger.recorded import Meta, Recorded
from ledger.store.mapper import TOPICS
from projections.batch import Batch

META = Meta(
    instant=0, actor="key:desk", source="desk", reason="test", correlation_id="c", command_id="k"
)


def recorded(events: Iterable[AnyEvent], *, first: int = 1) -> list[Recorded]:
    """Events at consecutive positions, each with its version in its stream."""
    versions: dict[str, int] = {}
    found: list[Recorded] = []
    for position, event in enumerate(events, first):
        version = versions[event.stream] = versions.get(event.stream, 0) + 1
        topic = TOPICS[type(event)]
        found.append(Recorded(position, event.stream, version, topic, position, META, event))
    return found


def batch(*events: AnyEvent, first: int = 1) -> Batch:
    """One batch."""
    return Batch(recorded(events, first=first))
