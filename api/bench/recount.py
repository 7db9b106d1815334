"""PURE: what channels were told, worked out once more from the ledger's rows alone.

Nothing of the ledger, of its projections or of the teller is used: bodies are read as plain
documents, stocks are added up one event after the other, and rules are looked for word by word.
Whoever makes a mistake there makes another one here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Struct, field

Document: TypeAlias = Mapping[str, Any]

_WHOLE_PART: Final = 10_000  # Basis points.
_SCOPES: Final = (
    ("sku", "location"),
    ("sku",),
    ("sku_class", "location"),
    ("location",),
    ("sku_class",),
    (),
)
_NAMES: Final = ("sku", "sku_class", "location")


class Row(NamedTuple):
    """An event as it is stored; when it was recorded, in microseconds."""

    position: int
    topic: str
    state: bytes
    recorded_at: int


class Heard(NamedTuple):
    """A value as a subscriber's callback was given it, and when that was, in microseconds."""

    channel: str
    sku: str
    location: str | None
    ats: int
    position: int
    rule_version: int
    instant: int
    told: int
    heard_at: int
    present: bool


class Verdict(Struct):
    """How values compare with those worked out here, and the first of those that differ."""

    checked: int = 0
    above: int = 0
    different: int = 0
    first: list[str] = field(default_factory=list)


class _Hold(Struct):
    """Units held, when they run out if they do, and whose fence gave how many of them."""

    units: int
    expires_at: int | None
    fence: str | None = None
    fenced: int = 0


class _Shelf:
    """One SKU at one location. Holds that have run out wait in `gone` to be written down."""

    def __init__(self) -> None:
        self.sellable = self.reserved = self.limit = 0
        self.fences: dict[str, int] = defaultdict(int)
        self.holds: dict[str, _Hold] = {}
        self.gone: dict[str, _Hold] = {}
        self._due: list[tuple[int, str]] = []

    def until(self, instant: int) -> None:
        """Let holds run out."""
        while self._due and self._due[0][0] <= instant:
            expires_at, name = heappop(self._due)
            hold = self.holds.get(name)
            if hold is not None and hold.expires_at == expires_at:
                self.gone[name] = self.taken_off(name)

    def taken_off(self, name: str) -> _Hold:
        """Give up a hold as a whole."""
        hold = self.holds.pop(name)
        self.reserved -= hold.units
        if hold.fence is not None:
            self.fences[hold.fence] += hold.fenced
        return hold

    def put_on(self, name: str, hold: _Hold) -> None:
        """Hold units."""
        self.holds[name] = hold
        self.reserved += hold.units
        if hold.fence is not None:
            self.fences[hold.fence] -= hold.fenced
        if hold.expires_at is not None:
            heappush(self._due, (hold.expires_at, name))

    def changed(self, name: str) -> _Hold:
        """Take a hold off to put it on again, also one that has run out in the meantime."""
        return self.gone.pop(name) if name in self.gone else self.taken_off(name)

    def free_of_others(self, channel: str) -> int:
        """Units set aside for other channels, and not yet taken."""
        return sum(units for name, units in self.fences.items() if name != channel)


