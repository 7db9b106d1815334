"""A channel: what it sells from, by which rules, how stale it is, and who may read as it."""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Final, TypeVar, assert_never

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain.availability import HUNDRED_PER_CENT, Rulebook, band_of
from ledger.domain.events import (
    AnyChannelEvent,
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    ChannelDefined,
    ChannelRules,
    ChannelStalenessChanged,
    LocationDefined,
    Scope,
    StalenessBand,
)
from ledger.domain.refusals import Malformed
from ledger.domain.values import Instant, stream_id

RULES_MAX: Final = 1_000
"""Rules of one kind, and locations named: a definition stays one event of some 100 kB."""

BANDS_MAX: Final = 50

RuleT = TypeVar("RuleT", bound=Scope)


class Credential(Struct, frozen=True, gc=False):
    """Somebody who may read as a channel: until it is revoked, or runs out."""

    public_key: str
    issued_at: Instant
    expires_at: Instant | None = None
    revoked_at: Instant | None = None


class Channel(Struct, frozen=True, dict=True):
    """A channel as it stands. Its version is that of its rules, in whatever is told by them.

    `since`: when its definition or its band of staleness last changed.
    """

    version: int
    current: ChannelDefined
    since: Instant
    measured_s: int = 0
    credentials: Mapping[str, Credential] = {}

    @cached_property
    def book(self) -> Rulebook:
        """Its rules, ready to be looked up."""
        return Rulebook.of(self.current.rules)

    @property
    def band(self) -> StalenessBand | None:
        """The band of staleness it is in, by the rules of now and what was measured last."""
        return band_of(self.current.rules, self.measured_s)


def evolve(channel: Channel | None, event: AnyChannelEvent) -> Channel:
    """The channel after one more event; the first one defines it."""
    if channel is None:
        assert isinstance(event, ChannelDefined), "a channel begins with its definition"
        return Channel(1, event, event.occurred_at)
    version, at = channel.version + 1, event.occurred_at
    match event:
        case ChannelDefined():
            return replace(channel, version=version, current=event, since=at)
        case ChannelStalenessChanged():
            return replace(channel, version=version, measured_s=event.measured_s, since=at)
        case ChannelCredentialIssued():
            credential = Credential(event.public_key, at, event.expires_at)
        case ChannelCredentialRevoked():
            credential = replace(channel.credentials[event.credential_id], revoked_at=at)
        case _:
            assert_never(event)
    credentials = {**channel.credentials, event.credential_id: credential}
    return replace(channel, version=version, credentials=credentials)


def sells_from(channel: ChannelDefined, location: str, defined: LocationDefined | None) -> bool:
    """Whether a location feeds a channel; one that nobody has defined has to be named."""
    if defined is None:
        return location in channel.locations
    return defined.sells and (
        location in channel.locations
        or defined.kind in channel.kinds
        or not set(defined.tags).isdisjoint(channel.tags)
    )


@lru_cache(maxsize=1_024)
def channel_stream(channel: str) -> str:
    """Name the stream of one channel."""
    return stream_id("channel", channel)


# --- rules --------------------------------------------------------------------------------------


def canonical(rules: ChannelRules) -> ChannelRules:
    """The same rules in one order. Raises Malformed where they could be read in two ways."""
    return replace(
        rules,
        safety_stock=_scoped("safety_stock", rules.safety_stock, by_location=True),
        buffers=_scoped("buffers", rules.buffers, by_location=True),
        caps=_scoped("caps", rules.caps, by_location=False),
        rounding=_scoped("rounding", rules.rounding, by_location=False),
        staleness=_bands(rules.staleness),
    )


def _scoped(kind: str, rules: Sequence[RuleT], *, by_location: bool) -> tuple[RuleT, ...]:
    """Rules of one kind by what they are for; no two are for the same."""
    _refuse_too_many(f"$.rules.{kind}", rules, RULES_MAX)
    found: dict[tuple[str, ...], RuleT] = {}
    for index, rule in enumerate(rules):
        path = f"$.rules.{kind}[{index}]"
        if rule.sku is not None and rule.sku_class is not None:
            raise Malformed(f"{path}.class", "a rule is for a SKU or for a class, not for both")
        if rule.location is not None and not by_location:
            raise Malformed(f"{path}.location", f"{kind} are not for one location")
        _check_share(path, getattr(rule, "basis_points", 0))
        scope = (rule.sku or "", rule.sku_class or "", rule.location or "")
        if scope in found:
            raise Malformed(path, "an earlier one is for the same")
        found[scope] = rule
    return tuple(found[scope] for scope in sorted(found))


def _bands(bands: Sequence[StalenessBand]) -> tuple[StalenessBand, ...]:
    """Bands of staleness by their beginning. Whoever knows less is never told more."""
    _refuse_too_many("$.rules.staleness", bands, BANDS_MAX)
    ordered = sorted(enumerate(bands), key=lambda one: one[1].from_s)
    below = StalenessBand(from_s=0)
    for index, band in ordered:
        path = f"$.rules.staleness[{index}]"
        if band.from_s <= below.from_s:
            problem = "must be at least 1" if band.from_s < 1 else "another one begins there, too"
            raise Malformed(f"{path}.from_s", problem)
        if band.units < below.units or band.basis_points < below.basis_points:
            raise Malformed(path, "keeps back less than a shorter staleness does")
        _check_share(path, band.basis_points)
        below = band
    return tuple(band for _, band in ordered)


def _refuse_too_many(path: str, given: Sequence[object], at_most: int) -> None:
    if len(given) > at_most:
        raise Malformed(path, f"at most {at_most}, has {len(given)}")


def _check_share(path: str, basis_points: int) -> None:
    if not 0 <= basis_points <= HUNDRED_PER_CENT:
        raise Malformed(f"{path}.percent", "is a share of 0 to 100 per cent")
