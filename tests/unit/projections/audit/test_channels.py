"""What the auditor holds against channels: bands and credentials that nobody's rules explain."""

from typing import Any

import pytest

from ledger.domain.events import (
    AnyChannelEvent,
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    ChannelDefined,
    ChannelStalenessChanged,
)
from projections.audit.checker import Checker
from projections.audit.row import Row
from tests.support.channels import rules
from tests.support.histories import state
from tests.unit.projections.builders import recorded

BANDS = rules(staleness=[{"from_s": 60, "units": 1}, {"from_s": 300, "units": 2}])


def _defined(**fields: Any) -> ChannelDefined:
    return ChannelDefined(occurred_at=1, channel="web", **{"rules": BANDS} | fields)


def _stale(from_s: int, measured_s: int) -> ChannelStalenessChanged:
    return ChannelStalenessChanged(
        occurred_at=1, channel="web", from_s=from_s, measured_s=measured_s
    )


def _issued(number: int) -> ChannelCredentialIssued:
    return ChannelCredentialIssued(
        occurred_at=1, channel="web", credential_id=f"c-{number}", public_key=f"U{number}"
    )


def _revoked(number: int, key: int | None = None) -> ChannelCredentialRevoked:
    public_key = f"U{number if key is None else key}"
    return ChannelCredentialRevoked(
        occurred_at=1, channel="web", credential_id=f"c-{number}", public_key=public_key
    )


def _found(*events: AnyChannelEvent) -> list[tuple[int, str]]:
    """Where something is wrong with a channel, and how."""
    checker = Checker()
    for one in recorded(events):
        checker.take(
            Row(one.position, one.stream, one.version, one.topic, state(one), one.recorded_at)
        )
    checker.close()
    return [(one.position, one.what) for one in checker.breaches if one.law == 16]


@pytest.mark.parametrize(
    ("events", "position", "what"),
    [
        ([_stale(60, 75)], 1, "never defined"),
        ([_defined(), _stale(60, 59)], 2, "no band that begins at 60 s"),
        ([_defined(), _stale(60, 300)], 2, "no band that begins at 60 s"),
        ([_defined(), _stale(60, 75), _stale(60, 59)], 3, "no band"),
        ([_defined(), _defined(rules=rules()), _stale(60, 75)], 3, "no band"),
        ([_defined(), _issued(1), _issued(1)], 3, "has 'c-1' already"),
        ([_defined(), _revoked(1)], 2, "never had the credential 'c-1'"),
        ([_defined(), _issued(1), _revoked(1, key=2)], 3, "never had the credential 'c-1'"),
        ([_defined(), _issued(1), _revoked(1), _revoked(1)], 4, "revoked 'c-1' before"),
    ],
)
def test_what_no_rule_explains_is_found(
    events: list[AnyChannelEvent], position: int, what: str
) -> None:
    """At its position, under the law that numbers can be worked out again."""
    found = _found(*events)

    assert [position] == [at for at, _ in found]
    assert what in found[0][1]


def test_a_channel_as_it_goes_is_clean() -> None:
    """Defined, stale, defined again, fresh; two credentials, of which one is revoked."""
    assert [] == _found(
        _defined(),
        _stale(60, 75),
        _stale(300, 301),
        _issued(1),
        _issued(2),
        _defined(kinds=("store",)),
        _revoked(1),
        _stale(0, 3),
    )
