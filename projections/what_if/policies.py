"""PURE: by which rules, and from which locations, a channel would have been told, and when."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from ledger.domain.availability import Rulebook, Shelf, Sku, ats, band_of
from ledger.domain.channel import Channel
from ledger.domain.events import ChannelDefined, ChannelRules, LocationDefined, StalenessBand
from ledger.domain.values import MICROSECONDS_PER_SECOND, Instant
from projections.availability.network import feeding

REMEMBERED_MAX: Final = 65_536
"""Numbers one set of rules has given: most levels come back, and some 10 MB hold them all."""


class State(Struct, gc=False):
    """What one location has of a SKU at the instant that is seen; see `Shelf`."""

    location: str
    sellable: int = 0
    reserved: int = 0
    own: int = 0
    others: int = 0
    limit: int = 0

    def shelf(self) -> tuple[str, int, int, int, int, int]:
        """The same as the parts of a `Shelf`."""
        return self.location, self.sellable, self.reserved, self.own, self.others, self.limit


class Policy:
    """A definition of a channel, ready to be applied: its rules, its band, and what feeds it."""

    __slots__ = ("_alike", "_band", "_book", "_numbers", "feeds")

    def __init__(self, defined: ChannelDefined, staleness_s: int, feeds: Iterable[str]) -> None:
        """Take a definition, and how late the channel is."""
        self.feeds = frozenset(feeds)
        self._book = Rulebook.of(defined.rules)
        self._band: StalenessBand | None = band_of(defined.rules, staleness_s)
        self._alike = _alike(defined.rules)
        self._numbers: dict[tuple[object, ...], int] = {}

    def ats(self, sku: Sku, states: Sequence[State]) -> int:
        """What the channel is told of a SKU. Asked again of the same, it remembers."""
        code = "" if self._alike else sku.sku
        key: tuple[object, ...]
        if len(states) == 1:  # Asked so often that a loop would show.
            key = (code, states[0].shelf())
        else:
            key = (code, *[state.shelf() for state in states])
        number = self._numbers.get(key)
        return self._work_out(sku, states, key) if number is None else number

    def _work_out(self, sku: Sku, states: Sequence[State], key: tuple[object, ...]) -> int:
        if len(self._numbers) >= REMEMBERED_MAX:
            self._numbers.clear()
        shelves = [Shelf(*state.shelf()) for state in states if state.location in self.feeds]
        number = self._numbers[key] = ats(sku, shelves, self._book, self._band).ats
        return number


def _alike(rules: ChannelRules) -> bool:
    """Whether all SKUs have the same rules."""
    scoped = (*rules.safety_stock, *rules.buffers, *rules.caps, *rules.rounding)
    return all(rule.sku is None and rule.sku_class is None for rule in scoped) and all(
        rounding.pack is None for rounding in rules.rounding
    )


class Side:
    """One way in which the channel might have been told: how late, and by what at an instant.

    Before the first definition of the channel it is taken to have been defined like that.
    """

    __slots__ = ("_policies", "_since", "delay", "staleness_s")

    def __init__(self, staleness_s: int, policies: Sequence[tuple[Instant, Policy]]) -> None:
        """Take policies, each with the instant it begins at, in their order."""
        self.staleness_s = staleness_s
        self.delay = staleness_s * MICROSECONDS_PER_SECOND
        self._since = [since for since, _ in policies]
        self._policies = [policy for _, policy in policies]

    @property
    def feeds(self) -> frozenset[str]:
        """All the locations that ever feed it."""
        return frozenset().union(*(policy.feeds for policy in self._policies))

    def at(self, instant: Instant) -> Policy:
        """What is in force at an instant."""
        if len(self._policies) == 1:
            return self._policies[0]
        return self._policies[max(0, bisect_right(self._since, instant) - 1)]


class Otherwise(Struct, frozen=True, kw_only=True):
    """What is to be different: rules, or what feeds the channel; unset is as it was."""

    rules: ChannelRules | UnsetType = UNSET
    locations: tuple[str, ...] | UnsetType = UNSET
    kinds: tuple[str, ...] | UnsetType = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET

    def of(self, defined: ChannelDefined) -> ChannelDefined:
        """A definition as it would have been. Who names one way of feeding names all."""
        if self.rules is not UNSET:
            defined = replace(defined, rules=self.rules)
        ways = (self.locations, self.kinds, self.tags)
        if all(way is UNSET for way in ways):
            return defined
        locations, kinds, tags = (() if way is UNSET else way for way in ways)
        return replace(defined, locations=locations, kinds=kinds, tags=tags)


class Network(NamedTuple):
    """How a channel was defined over time, its last version, and the locations that are defined."""

    version: int
    definitions: list[ChannelDefined]
    locations: dict[str, LocationDefined]

    def side(self, staleness_s: int, otherwise: Otherwise) -> Side:
        """One way in which it might have been told."""
        policies = []
        for as_it_was in self.definitions:
            defined = otherwise.of(as_it_was)
            channel = Channel(self.version, defined, as_it_was.occurred_at)
            policy = Policy(defined, staleness_s, feeding(channel, self.locations))
            policies.append((as_it_was.occurred_at, policy))
        return Side(staleness_s, policies)
