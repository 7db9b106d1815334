"""What happened to a stock, told: whatever happened has its words, and takes no memory."""

import resource
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from api.importing.connection import Answer, Connection, ConnectionFailed
from api.schemas.fields import rfc3339
from api.schemas.questions import MovementItem
from api.timeline import reading
from api.timeline.lines import Timeline
from api.timeline.reading import NoHistory, Wanted, changes
from api.timeline.words import TELLINGS, conflict, sentence
from ledger.domain.events import ConflictChange, StockTransferSurplus
from ledger.domain.events.meaning import _HELD, _MEANINGS
from ledger.store.mapper import TOPICS
from tests.unit.timeline.items import BEGIN, DAY, item

MANY = 100_000
MEMORY_MAX = 10 * 1024 * 1024
"""Some pages; the answers of the service come to seventy megabytes."""

WEEK = [
    item(
        "stock.opened.v1", 0, reason="opening", changes={"sellable": 40}, balances={"sellable": 40}
    ),
    item(
        "stock.received.v1",
        1.25,
        reason="receipt",
        reference="PO-1",
        actor="dock",
        source="dock",
        changes={"sellable": 1_000},
        balances={"sellable": 1_040},
    ),
    item(
        "stock.reserved.v1",
        2,
        reason="reservation_placed",
        reservation_id="order-1",
        changes={"reserved": 60},
        balances={"sellable": 1_040, "reserved": 60},
    ),
    item(
        "stock.sold.v1",
        2.5,
        recorded=6,
        effective=4,
        order="W-7",
        reference="till-7/8841",
        changes={"sellable": -1_000},
        balances={"sellable": 40, "reserved": 60},
        conflicts=(
            ConflictChange(conflict_id="c", kind="promise_broken", holder="order-1", short=20),
        ),
    ),
    item(
        "stock.absorbed.v1",
        4,
        recorded=6,
        changes={"sellable": 1_000},
        balances={"sellable": 1_040, "reserved": 60},
    ),
    item(
        "stock.moved.v1",
        5,
        reason="fell off the shelf",
        changes={"sellable": -4, "damaged": 4},
        balances={"sellable": 1_036, "damaged": 4, "reserved": 60},
    ),
    item(
        "stock.hold_fulfilled.v1",
        5.5,
        reason="fulfilment",
        reservation_id="order-1",
        changes={"sellable": -60, "reserved": -60},
        balances={"sellable": 976, "damaged": 4},
    ),
]

TOLD = """\
MUG at ams-1, as it happened
change: units on hand; in brackets, units reserved

when (UTC)            change  on hand available  what
2026-01-01 08:00:00      +40       40        40  there before the ledger was; by
                                                till-7 (pos)
2026-01-02 14:00:00   +1,000    1,040     1,040  received from a supplier; by
                                                dock ref PO-1
2026-01-03 08:00:00    (+60)    1,040       980  reserved for order-1; by till-7
                                                (pos)
2026-01-03 20:00:00   -1,000       40       -20  sold on order W-7; the promise
                                                to order-1 is broken, 20 short;
                                                by till-7 (pos) ref till-7/8841;
                                                reported late, recorded
                                                2026-01-07 08:00:00
2026-01-05 08:00:00   +1,000    1,040       980  absorbed by a count, which had
                                                seen that 1,000 left before it
                                                was reported: the level from
                                                here on stays; by till-7 (pos);
                                                recorded 2026-01-07 08:00:00
2026-01-06 08:00:00        0    1,040       976  moved from sellable to damaged;
                                                not for sale: 4 damaged; by
                                                till-7 (pos) reason fell off the
                                                shelf
2026-01-06 20:00:00 -60 (-60)      980       976  sold, as reserved for order-1;
                                                not for sale: 4 damaged; by
                                                till-7 (pos)

on hand
1,040 ┤                 ░███████████████░                   ░██████████████████▄
      ┤                 ░███████████████░                   ░███████████████████
      ┤                 ░███████████████░                   ░███████████████████
      ┤                 ░███████████████░                   ░███████████████████
      ┤                 ░███████████████░                   ░███████████████████
      ┤                 ░███████████████░                   ░███████████████████
      ┤                 ░███████████████░                   ░███████████████████
    0 ┤▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂███████████████▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂███████████████████
      └─────────────────────────────────────────────────────────────────────────
       2026-01-01 08:00:00                                   2026-01-06 20:00:00
"""


def told(items: list[MovementItem], order: Any = "occurred", width: int = 80) -> str:
    """The whole text of a history."""
    timeline = Timeline("MUG", "ams-1", order, width)
    lines = [line for one in items for line in timeline.change(one)]
    return "\n".join([*lines, *timeline.end(more=False), ""])


def test_a_week_is_told_and_drawn() -> None:
    """The whole text, as somebody reads it in a terminal of eighty columns."""
    assert TOLD == told(WEEK)


def test_in_the_order_of_the_ledger_the_business_time_is_said() -> None:
    """Whoever asks what became known when sees when it really was."""
    text = told(WEEK[3:4], "recorded", 200)

    assert "MUG at ams-1, as it was recorded" in text
    assert "2026-01-07 08:00:00" in text
    assert "happened 2026-01-03 20:00:00" in text


def test_a_clock_ahead_is_quoted() -> None:
    """What its reporter claimed is neither hidden nor believed."""
    text = told([item("stock.sold.v1", 1, claimed_at="2027-01-01T00:00:00.000000Z")], width=200)

    assert "its reporter's clock said 2027-01-01 00:00:00" in text


