"""The checker is checked first: each kind of violation, planted, is found and named."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.domain.events import AnyEvent, ReservationPlaced, StockReceived, StockSold
from ledger.recorded import Meta, Recorded
from ledger.store.mapper import TOPICS
from ledger.writer.deciding import digest
from tests.support.checker import Books, Finding, check
from tests.support.driver import Answered, Entry, Sent, Silent

STORY: list[tuple[str, int]] = [("k-1", 10), ("k-2", 4), ("k-3", 7)]
SENT: dict[str, Any] = {"type": "receive", "sku": "MUG", "location": "ams-1"}


def received(quantity: int) -> StockReceived:
    """Mugs for ams-1."""
    return StockReceived(
        occurred_at=1, effective_at=1, location="ams-1", sku="MUG", quantity=quantity
    )


def sold(quantity: int) -> StockSold:
    """Mugs sold at ams-1."""
    return StockSold(occurred_at=1, effective_at=1, location="ams-1", sku="MUG", quantity=quantity)


def row(position: int, key: str, event: AnyEvent, *, instant: int | None = None) -> Recorded:
    """One event of a command, alone at its instant."""
    meta = Meta(
        instant=position if instant is None else instant,
        actor="admin",
        source="http",
        reason="receive",
        correlation_id="c",
        command_id=key,
        movement_id=f"{key}/0",
    )
    return Recorded(
        position, event.stream, position, TOPICS[type(event)], 100 + position, meta, event
    )


def books(rows: Sequence[Recorded] | None = None, *keys: str) -> Books:
    """The story's ledger, or another one."""
    if rows is None:
        rows = [row(n, key, received(q)) for n, (key, q) in enumerate(STORY, start=1)]
    known = keys or tuple(key for key, _ in STORY)
    return Books(list(rows), {digest("admin", key) for key in known})


def answer(position: int) -> dict[str, Any]:
    """What a receipt at a position is answered with."""
    return {"position": position, "results": [{"status": "recorded", "position": position}]}


def journal() -> list[Entry]:
    """Every command of the story sent twice and answered alike."""
    entries: list[Entry] = []
    for position, (key, quantity) in enumerate(STORY, start=1):
        body = {"movements": [SENT | {"quantity": quantity}]}
        for attempt in (0, 1):
            entries.append(Sent(key, attempt, "/v1/movements", body))
            entries.append(Answered(key, attempt, 201, answer(position), attempt == 1))
    return entries


def kinds(found: list[Finding]) -> set[tuple[str, str]]:
    """What was found, and of which command or position."""
    return {(finding.kind, finding.where) for finding in found}


def without(key: str) -> list[Entry]:
    """The journal of a driver that never sent a command."""
    return [entry for entry in journal() if entry.key != key]


def test_a_ledger_that_keeps_its_word_has_no_findings() -> None:
    """The control of the controls: nothing planted, nothing found."""
    assert [] == check(journal(), books())


def test_an_attempt_without_an_answer_may_have_happened_or_not() -> None:
    """Silence promises nothing: neither way is a finding."""
    body = {"movements": [SENT | {"quantity": 1}]}
    silence: list[Entry] = [Sent("k-4", 0, "/v1/movements", body), Silent("k-4", 0, "ReadTimeout")]
    taken = books([*books().rows, row(4, "k-4", received(1))], "k-1", "k-2", "k-3", "k-4")

    assert [] == check([*journal(), *silence], books())
    assert [] == check([*journal(), *silence], taken)


def _cut_short(of: Books) -> Books:
    return Books(of.rows[:2], of.receipts)


def _without_receipt(of: Books) -> Books:
    return Books(of.rows, of.receipts - {digest("admin", "k-2")})


def _twice(of: Books) -> Books:
    return Books([*of.rows, row(4, "k-1", received(10))], of.receipts)


def _twice_in_a_row(of: Books) -> Books:
    return Books([*of.rows, row(4, "k-3", received(7))], of.receipts)


def _more_than_asked(of: Books) -> Books:
    return Books([*of.rows[:2], row(3, "k-3", received(8))], of.receipts)


def _something_else(of: Books) -> Books:
    return Books([*of.rows[:2], row(3, "k-3", sold(7))], of.receipts)


