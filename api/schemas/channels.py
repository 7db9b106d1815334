"""Channels as they are defined, and as they are answered: rules come back as they were put."""

from typing import Annotated, Any, Final, Self, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

from api.schemas.catalog import Kind, Tag
from api.schemas.fields import check_code, rfc3339
from api.schemas.questions import Page, PagedQuery, Timestamp
from ledger.domain import commands, events
from ledger.domain.availability import HUNDRED_PER_CENT, band_of
from ledger.domain.channel import BANDS_MAX, RULES_MAX
from ledger.domain.outcomes import ChannelState
from ledger.domain.refusals import Malformed
from ledger.domain.values import QUANTITY_MAX, Code

_KINDS_MAX: Final = 100
_TAGS_MAX: Final = 100
_DAY_MS: Final = 86_400_000
_STALENESS_MAX_S: Final = 100 * 366 * 86_400  # A hundred years.

Units: TypeAlias = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
SomeUnits: TypeAlias = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
WholePercent: TypeAlias = Annotated[int, Meta(ge=0, le=100)]
FinePercent: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]{1,3}(?:\.[0-9]{1,2})?\Z")]
Percent: TypeAlias = WholePercent | FinePercent
"""A whole number, or a decimal as a string with at most two digits after its point."""

Seconds: TypeAlias = Annotated[int, Meta(ge=0, le=_STALENESS_MAX_S)]
BandStart: TypeAlias = Annotated[int, Meta(ge=1, le=_STALENESS_MAX_S)]


class _Rule(
    Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, omit_defaults=True
):
    """A rule for everything, for a SKU, or for a class of SKUs."""

    sku: Code | None = None
    sku_class: Code | None = field(default=None, name="class")


class SafetyStockRule(_Rule, frozen=True):
    """Units kept back at each location."""

    units: Units
    location: Code | None = None


class BufferRule(_Rule, frozen=True):
    """Units and a share of what is left, rounded up, kept back at each location after those."""

    units: Units | None = None
    percent: Percent | None = None
    location: Code | None = None


class CapRule(_Rule, frozen=True):
    """The most that is told of a SKU."""

    units: Units


class RoundingRule(_Rule, frozen=True):
    """A SKU is told in whole packs: a named pack of the SKU, or so many units."""

    pack: Code | None = None
    units: SomeUnits | None = None


class BandRule(
    Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True, omit_defaults=True
):
    """What else is kept back of the whole number from so many seconds of staleness on."""

    from_s: BandStart
    units: Units | None = None
    percent: Percent | None = None