def test_nothing_is_told_of_a_stock_to_which_nothing_happened() -> None:
    """A sentence, not an empty screen."""
    assert "MUG at ams-1: nothing happened\n" == told([])


def test_the_end_of_a_limited_history_says_how_to_go_on() -> None:
    """Nobody takes a part for the whole."""
    timeline = Timeline("MUG", "ams-1", "occurred", 80)
    lines = [line for one in WEEK[:2] for line in timeline.change(one)]
    lines += timeline.end(more=True)

    assert "and more: go on with --from 2026-01-02T14:00:00.000000Z" in lines


CHANGING = sorted(TOPICS[kind] for kind in {*_MEANINGS, *_HELD} - {StockTransferSurplus})


@pytest.mark.parametrize("topic", CHANGING)
def test_whatever_changes_a_level_or_a_hold_has_its_words(topic: str) -> None:
    """A tag is no sentence. (A surplus is about what is on its way; no level changes.)"""
    nothing_missing = dict.fromkeys(
        ("order", "reservation_id", "return_id", "restates", "count_id", "transfer_id"), "it"
    )
    words = sentence(item(topic, 1, counted=3, changes={"sellable": 1}, **nothing_missing))

    assert topic in TELLINGS
    assert "None" not in words
    assert len(words) > 4


def test_a_kind_that_nobody_has_words_for_is_told_by_its_name() -> None:
    """A newer service tells what it knows."""
    assert "put away" == sentence(item("stock.put_away.v1", 1))


@pytest.mark.parametrize(
    ("kind", "holder", "short", "words"),
    [
        ("promise_broken", "order-1", 3, "the promise to order-1 is broken, 3 short"),
        ("promise_broken", "order-1", 0, "the promise to order-1 can be kept again"),
        ("negative_stock", "sellable", 3, "sellable is 3 below zero: something was not reported"),
        ("negative_stock", "sellable", 0, "sellable is not below zero any more"),
        ("over_return", "W-1", 3, "conflict over return: 3 short"),
        ("over_return", "W-1", 0, "conflict over return is cleared"),
    ],
)
def test_conflicts_are_told_in_words(kind: str, holder: str, short: int, words: str) -> None:
    """Who is concerned, and by how much."""
    change = ConflictChange(conflict_id="c", kind=kind, holder=holder, short=short)

    assert words == conflict(change)


class FakeService(Connection):
    """Answers questions for a history of so many sales."""

    def __init__(self, count: int, refusals: int = 0) -> None:
        self.count = count
        self.refusals = refusals
        self.asked: list[str] = []

    async def get(self, path: str) -> Answer:
        self.asked.append(path)
        if path.startswith("/v1/events"):
            return Answer(200, False, None, b'{"items":[],"position":7,"next_after":0}')
        if self.refusals:
            self.refusals -= 1
            if self.refusals % 2:
                raise ConnectionFailed("cut")
            return Answer(503, False, None, b"{}")
        day = int(path.partition("cursor=")[2] or 0)
        last = (day + 1) * PAGE >= self.count
        today = rfc3339(BEGIN + day * DAY)[:10].encode()
        body = PAGE_OF_A_DAY.replace(b"2026-01-01", today)
        items = body if not last else msgspec.json.encode(self._rest(body, day))
        cursor = b"null" if last else b'"%d"' % (day + 1)
        return Answer(200, False, None, b'{"items":%s,"next_cursor":%s}' % (items, cursor))

    def _rest(self, body: bytes, day: int) -> list[Raw]:
        return msgspec.json.decode(body, type=list[Raw])[: self.count - day * PAGE]


PAGE = 1_000
PAGE_OF_A_DAY = msgspec.json.encode(
    [
        item(
            "stock.sold.v1",
            number / PAGE / 2,
            changes={"sellable": -1},
            balances={"sellable": PAGE - number},
        )
        for number in range(PAGE)
    ]
)


def memory_in_use() -> int:
    """Bytes of this process in the machine's memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def test_a_long_history_takes_the_memory_of_a_page() -> None:
    """A hundred thousand changes are printed as they come; only the plot's columns stay."""
    service = FakeService(MANY)
    timeline = Timeline("MUG", "ams-1", "occurred", 120)
    decode = msgspec.json.Decoder(MovementItem).decode
    printed = 0
    before = peak = memory_in_use()
    async for page in changes(service, Wanted("MUG", "ams-1", "occurred")):
        printed += sum(len(line) for one in page.items for line in timeline.change(decode(one)))
        peak = max(peak, memory_in_use())

    assert MANY == timeline.told
    assert printed > MEMORY_MAX // 2
    assert MEMORY_MAX > peak - before
    assert "2026-04-10" in [*timeline.end(more=False)][-1]


async def test_an_answer_that_does_not_come_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A service that was just started has some catching up to do."""
    monkeypatch.setattr(reading, "_LOOK_S", 0)
    service = FakeService(1_500, refusals=4)
    pages = [page async for page in changes(service, Wanted("MUG", "ams-1", "occurred"))]

    assert [1_000, 500] == [len(page.items) for page in pages]
    assert all("min_position=7" in path for path in service.asked[1:])


async def test_a_service_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its last words."""
    monkeypatch.setattr(reading, "_LOOK_S", 0)
    monkeypatch.setattr(reading, "PATIENCE_S", -1)
    service = FakeService(1, refusals=1_000)

    with pytest.raises(NoHistory, match="cut"):
        [page async for page in changes(service, Wanted("MUG", "ams-1", "occurred"))]