class Recount:
    """The ledger as it stood at one position after the other."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Nothing is read before it is asked for."""
        self._rows: Iterator[Row] = iter(rows)
        self._shelves: dict[str, dict[str, _Shelf]] = defaultdict(dict)
        self._skus: dict[str, Document] = {}
        self._locations: dict[str, Document] = {}
        self._channels: dict[str, Document] = {}
        self._versions: dict[str, int] = defaultdict(int)
        self._measured: dict[str, int] = defaultdict(int)
        self.position = 0

    def judge(self, heard: Iterable[Heard]) -> Verdict:
        """Compare values, in the order in which they were told."""
        verdict = Verdict()
        for one in sorted(heard, key=lambda value: (value.position, value.instant)):
            self.to(one.position)
            expected = self.number(one.channel, one.sku, one.location, one.instant)
            version = self._versions[one.channel]
            verdict.checked += 1
            verdict.above += one.ats > expected
            if (one.ats, one.rule_version) != (expected, version):
                verdict.different += 1
                if len(verdict.first) < 10:
                    verdict.first.append(f"{one}: should be {expected} by version {version}")
        return verdict

    def to(self, position: int) -> None:
        """Go on to a position."""
        while self.position < position:
            row = next(self._rows)
            assert row.position == self.position + 1, f"after {self.position} comes {row.position}"
            self.position = row.position
            kind = row.topic.partition(".")[0]
            if kind in {"stock", "sku", "location", "channel"}:
                self._take(kind, row.topic, msgspec.json.decode(row.state)["event"])

    def number(self, channel: str, sku: str, location: str | None, instant: int) -> int:
        """What a channel may be told at this position and an instant."""
        shelves = {
            place: shelf
            for place, shelf in self._shelves[sku].items()
            if self._feeds(channel, place)
        }
        for shelf in shelves.values():
            shelf.until(instant)
        rules = _Rules(self._channels[channel], self._skus.get(sku, {"sku": sku}))
        if location is None:
            parts = [rules.part(channel, place, shelf) for place, shelf in shelves.items()]
            beyond = min(sum(part[1] for part in parts), rules.beyond)
            units = sum(part[0] for part in parts) + beyond
        elif location in shelves and self._channels[channel].get("by_location", False):
            units = sum(rules.part(channel, location, shelves[location]))
        else:
            return 0
        return rules.told(units, self._measured[channel])

    def _feeds(self, channel: str, location: str) -> bool:
        defined, place = self._channels[channel], self._locations.get(location)
        if place is None:
            return location in defined.get("locations", ())
        return place.get("sells", True) and (
            location in defined.get("locations", ())
            or place.get("kind", "store") in defined.get("kinds", ())
            or any(tag in defined.get("tags", ()) for tag in place.get("tags", ()))
        )

    # --- events -------------------------------------------------------------------------------

    def _take(self, kind: str, topic: str, event: Document) -> None:
        if kind == "stock":
            place, sku = event["location"], event["sku"]
            shelf = self._shelves[sku].setdefault(place, _Shelf())
            _EVENTS[topic](shelf, event)
        elif kind == "sku":
            self._skus[event["sku"]] = event
        elif kind == "location":
            self._locations[event["location"]] = event
        else:
            name = event["channel"]
            self._versions[name] += 1
            if topic == "channel.defined.v1":
                self._channels[name] = event
            elif topic == "channel.staleness_changed.v1":
                self._measured[name] = event["measured_s"]


def _enters(shelf: _Shelf, event: Document) -> None:
    shelf.sellable += event["quantity"]


def _sold(shelf: _Shelf, event: Document) -> None:
    shelf.sellable -= event["quantity"]
    fence = event.get("fence")
    if fence is not None:
        shelf.fences[fence["channel"]] -= fence["quantity"]


def _adjusted(shelf: _Shelf, event: Document) -> None:
    shelf.sellable += event["delta"]


def _reserved(shelf: _Shelf, event: Document) -> None:
    fence = event.get("fence", {})
    hold = _Hold(
        event["quantity"],
        event.get("expires_at"),
        fence.get("channel"),
        fence.get("quantity", 0),
    )
    shelf.put_on(event["reservation_id"], hold)


def _confirmed(shelf: _Shelf, event: Document) -> None:
    hold = shelf.changed(event["reservation_id"])
    hold.expires_at = None
    shelf.put_on(event["reservation_id"], hold)


def _extended(shelf: _Shelf, event: Document) -> None:
    hold = shelf.changed(event["reservation_id"])
    hold.expires_at = event["expires_at"]
    shelf.put_on(event["reservation_id"], hold)


def _released(shelf: _Shelf, event: Document) -> None:
    name, fence = event["reservation_id"], event.get("fence")
    hold = shelf.changed(name)
    hold.units -= event["quantity"]
    if fence is not None:
        hold.fenced -= fence["quantity"]
    if hold.units:
        shelf.put_on(name, hold)