class PublishRule(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Rises of fewer units wait; messages of a SKU are so far apart."""

    rise_units: SomeUnits = 1
    every_ms: Annotated[int, Meta(ge=0, le=_DAY_MS)] = 0


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shapes the numbers a channel is told; what is left out shapes nothing."""

    safety_stock: Annotated[tuple[SafetyStockRule, ...], Meta(max_length=RULES_MAX)] = ()
    buffers: Annotated[tuple[BufferRule, ...], Meta(max_length=RULES_MAX)] = ()
    caps: Annotated[tuple[CapRule, ...], Meta(max_length=RULES_MAX)] = ()
    rounding: Annotated[tuple[RoundingRule, ...], Meta(max_length=RULES_MAX)] = ()
    staleness: Annotated[tuple[BandRule, ...], Meta(max_length=BANDS_MAX)] = ()
    publish: PublishRule = PublishRule()
    backorder_limit: Units = 0
    only_fenced: bool = False
    binding: bool = False


class ChannelRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a channel sells from, and by which rules, from now on, in full.

    From locations that are named, are of a kind or carry a tag: at least one of the three.
    """

    locations: Annotated[tuple[Code, ...], Meta(max_length=RULES_MAX)] = ()
    kinds: Annotated[tuple[Kind, ...], Meta(max_length=_KINDS_MAX)] = ()
    tags: Annotated[tuple[Tag, ...], Meta(max_length=_TAGS_MAX)] = ()
    by_location: bool = False
    rules: Rules = Rules()


class StalenessRequest(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """How old what a channel shows was found to be."""

    measured_s: Seconds


class Staleness(Struct, frozen=True, kw_only=True, gc=False):
    """The band of staleness a channel is in, 0 for none, and what was measured as it got there."""

    from_s: int
    measured_s: int


class ChannelItem(Struct, frozen=True, kw_only=True):
    """A channel as it is defined. `version` is the rule version that its numbers are told with."""

    channel: str
    locations: tuple[str, ...]
    kinds: tuple[str, ...]
    tags: tuple[str, ...]
    by_location: bool
    rules: Rules
    staleness: Staleness
    version: int
    defined_at: Timestamp

    @classmethod
    def of(cls, event: events.ChannelDefined, version: int, measured_s: int, **more: Any) -> Self:
        """The public form of a definition."""
        band = band_of(event.rules, measured_s)
        from_s = 0 if band is None else band.from_s
        return cls(
            channel=event.channel,
            locations=event.locations,
            kinds=event.kinds,
            tags=event.tags,
            by_location=event.by_location,
            rules=rules_answer(event.rules),
            staleness=Staleness(from_s=from_s, measured_s=measured_s),
            version=version,
            defined_at=rfc3339(event.occurred_at),
            **more,
        )


class ChannelAnswer(ChannelItem, frozen=True, kw_only=True):
    """One channel, and the position at which it was written."""

    position: int


class ChannelDocument(ChannelItem, frozen=True, kw_only=True):
    """One channel, what the answer stands for, and the position at which it was read."""

    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class ChannelsQuery(PagedQuery, frozen=True):
    """All channels."""


class ChannelsPage(Page, frozen=True, kw_only=True):
    """Channels in the order of their ids."""

    items: list[ChannelItem]


CHANNEL: Final = msgspec.json.Decoder(ChannelRequest)
STALENESS: Final = msgspec.json.Decoder(StalenessRequest)


# --- in -----------------------------------------------------------------------------------------


def channel_of(channel: str, request: ChannelRequest) -> commands.DefineChannel:
    """The command. Raises Malformed."""
    check_code("channel", channel)
    for index, location in enumerate(request.locations):
        check_code(f"$.locations[{index}]", location)
    return commands.DefineChannel(
        channel=channel,
        locations=request.locations,
        kinds=request.kinds,
        tags=request.tags,
        by_location=request.by_location,
        rules=rules_of(request.rules),
    )


def staleness_of(channel: str, request: StalenessRequest) -> commands.ReportStaleness:
    """The command. Raises Malformed."""
    check_code("channel", channel)
    return commands.ReportStaleness(channel=channel, measured_s=request.measured_s)


def rules_of(rules: Rules, path: str = "$.rules") -> events.ChannelRules:
    """Rules as events have them. Raises Malformed naming the path."""
    return events.ChannelRules(
        safety_stock=tuple(
            events.SafetyStock(units=rule.units, **_scope(rule, f"{path}.safety_stock[{index}]"))
            for index, rule in enumerate(rules.safety_stock)
        ),
        buffers=tuple(
            events.Buffer(
                **_kept(rule, f"{path}.buffers[{index}]"),
                **_scope(rule, f"{path}.buffers[{index}]"),
            )
            for index, rule in enumerate(rules.buffers)
        ),
        caps=tuple(
            events.Cap(units=rule.units, **_scope(rule, f"{path}.caps[{index}]"))
            for index, rule in enumerate(rules.caps)
        ),
        rounding=tuple(
            _rounding(rule, f"{path}.rounding[{index}]")
            for index, rule in enumerate(rules.rounding)
        ),
        staleness=tuple(
            events.StalenessBand(from_s=rule.from_s, **_kept(rule, f"{path}.staleness[{index}]"))
            for index, rule in enumerate(rules.staleness)
        ),
        publish=events.Publishing(
            rise_units=rules.publish.rise_units, every_ms=rules.publish.every_ms
        ),
        backorder_limit=rules.backorder_limit,
        only_fenced=rules.only_fenced,
        binding=rules.binding,
    )


def _scope(rule: Any, path: str) -> dict[str, Any]:
    location = getattr(rule, "location", None)
    check_code(f"{path}.sku", rule.sku)
    check_code(f"{path}.class", rule.sku_class)
    check_code(f"{path}.location", location)
    return {"sku": rule.sku, "sku_class": rule.sku_class, "location": location}


def _kept(rule: BufferRule | BandRule, path: str) -> dict[str, Any]:
    """Units and basis points of a rule that says at least one of them."""
    if rule.units is None and rule.percent is None:
        raise Malformed(path, "needs units or percent")
    return {"units": rule.units or 0, "basis_points": _basis_points(rule.percent or 0, path)}


def _rounding(rule: RoundingRule, path: str) -> events.Rounding:
    if (rule.pack is None) == (rule.units is None):
        raise Malformed(path, "needs either a pack or units")
    check_code(f"{path}.pack", rule.pack)
    return events.Rounding(pack=rule.pack, units=rule.units or 1, **_scope(rule, path))


def _basis_points(percent: int | str, path: str) -> int:
    whole, _, fraction = str(percent).partition(".")
    points = int(whole + fraction.ljust(2, "0"))
    if points > HUNDRED_PER_CENT:
        raise Malformed(f"{path}.percent", f"at most 100, is {percent}")
    return points


# --- out ----------------------------------------------------------------------------------------


def channel_answer(state: ChannelState) -> ChannelAnswer:
    """What the ledger answered, in public form."""
    return ChannelAnswer.of(
        state.definition, state.version, state.measured_s, position=state.position
    )


def rules_answer(rules: events.ChannelRules) -> Rules:
    """Rules as they may be put again."""
    return Rules(
        safety_stock=tuple(
            SafetyStockRule(
                units=rule.units, sku=rule.sku, sku_class=rule.sku_class, location=rule.location
            )
            for rule in rules.safety_stock
        ),
        buffers=tuple(
            BufferRule(
                units=rule.units,
                percent=_percent(rule.basis_points),
                sku=rule.sku,
                sku_class=rule.sku_class,
                location=rule.location,
            )
            for rule in rules.buffers
        ),
        caps=tuple(
            CapRule(units=rule.units, sku=rule.sku, sku_class=rule.sku_class) for rule in rules.caps
        ),
        rounding=tuple(
            RoundingRule(
                pack=rule.pack,
                units=rule.units if rule.pack is None else None,
                sku=rule.sku,
                sku_class=rule.sku_class,
            )
            for rule in rules.rounding
        ),
        staleness=tuple(
            BandRule(from_s=band.from_s, units=band.units, percent=_percent(band.basis_points))
            for band in rules.staleness
        ),
        publish=PublishRule(rise_units=rules.publish.rise_units, every_ms=rules.publish.every_ms),
        backorder_limit=rules.backorder_limit,
        only_fenced=rules.only_fenced,
        binding=rules.binding,
    )


def _percent(basis_points: int) -> int | str:
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0") if rest else whole
