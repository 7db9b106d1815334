"""A batch of events to the channels it changes."""

from ledger.domain.events import (
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    ChannelDefined,
    ChannelStalenessChanged,
    LocationDefined,
)
from projections.channels.projection import Moved, fold
from tests.unit.projections.builders import batch


def _stale(measured_s: int) -> ChannelStalenessChanged:
    return ChannelStalenessChanged(occurred_at=2, channel="web", from_s=0, measured_s=measured_s)


def test_the_last_definition_and_the_last_staleness_of_a_channel_count() -> None:
    """With the version and the place of its last event, whatever that was."""
    web = {"occurred_at": 1, "channel": "web"}
    changes = fold(
        batch(
            ChannelDefined(**web, kinds=("store",)),  # type: ignore[arg-type]
            _stale(75),
            LocationDefined(occurred_at=1, location="ams-1"),
            ChannelDefined(**web, kinds=("warehouse",)),  # type: ignore[arg-type]
            _stale(5),
            first=7,
        )
    )

    assert [10] == [one.position for one in changes.defined.values()]
    assert {"web": Moved(version=4, position=11, measured_s=5)} == changes.moved


def test_staleness_that_a_batch_says_nothing_of_stays_as_it_is() -> None:
    """A definition does not measure anything."""
    changes = fold(batch(ChannelDefined(occurred_at=1, channel="web", kinds=("store",))))

    assert {"web": Moved(version=1, position=1)} == changes.moved


def test_a_credential_may_begin_and_end_within_a_batch() -> None:
    """Both are kept: the one is written, then the other."""
    web = {"occurred_at": 1, "channel": "web", "credential_id": "c-1", "public_key": "U1"}
    changes = fold(
        batch(ChannelCredentialIssued(**web), ChannelCredentialRevoked(**web))  # type: ignore[arg-type]
    )

    assert [("web", "c-1")] == list(changes.issued) == list(changes.revoked)
