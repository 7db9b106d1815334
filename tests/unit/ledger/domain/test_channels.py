"""What channels sell from, how stale they are and who may read as them: events, told once."""

from typing import Any

import pytest

from ledger.domain.channel import BANDS_MAX, RULES_MAX, Channel, channel_stream, evolve, sells_from
from ledger.domain.events import (
    AnyChannelEvent,
    Cap,
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    ChannelDefined,
    ChannelRules,
    ChannelStalenessChanged,
    LocationDefined,
    StalenessBand,
)
from ledger.domain.refusals import IdTaken, Malformed, NotFound
from tests.support.catalogs import define, place
from tests.support.channels import WEB, channel, credential, revoked, rules, stale
from tests.support.given import Step, Then, given, happened, strictly_given
from tests.support.manual_clock import moment

BANDS = rules(staleness=[{"from_s": 60, "units": 1}, {"from_s": 300, "units": 2}])
MANY = [{"units": 1, "sku": f"SKU-{n}"} for n in range(RULES_MAX + 1)]


def _channel(then: Then) -> Channel:
    state = then.ledger.world.state(channel_stream(WEB))
    assert isinstance(state, Channel)
    return state


# --- definitions --------------------------------------------------------------------------------


def test_a_channel_is_defined_once_however_often_it_is_put() -> None:
    """Lists are sets, and rules have no order: the same again, written otherwise, is the same."""
    first = channel(
        locations=("nyc-2", "ams-1"),
        tags=("slow", "fast", "slow"),
        of=rules(caps=[{"units": 5, "sku": "MUG"}, {"units": 9}], staleness=[{"from_s": 60}]),
    )
    again = channel(
        locations=("ams-1", "nyc-2"),
        tags=("fast", "slow"),
        of=rules(caps=[{"units": 9}, {"units": 5, "sku": "MUG"}], staleness=[{"from_s": 60}]),
    )

    given().when(first).then(
        happened(ChannelDefined, locations=("ams-1", "nyc-2"), kinds=(), tags=("fast", "slow"))
    ).answering(version=1)
    given(first).when(again).then_nothing().answering(version=1)
    given(first).when(channel()).then(happened(ChannelDefined, kinds=("store",))).answering(
        version=2
    )


def test_a_definition_leaves_staleness_and_credentials_as_they_are() -> None:
    """They are no part of it; by its bands the channel is in another one from now on."""
    then = given(channel(of=BANDS), stale(75), credential()).when(channel(of=rules()))

    then.answering(version=4, measured_s=75)
    assert (None, 75, {"c-1"}) == (
        _channel(then).band,
        _channel(then).measured_s,
        set(_channel(then).credentials),
    )


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"locations": ()}, "$.locations"),
        (
            {"of": rules(caps=[{"units": 1, "sku": "MUG", "sku_class": "A"}])},
            "$.rules.caps[0].class",
        ),
        (
            {"of": rules(caps=[{"units": 1}, {"units": 1, "location": "ams-1"}])},
            "$.rules.caps[1].location",
        ),
        ({"of": rules(rounding=[{"location": "ams-1"}])}, "$.rules.rounding[0].location"),
        ({"of": rules(buffers=[{"units": 1}, {"basis_points": 5}])}, "$.rules.buffers[1]"),
        (
            {"of": rules(safety_stock=[{"units": n, "sku": "MUG"} for n in (1, 2)])},
            "$.rules.safety_stock[1]",
        ),
        ({"of": rules(buffers=[{"basis_points": 10_001}])}, "$.rules.buffers[0].percent"),
        ({"of": rules(staleness=[{"from_s": 0}])}, "$.rules.staleness[0].from_s"),
        (
            {"of": rules(staleness=[{"from_s": 9}, {"from_s": 9}])},
            "$.rules.staleness[1].from_s",
        ),
        (
            {"of": rules(staleness=[{"from_s": 9, "units": 1}, {"from_s": 5, "units": 2}])},
            "$.rules.staleness[0]",
        ),
        (
            {"of": rules(staleness=[{"from_s": 5, "basis_points": 9}, {"from_s": 9, "units": 1}])},
            "$.rules.staleness[1]",
        ),
        (
            {"of": rules(staleness=[{"from_s": 5, "basis_points": 10_001}])},
            "$.rules.staleness[0].percent",
        ),
        ({"of": rules(caps=MANY)}, "$.rules.caps"),
        (
            {"of": rules(staleness=[{"from_s": n} for n in range(1, BANDS_MAX + 2)])},
            "$.rules.staleness",
        ),
    ],
)
def test_what_could_be_read_in_two_ways_is_malformed(fields: dict[str, Any], path: str) -> None:
    """The refusal names the place: the later of two that do not go together."""
    given().when(channel(**fields)).then_refused(Malformed, path=path)


def test_a_strict_catalog_knows_what_a_channel_sells() -> None:
    """Its locations, and the SKUs and locations of its rules, are defined before it is."""
    rule = channel(locations=("ams-1",), of=rules(caps=[{"units": 1, "sku": "MUG"}]))

    strictly_given().when(rule).then_refused(NotFound, what="location", id="ams-1")
    strictly_given(place()).when(rule).then_refused(NotFound, what="sku", id="MUG")
    strictly_given(place(), define()).when(rule).then(happened(ChannelDefined))


def test_rules_are_kept_under_the_codes_of_the_ledger() -> None:
    """A SKU that may be written in several ways is always the same one."""
    rule = channel(of=rules(caps=[{"units": 1, "sku": "mug"}, {"units": 2}]))

    given(define(case_policy="upper")).when(rule).then(
        happened(
            ChannelDefined,
            rules=ChannelRules(caps=(Cap(units=2), Cap(units=1, sku="MUG"))),
        )
    )