def _fulfilled(shelf: _Shelf, event: Document) -> None:
    name, fence = event["reservation_id"], event.get("fence")
    hold = shelf.changed(name)
    hold.units -= event["quantity"]
    shelf.sellable -= event["quantity"]
    if fence is not None:  # What leaves with a hold is set aside for nobody any more.
        hold.fenced -= fence["quantity"]
        shelf.fences[fence["channel"]] -= fence["quantity"]
    if hold.units:
        shelf.put_on(name, hold)


def _expired(shelf: _Shelf, event: Document) -> None:
    for expired in event["holds"]:
        name = expired["reservation_id"]
        if shelf.gone.pop(name, None) is None:
            shelf.taken_off(name)


def _granted(shelf: _Shelf, event: Document) -> None:
    shelf.fences[event["channel"]] += event["quantity"]


def _returned(shelf: _Shelf, event: Document) -> None:
    shelf.fences[event["channel"]] -= event["quantity"]


def _limited(shelf: _Shelf, event: Document) -> None:
    shelf.limit = event["limit"]


_EVENTS: Final = {
    "stock.opened.v1": _enters,
    "stock.received.v1": _enters,
    "stock.sold.v1": _sold,
    "stock.adjusted.v1": _adjusted,
    "stock.reserved.v1": _reserved,
    "stock.hold_confirmed.v1": _confirmed,
    "stock.hold_extended.v1": _extended,
    "stock.hold_released.v1": _released,
    "stock.hold_fulfilled.v1": _fulfilled,
    "stock.holds_expired.v1": _expired,
    "stock.fence_granted.v1": _granted,
    "stock.fence_returned.v1": _returned,
    "stock.backorder_limit_set.v1": _limited,
}
"""What happens in a sale. Anything else is not known here, and ends the count."""


class _Rules:
    """A channel's rules as they are for one SKU."""

    def __init__(self, defined: Document, sku: Document) -> None:
        self._rules: Document = defined.get("rules", {})
        self._sku = sku
        self.beyond = int(self._rules.get("backorder_limit", 0))

    def part(self, channel: str, place: str, shelf: _Shelf) -> tuple[int, int]:
        """Of one location: units that are there, and units beyond."""
        free = shelf.sellable - shelf.reserved - shelf.free_of_others(channel)
        beyond = max(0, min(self.beyond, shelf.limit + min(0, free)))
        if self._rules.get("only_fenced", False):
            free, beyond = min(free, shelf.fences.get(channel, 0)), 0
        free = max(0, free)
        safety = self._closest("safety_stock", place)
        if safety is not None:
            free = max(0, free - safety["units"])
        buffer = self._closest("buffers", place)
        if buffer is not None:
            free = _without(free, buffer)
        return free, beyond

    def told(self, units: int, measured_s: int) -> int:
        """So many units as they are told."""
        bands = [one for one in self._rules.get("staleness", ()) if one["from_s"] <= measured_s]
        if bands:
            units = _without(units, max(bands, key=lambda one: one["from_s"]))
        cap, rounding = self._closest("caps", None), self._closest("rounding", None)
        if cap is not None:
            units = min(units, cap["units"])
        if rounding is None:
            return units
        multiple = rounding.get("units", 1)
        if "pack" in rounding:
            packs = {pack["name"]: pack for pack in self._sku.get("packs", ())}
            if rounding["pack"] not in packs:
                return 0
            assert "of" not in packs[rounding["pack"]], "packs of packs are not counted here"
            multiple = packs[rounding["pack"]]["factor"]
        return int(units // multiple * multiple)

    def _closest(self, kind: str, location: str | None) -> Document | None:
        about = {"location": location, **{name: self._sku.get(name) for name in _NAMES[:2]}}
        for scope in _SCOPES:
            wanted = {name: about[name] if name in scope else None for name in _NAMES}
            if None in [about[name] for name in scope]:
                continue
            for rule in self._rules.get(kind, ()):
                if all(rule.get(name) == value for name, value in wanted.items()):
                    return dict(rule)
        return None


def _without(units: int, kept: Document) -> int:
    """What is left: the largest whole number that keeps back units and share in full."""
    left: int = units * (_WHOLE_PART - kept.get("basis_points", 0)) // _WHOLE_PART
    return max(0, left - int(kept.get("units", 0)))
