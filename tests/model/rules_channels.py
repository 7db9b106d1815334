"""What may happen to channels: other rules, which may bind promises, and staleness."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.model import drawing as draw
from tests.model.answers import differs
from tests.model.machine import kept
from tests.model.rules_documents import WholeMachine


class ChannelMachine(WholeMachine):
    """A channel of its own beside facts, promises and documents."""

    def ruled(self, units: int, pick: int) -> dict[str, Any]:
        """Rules that keep some units back, of everything, of a SKU or at a location."""
        location, sku = self.stocks[pick % 4]
        kept = [{"units": units}, {"units": units // 2, "sku": sku}]
        shares = [{"percent": "12.5", "location": location}, {"units": 1, "percent": 5}]
        bands = [{"from_s": 60, "units": 1}, {"from_s": 300, "units": 2}]
        return {
            "safety_stock": kept[: pick % 3],
            "buffers": shares[: pick // 2 % 3],
            "staleness": bands[: pick % 4],
            "backorder_limit": pick % 3,
            "binding": pick % 4 < 2,
        }

    @initialize(pick=draw.picks, units=draw.quantities)
    @kept
    def open_channel(self, pick: int, units: int) -> None:
        """A channel sells from both places, most of the time."""
        if pick % 4:
            self.define_channel(pick, 2, units)

    @rule(pick=draw.picks, places=draw.picks, units=draw.quantities)
    @kept
    def define_channel(self, pick: int, places: int, units: int) -> None:
        """It sells from one place or both, or, by mistake, from none; by other rules."""
        known = sorted({location for location, _ in self.stocks})
        body = {"locations": known[: places % 8], "rules": self.ruled(units, pick)}
        self.command("defineChannel", self.web, body)

    @rule(pick=draw.picks, measured_s=st.sampled_from((0, 30, 75, 400)))
    @kept
    def report_staleness(self, pick: int, measured_s: int) -> None:
        """What a channel shows is so old; now and then of one that nobody knows."""
        name = f"nobody-{self.name}" if pick == 7 else self.web
        self.command("reportStaleness", name, {"measured_s": measured_s})

    def check_rules(self) -> None:
        """A channel reads as it was answered."""
        super().check_rules()
        for name, known in self.model.channels.items():
            answer = self.client.call("getChannel", name, query=self.min_position)
            expected = {**self.model.channel(known), "locations": known["locations"]}
            del expected["notes"]
            assert not (d := differs(expected, answer.body)), self.told(d, answer, name)
            if self.lists:
                query = {"limit": 1_000, **self.min_position}
                listed = self.client.call("listChannels", query=query).body["items"]
                assert name in {item["channel"] for item in listed}, self.told(name, listed, "")
