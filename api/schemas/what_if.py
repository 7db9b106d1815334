"""What-if: a past interval under other rules, as it is asked for and answered."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field
from msgspec.structs import replace

from api.schemas.catalog import Kind, Tag
from api.schemas.channels import Rules, rules_of
from api.schemas.fields import Time, check_code, instant_of, rfc3339
from api.schemas.questions import KnownAt, Limit, Position, Timestamp, stands_for
from ledger.domain.channel import RULES_MAX, canonical
from ledger.domain.refusals import Malformed
from ledger.domain.values import MICROSECONDS_PER_SECOND, Code, Instant
from projections.clocks import Clocks
from projections.what_if.answers import OfSku, Progress, Seen, Tally
from projections.what_if.policies import Otherwise

INTERVAL_MAX_DAYS: Final = 1_100
"""Three years: the days of an answer are a list that somebody reads."""

STALENESS_MAX_S: Final = 86_400
"""A day: what has happened and is not yet seen waits in memory, of one SKU at a time."""

_WAYS_MAX: Final = 100
_EPOCH: Final = date(1970, 1, 1)

Staleness: TypeAlias = Annotated[int, Meta(ge=0, le=STALENESS_MAX_S)]
WhoseSales: TypeAlias = Literal["channel", "all"]
OwnSales: TypeAlias = Literal["unknown", "known"]


class WhatIfRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which interval, and what would have been different in it; what is left out is as it was."""

    start: Time = field(name="from")
    end: Time = field(name="to")
    rules: Rules | UnsetType = UNSET
    locations: Annotated[tuple[Code, ...], Meta(max_length=RULES_MAX)] | UnsetType = UNSET
    kinds: Annotated[tuple[Kind, ...], Meta(max_length=_WAYS_MAX)] | UnsetType = UNSET
    tags: Annotated[tuple[Tag, ...], Meta(max_length=_WAYS_MAX)] | UnsetType = UNSET
    staleness_s: Staleness = 0
    actual_staleness_s: Staleness | UnsetType = UNSET
    sales: WhoseSales = "channel"
    own_sales: OwnSales = "unknown"
    sku: Code | UnsetType = UNSET
    limit: Limit = 100
    known_at: KnownAt | UnsetType = UNSET
    min_position: Position = 0


class SeenAnswer(Struct, frozen=True, kw_only=True):
    """What became of the recorded sales by what the channel would have seen.

    `sales_lost`: units above it; `sales_cut`: the sales they are of. `oversells_prevented`: sales
    that opened a conflict, and lost so many units that it had not; `oversells_left`: the others.
    """

    sales_lost: int
    sales_cut: int
    oversells_prevented: int
    oversells_left: int

    @classmethod
    def of(cls, seen: Seen) -> Self:
        """The public form."""
        return cls(**msgspec.structs.asdict(seen))


class TallyAnswer(Struct, frozen=True, kw_only=True):
    """Recorded sales and their units; of these, units promised before the interval began.

    `oversells`: sales that opened a conflict.
    """

    sales: int
    units: int
    units_held_before: int
    oversells: int
    what_if: SeenAnswer
    actual: SeenAnswer

    @classmethod
    def of(cls, tally: Tally, **more: Any) -> Self:
        """The public form."""
        return cls(
            sales=tally.sales,
            units=tally.units,
            units_held_before=tally.units_held_before,
            oversells=tally.oversells,
            what_if=SeenAnswer.of(tally.what_if),
            actual=SeenAnswer.of(tally.actual),
            **more,
        )


class SkuTally(TallyAnswer, frozen=True, kw_only=True):
    """Those of one SKU."""

    sku: str


class DayTally(TallyAnswer, frozen=True, kw_only=True):
    """Those of one day, UTC."""

    day: Annotated[str, Meta(extra_json_schema={"format": "date"})]


class WhatIfHead(Struct, frozen=True, kw_only=True):
    """What an answer stands for; the same question with `known_at` this position has it again.

    `rule_version`: the channel's, the last that was known.
    """

    channel: str
    start: Timestamp = field(name="from")
    end: Timestamp = field(name="to")
    staleness_s: int
    actual_staleness_s: int
    sales: WhoseSales
    own_sales: OwnSales
    rule_version: int
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class WhatIfAnswer(WhatIfHead, frozen=True, kw_only=True):
    """All sales together, by day, and the SKUs that would have lost most.

    `skus_total` counts the SKUs with sales, `skus_left_out` those beyond `limit`.
    """

    totals: TallyAnswer
    days: list[DayTally]
    skus: list[SkuTally]
    skus_total: int
    skus_left_out: int