def test_one_sku_written_in_two_ways_has_one_rule() -> None:
    """Two rules for the same SKU are found out whatever they call it."""
    rule = channel(of=rules(caps=[{"units": 1, "sku": "mug"}, {"units": 2, "sku": "MUG"}]))

    given(define(case_policy="upper")).when(rule).then_refused(Malformed, path="$.rules.caps[1]")


# --- staleness ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reported", "last", "expected"),
    [
        ([], 59, None),
        ([], 60, (60, 60)),
        ([], 1_000, (300, 1_000)),
        ([75], 299, None),
        ([75], 300, (300, 300)),
        ([75, 300], 60, (60, 60)),
        ([75, 300], 59, (0, 59)),
        ([75, 0], 0, None),
    ],
)
def test_staleness_is_an_event_only_where_the_band_changes(
    reported: list[int], last: int, expected: tuple[int, int] | None
) -> None:
    """Within a band nothing is recorded, however often it is measured."""
    before = [stale(measured_s) for measured_s in reported]
    then = given(channel(of=BANDS), *before).when(stale(last))

    if expected is None:
        then.then_nothing()
    else:
        from_s, measured_s = expected
        then.then(happened(ChannelStalenessChanged, from_s=from_s, measured_s=measured_s))
        assert from_s == (0 if (band := _channel(then).band) is None else band.from_s)


def test_without_bands_staleness_changes_nothing() -> None:
    """It shapes no number, so it is no event."""
    given(channel()).when(stale(10_000)).then_nothing().answering(version=1, measured_s=0)


# --- credentials --------------------------------------------------------------------------------


def test_a_credential_is_issued_and_revoked_once() -> None:
    """Asked again, both decide nothing; what stands is answered."""
    given(channel()).when(credential(expires_at=moment(99))).then(
        happened(
            ChannelCredentialIssued, credential_id="c-1", public_key="U1", expires_at=moment(99)
        )
    ).answering(issued_at=moment(2), expires_at=moment(99), revoked_at=None)
    given(channel(), credential()).when(credential()).then_nothing()
    given(channel(), credential()).when(revoked()).then(
        happened(ChannelCredentialRevoked, credential_id="c-1", public_key="U1")
    ).answering(revoked_at=moment(3))
    given(channel(), credential(), revoked()).when(revoked()).then_nothing().answering(
        revoked_at=moment(3)
    )


@pytest.mark.parametrize(
    ("before", "last", "refusal", "facts"),
    [
        ([], stale(1), NotFound, {"what": "channel", "id": WEB}),
        ([], credential(), NotFound, {"what": "channel", "id": WEB}),
        ([], revoked(), NotFound, {"what": "channel", "id": WEB}),
        ([channel()], revoked(), NotFound, {"what": "credential", "id": "c-1"}),
        (
            [channel(), credential()],
            credential(public_key="U9"),
            IdTaken,
            {"what": "credential", "id": "c-1"},
        ),
        (
            [channel(), credential(), revoked()],
            credential(2, public_key="U1"),
            IdTaken,
            {"what": "public key", "id": "U1"},
        ),
        (
            [channel()],
            credential(expires_at=moment(1)),
            Malformed,
            {"path": "$.expires_at"},
        ),
    ],
)
def test_refusals_of_channels(
    before: list[Step], last: Step, refusal: Any, facts: dict[str, Any]
) -> None:
    """What is not there, and what stands there as something else."""
    given(*before).when(last).then_refused(refusal, **facts)


# --- state --------------------------------------------------------------------------------------


def test_every_event_is_one_version_and_only_what_shapes_numbers_is_a_beginning() -> None:
    """`since` moves with rules and bands; a credential changes no number."""
    events: list[AnyChannelEvent] = [
        ChannelDefined(occurred_at=1, kinds=("store",), rules=BANDS, channel=WEB),
        ChannelStalenessChanged(occurred_at=2, from_s=60, measured_s=75, channel=WEB),
        ChannelCredentialIssued(occurred_at=3, credential_id="c", public_key="U", channel=WEB),
        ChannelCredentialRevoked(occurred_at=4, credential_id="c", public_key="U", channel=WEB),
    ]
    state = None
    seen = []
    for event in events:
        state = evolve(state, event)
        seen.append((state.version, state.since))

    assert [(1, 1), (2, 2), (3, 2), (4, 2)] == seen
    assert state is not None
    assert StalenessBand(from_s=60, units=1) == state.band
    assert 4 == state.credentials["c"].revoked_at


@pytest.mark.parametrize(
    ("fed", "location", "expected"),
    [
        ({"locations": ("ams-1",)}, None, True),
        ({"kinds": ("store",)}, None, False),
        ({"locations": ("nyc-2",)}, {}, False),
        ({"locations": ("ams-1",)}, {"sells": False}, False),
        ({"kinds": ("store",)}, {}, True),
        ({"kinds": ("warehouse",)}, {}, False),
        ({"tags": ("fast",)}, {"tags": ("big", "fast")}, True),
        ({"tags": ("fast",)}, {"tags": ("big",)}, False),
        ({"tags": ("fast",)}, {"tags": ("fast",), "sells": False}, False),
    ],
)
def test_which_locations_feed_a_channel(
    fed: dict[str, Any], location: dict[str, Any] | None, expected: bool
) -> None:
    """Named, of a kind, or with a tag; never one that does not sell."""
    defined = None
    if location is not None:
        defined = LocationDefined(occurred_at=1, location="ams-1", **location)
    channel_defined = ChannelDefined(occurred_at=1, channel=WEB, **fed)

    assert expected is sells_from(channel_defined, "ams-1", defined)
