"""Random days: every value that was told, heard or kept, is what the rules make of the ledger."""

import os
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import psycopg
import pytest
from nats.aio.msg import Msg

from ledger.domain import commands as c
from ledger.domain.events import ChannelRules
from ledger.recorded import Recorded
from projections.audit.verification import verify
from projections.instants import from_datetime
from subscribers import messages
from tests.integration.telling.brute import Brute
from tests.integration.telling.shop import Shop, now
from tests.support.attested import attest
from tests.support.channels import rules
from tests.support.histories import Histories, append
from tests.support.manual_clock import ManualClock

SEEDS = range(int(os.environ.get("TELLING_SEEDS", "2")))
COMMANDS = int(os.environ.get("TELLING_COMMANDS", "250"))

CHANNELS = ("web", "shop", "far")
KINDS, TAGS = ("store", "warehouse"), ("north", "late")


def _rules(random: Random, skus: tuple[str, ...], places: tuple[str, ...]) -> ChannelRules:
    """Any rules, most of them small enough to leave something."""

    def scopes(*, by_location: bool) -> list[dict[str, str]]:
        one = {"sku": random.choice(skus)} if random.random() < 0.5 else {"sku_class": "A"}
        there = {"location": random.choice(places)}
        every = [{}, one, there, one | there] if by_location else [{}, one]
        return random.sample(every, random.randrange(len(every)))

    shares = (0, 1, 250, 1_000, 3_333)
    return rules(
        safety_stock=[{"units": random.randrange(4), **s} for s in scopes(by_location=True)],
        buffers=[
            {"units": random.randrange(3), "basis_points": random.choice(shares), **s}
            for s in scopes(by_location=True)
        ],
        caps=[{"units": random.randrange(40), **s} for s in scopes(by_location=False)],
        rounding=[
            random.choice(({"pack": "case"}, {"units": 2}, {"pack": "piece"})) | s
            for s in scopes(by_location=False)
        ],
        staleness=random.choice(([], [{"from_s": 60, "units": 1, "basis_points": 500}])),
        publish={
            "rise_units": random.choice((1, 1, 3)),
            "every_ms": random.choice((0, 0, 0, 30_000)),
        },
        backorder_limit=random.choice((0, 0, 3, 9)),
        only_fenced=random.random() < 0.2,
    )


class Days:
    """A random history with channels in it, a few commands at a time."""

    def __init__(self, seed: int) -> None:
        self.histories = Histories(seed)
        self.histories.now = now()
        self.random = self.histories.random
        self.events: list[Recorded] = []

    def channel(self) -> c.AnyCommand:
        """Something about a channel, or about what feeds it."""
        random, histories = self.random, self.histories
        skus, places = tuple(histories.skus), tuple(histories.places)
        draw = random.random()
        if draw < 0.3:
            return c.ReportStaleness(
                channel=random.choice(CHANNELS), measured_s=random.choice((0, 30, 90))
            )
        if draw < 0.5:
            return c.DefineLocation(
                location=random.choice(places),
                kind=random.choice(KINDS),
                sells=random.random() < 0.8,
                tags=tuple(random.sample(TAGS, random.randrange(3))),
            )
        feeds: dict[str, Any] = random.choice(
            (
                {"locations": tuple(random.sample(places, 1 + random.randrange(len(places))))},
                {"kinds": ("store",)},
                {"tags": TAGS[:1], "locations": places[:1]},
            )
        )
        return c.DefineChannel(
            channel=random.choice(CHANNELS),
            by_location=random.random() < 0.4,
            rules=_rules(random, skus, places),
            **feeds,
        )

    def some(self) -> list[Any]:
        """The next few commands that are accepted."""
        items = list(self.histories.items(self.random.randrange(1, 12)))
        if self.random.random() < 0.5 or not self.events:
            item = self.histories.attempt(self.channel())
            items += [item] if item is not None and item.events else []
        self.events += [event for item in items for event in item.events]
        return items


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_value_is_what_its_rules_make_of_the_ledger(
    shop: Shop, start_teller: Callable[..., Any], seed: int
) -> None:
    """At its position, by its version of the rules, at its instant; whoever works it out."""
    heard: list[Msg] = []

    async def hear(message: Msg) -> None:
        heard.append(message)

    await shop.client.subscribe("inventory.ats.>", cb=hear)
    days, clock = Days(seed), ManualClock(now())
    start_teller(clock)
    done = 0
    with psycopg.connect(shop.database.owner_url) as connection:
        while done < COMMANDS:
            items = days.some()
            done += len(items)
            append(connection, items)
            connection.execute("notify ledger")
            connection.commit()
            clock.instant = days.histories.now + days.random.randrange(40) * 1_000_000
            if days.random.random() < 0.6:
                await shop.at_rest()
    await shop.at_rest()
    await shop.client.flush()

    _agree(heard, days.events)
    assert await _last_values(shop) == _last_in_log(shop)
    attest(shop.database.service_url)
    report = verify(shop.database.service_url)
    assert ([], len(shop.log())) == (report.breaches, report.checked["channel_log"])
    assert len(heard) == len(shop.log()) > COMMANDS / 10


def _agree(heard: list[Msg], events: list[Recorded]) -> None:
    brute, told = Brute(events), 0
    for message in heard:
        state = messages.decode(message.data).data
        assert isinstance(state, messages.AtsState)
        instant = from_datetime(datetime.fromisoformat(state.instant))
        brute.to(state.position)
        assert (state.ats, state.rule_version) == brute.number(state, instant), state
        assert state.told == told + 1
        told = state.told


async def _last_values(shop: Shop) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    info = await shop.js.stream_info(messages.ATS_STREAM, subjects_filter=">")
    for subject in info.state.subjects or {}:
        message = await shop.js.get_last_msg(messages.ATS_STREAM, subject)
        state = messages.decode(message.data or b"").data
        assert isinstance(state, messages.AtsState)
        found[state.channel, state.sku, state.location or ""] = state.ats
    return found


def _last_in_log(shop: Shop) -> dict[tuple[str, str, str], int]:
    rows = shop.log("channel, sku, location, ats")
    return {(channel, sku, location): ats for channel, sku, location, ats in rows}