class ProgressLine(Struct, frozen=True, kw_only=True):
    """How far a stream of lines has come: changes of stocks gone through, of about so many."""

    changes_done: int
    changes: int


class LastLine(Struct, frozen=True, kw_only=True):
    """The end of a stream of lines: without it, it is not whole."""

    totals: TallyAnswer
    days: list[DayTally]
    skus_total: int


WHAT_IF: Final = msgspec.json.Decoder(WhatIfRequest)


class Interval(Struct, frozen=True):
    """From one instant on, and before another."""

    since: Instant
    until: Instant


def interval_of(request: WhatIfRequest) -> Interval:
    """The interval asked about. Raises Malformed."""
    since, until = instant_of(request.start, "$.from"), instant_of(request.end, "$.to")
    assert since is not None
    assert until is not None
    if since >= until:
        raise Malformed("$.to", "must be after from")
    if until - since > INTERVAL_MAX_DAYS * 86_400 * MICROSECONDS_PER_SECOND:
        raise Malformed("$.to", f"must be at most {INTERVAL_MAX_DAYS} days after from")
    return Interval(since, until)


def codes_in(request: WhatIfRequest) -> list[str]:
    """The SKUs that a question names."""
    found = [] if request.sku is UNSET else [request.sku]
    rules = () if request.rules is UNSET else _scoped(request.rules)
    return found + [rule.sku for _, kind in rules for rule in kind if rule.sku is not None]


def respelled(request: WhatIfRequest, kept: Mapping[str, str]) -> WhatIfRequest:
    """The question under other codes."""
    sku, rules = request.sku, request.rules
    if sku is not UNSET:
        sku = kept.get(sku, sku)
    if rules is not UNSET:
        changed = {
            name: tuple(replace(rule, sku=kept.get(rule.sku or "", rule.sku)) for rule in kind)
            for name, kind in _scoped(rules)
        }
        rules = replace(rules, **changed)
    return replace(request, sku=sku, rules=rules)


def _scoped(rules: Rules) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for name in ("safety_stock", "buffers", "caps", "rounding"):
        yield name, getattr(rules, name)


def otherwise_of(request: WhatIfRequest) -> Otherwise:
    """What is to be different. Raises Malformed naming the path."""
    rules = UNSET if request.rules is UNSET else canonical(rules_of(request.rules))
    if request.locations is not UNSET:
        for index, location in enumerate(request.locations):
            check_code(f"$.locations[{index}]", location)
    ways = (request.locations, request.kinds, request.tags)
    if any(way is not UNSET for way in ways) and not any(ways):
        raise Malformed("$.locations", "names no location, and neither do kinds or tags")
    return Otherwise(
        rules=rules, locations=request.locations, kinds=request.kinds, tags=request.tags
    )


def head_of(channel: str, request: WhatIfRequest, at: Clocks, **more: int) -> dict[str, Any]:
    """The fields that say what an answer stands for."""
    interval = interval_of(request)
    actual = request.actual_staleness_s
    stands = stands_for(at, more["position"])
    del stands["as_of"]
    return {
        "channel": channel,
        "start": rfc3339(interval.since),
        "end": rfc3339(interval.until),
        "staleness_s": request.staleness_s,
        "actual_staleness_s": request.staleness_s if actual is UNSET else actual,
        "sales": request.sales,
        "own_sales": request.own_sales,
        **stands,
        **more,
    }


def sku_line(one: OfSku) -> SkuTally:
    """One SKU in public form."""
    return SkuTally.of(one.whole, sku=one.sku)


def progress_line(progress: Progress) -> ProgressLine:
    """How far it has come, in public form."""
    return ProgressLine(changes_done=progress.done, changes=progress.of)


def days_of(days: Mapping[int, Tally]) -> list[DayTally]:
    """Days in their order."""
    return [
        DayTally.of(tally, day=(_EPOCH + timedelta(days=number)).isoformat())
        for number, tally in sorted(days.items())
    ]
