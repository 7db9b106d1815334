"""The rules of channels, read a second time: what they may promise where their rules bind."""

from collections import Counter
from fractions import Fraction
from typing import Any

from tests.model.book import Json, Stock, require


class Channels:
    """Channels as they were defined, and how stale they were found."""

    channels: dict[Any, Json]
    limits: Counter[Stock]
    free: Any

    def promised(self, stock: Stock, channel: Any) -> Any:
        """What a channel may still promise where its rules bind: a location's share of it."""
        free, known = self.free(stock, channel), self.channels.get(channel, {})
        rules = known.get("rules", {})
        if not rules.get("binding"):
            return free
        there = free - self.limits[stock]
        beyond = max(0, min(rules["backorder_limit"], self.limits[stock] + min(there, 0)))
        left = max(0, there)
        for kind in ("safety_stock", "buffers"):
            rule = self.closest(rules[kind], *stock)
            share = Fraction(rule.get("percent", 0)) / 100 * left
            left -= min(left, rule.get("units", 0) + -(-share.numerator // share.denominator))
        return min(free, left + beyond if stock[0] in known["locations"] else 0)

    def closest(self, rules: Any, location: str, sku: str) -> Json:
        """The rule for a SKU somewhere, for a SKU, for a location, or for everything."""
        about = {"sku": sku, "location": location}
        for names in (["sku", "location"], ["sku"], ["location"], []):
            for rule in rules:
                if {name: rule[name] for name in about if name in rule} == {
                    name: about[name] for name in names
                }:
                    return dict(rule)
        return {}

    def define_channel(self, name: str, body: Json) -> Json:
        """What a channel sells, and how it is kept from selling all of it."""
        require(body["locations"], "malformed", path="$.locations")
        known = self.channels.setdefault(name, {"version": 0, "measured_s": 0})
        known["version"] += any(known.get(part) != body[part] for part in body)
        known |= body
        return self.channel(known)

    def report_staleness(self, name: str, body: Json) -> Json:
        """How old what it shows is: another version only where that is another band."""
        require(name in self.channels, "not-found")
        known = self.channels[name]
        if self.band(known, body["measured_s"]) != self.band(known, known["measured_s"]):
            known |= {**body, "version": known["version"] + 1}
        return self.channel(known)

    def band(self, known: Json, measured_s: int) -> int:
        """Where the band of a staleness begins."""
        begins = [band["from_s"] for band in known["rules"]["staleness"]]
        return max((from_s for from_s in begins if from_s <= measured_s), default=0)

    def channel(self, known: Json) -> Json:
        """A channel as it stands."""
        measured_s = known["measured_s"]
        stale = {"from_s": self.band(known, measured_s), "measured_s": measured_s}
        return {"version": known["version"], "staleness": stale, "notes": []}
