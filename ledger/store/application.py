"""The ledger as an `eventsourcing` application: for tools, tests and readers of single streams.

The service itself writes through `ledger.writer`, which group-commits; both go through the same
tables and the same function, so what one writes the other reads.
"""

from collections.abc import Iterable
from typing import Any

from eventsourcing.application import Application
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
    StoredEvent,
    TrackingRecorder,
)
from eventsourcing.persistence import (
    Mapper as LibraryMapper,
)
from eventsourcing.utils import Environment
from msgspec import Struct

from ledger.domain.events import AnyEvent
from ledger.recorded import Meta
from ledger.store.mapper import TOPICS, Mapper
from ledger.store.recorder import LedgerRecorder

DATABASE_URL = "LEDGER_DATABASE_URL"
"""The environment variable that names the database to an application."""


class StreamEvent(Struct, frozen=True):
    """An event with its place in a stream: what the library saves and reads."""

    originator_id: str
    originator_version: int
    meta: Meta
    event: AnyEvent


class LedgerMapper(LibraryMapper[str]):
    """The library's mapper over ours: tags as topics, one JSON object as state."""

    def __init__(self, mapper: Mapper | None = None) -> None:
        """Map with the given upcasts, or the ledger's own."""
        self._mapper = mapper or Mapper()

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """The row of a `StreamEvent`."""
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=TOPICS[type(domain_event.event)],
            state=self._mapper.encode(domain_event.meta, domain_event.event),
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """The `StreamEvent` of a row; raises `UnknownEvent` for tags from the future."""
        body = self._mapper.body(stored_event.topic, stored_event.state)
        return StreamEvent(
            str(stored_event.originator_id),
            stored_event.originator_version,
            body.meta,
            body.event,
        )


class LedgerFactory(InfrastructureFactory[TrackingRecorder]):
    """Builds what an application needs over the ledger's own tables; migrations make those."""

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:  # noqa: ARG002 - the library's signature
        """The event table; the ledger keeps no other kind of aggregate."""
        return self.application_recorder()

    def application_recorder(self) -> ApplicationRecorder:
        """A recorder for the database the environment names."""
        url = self.env.get(DATABASE_URL)
        if not url:
            raise ValueError(f"{DATABASE_URL} must name the ledger's database")
        return LedgerRecorder(url)

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> TrackingRecorder:
        """Not offered: projections keep their positions beside their own rows."""
        raise NotImplementedError("projections track their own positions")

    def process_recorder(self) -> ProcessRecorder:
        """Not offered: only the writer records."""
        raise NotImplementedError("only the writer records")


class Ledger(Application[str]):
    """Reads streams as states and, under optimistic concurrency, saves single events."""

    name = "ledger"

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        """Ours, whatever the environment says about persistence modules."""
        return LedgerFactory(env)

    def construct_mapper(self) -> LibraryMapper[str]:
        """Ours: no classes imported by stored names, newer events refused."""
        return LedgerMapper()

    def events_of(self, stream: str) -> Iterable[StreamEvent]:
        """Every event of a stream, in order."""
        return self.events.get(stream)  # type: ignore[return-value]

    def close(self) -> None:
        """Close the connections."""
        super().close()
        assert isinstance(self.recorder, LedgerRecorder)
        self.recorder.close()