def _hole(of: Books) -> Books:
    return Books([*of.rows[:2], replace(of.rows[2], position=4)], of.receipts)


def _version_twice(of: Books) -> Books:
    return Books([*of.rows[:2], replace(of.rows[2], version=2)], of.receipts)


def _instant_back(of: Books) -> Books:
    return Books([*of.rows[:2], row(3, "k-3", received(7), instant=1)], of.receipts)


def _instant_shared(of: Books) -> Books:
    return Books([*of.rows[:2], row(3, "k-3", received(7), instant=2)], of.receipts)


def _recorded_back(of: Books) -> Books:
    return Books([*of.rows[:2], replace(of.rows[2], recorded_at=50)], of.receipts)


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (_cut_short, ("lost", "k-3")),
        (_without_receipt, ("lost", "k-2")),
        (_twice, ("duplicated", "k-1")),
        (_twice_in_a_row, ("duplicated", "k-3")),
        (_more_than_asked, ("duplicated", "k-3")),
        (_something_else, ("duplicated", "k-3")),
        (_hole, ("order", "4")),
        (_version_twice, ("order", "3")),
        (_instant_back, ("order", "3")),
        (_instant_shared, ("order", "3")),
        (_recorded_back, ("order", "3")),
    ],
)
def test_what_is_planted_in_a_ledger_is_found(
    plant: Callable[[Books], Books], expected: tuple[str, str]
) -> None:
    """Lost, doubled and disordered rows: each by its kind, with the command or position."""
    assert expected in kinds(check(journal(), plant(books())))


def test_an_event_that_nobody_sent_is_a_phantom() -> None:
    """Whoever is in the ledger was asked for: by a driver's command, or by the house itself."""
    assert {("phantom", "k-2")} == kinds(check(without("k-2"), books()))


def test_an_event_of_another_actor_is_a_phantom_unless_it_is_the_house() -> None:
    """The sweeper may write; strangers may not, whatever key they use."""
    own = books().rows
    for actor, expected in (("sweeper", set()), ("mallory", {("phantom", "k-9")})):
        meta = replace(row(4, "k-9", received(1)).meta, actor=actor)
        found = check(journal(), books([*own, replace(row(4, "k-9", received(1)), meta=meta)]))

        assert expected == kinds(found)


def test_an_event_of_a_command_that_was_refused_for_good_is_a_phantom() -> None:
    """The caller was told that nothing was kept, and every attempt had an answer."""
    body = {"movements": [SENT | {"quantity": 10}]}
    refused: list[Entry] = [Sent("k-1", 0, "/v1/movements", body), Answered("k-1", 0, 500, {})]

    assert {("phantom", "k-1")} == kinds(check([*refused, *without("k-1")], books()))


@pytest.mark.parametrize(
    "later",
    [
        Answered("k-1", 2, 201, answer(9), replayed=True),
        Answered("k-1", 2, 409, {"type": "insufficient-stock"}),
        Answered("k-1", 2, 201, answer(1), replayed=False),
    ],
    ids=["another body", "a refusal", "first time again"],
)
def test_another_answer_to_a_repeat_is_found(later: Answered) -> None:
    """Once accepted, a key gets the recorded answer for ever."""
    body = {"movements": [SENT | {"quantity": 10}]}
    entries = [*journal(), Sent("k-1", 2, "/v1/movements", body), later]

    assert ("changed", "k-1") in kinds(check(entries, books()))


def test_a_promise_without_events_is_lost() -> None:
    """A placed reservation always writes; an answer without events was made up."""
    reservation = {"reservation_id": "order-1", "lines": []}
    entries: list[Entry] = [
        Sent("k-1", 0, "/v1/reservations", reservation),
        Answered("k-1", 0, 201, {"position": 1}),
    ]
    placed = ReservationPlaced(
        occurred_at=1,
        reservation_id="order-1",
        channel=None,
        kind="hard",
        expires_at=None,
        policy="all",
        lines=(),
    )

    assert [] == check(entries, books([row(1, "k-1", placed)], "k-1"))
    assert {("lost", "k-1")} == kinds(check(entries, Books([], {digest("admin", "k-1")})))
