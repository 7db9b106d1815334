"""Two writers whose clocks are ten seconds apart take turns around an expiry."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import pytest

from ledger.domain.laws import Breach
from ledger.domain.refusals import IllegalState, InsufficientStock
from ledger.domain.values import Instant
from ledger.submission import Accepted, Reply
from ledger.writer import Writer
from ledger.writer.deciding import Decider
from tests.faults.writing import Caller, MakeWriter, breaches, office, receive, reserve
from tests.support.checker import Finding, books_of, check
from tests.support.event_log import START
from tests.support.figures import Tell
from tests.support.servers import Database

SECOND: Final = 1_000_000
FAST: Final = 5 * SECOND
SLOW: Final = -5 * SECOND
TERMS: Final = 12
ASKED_A_TERM: Final = 12


class Noon:
    """True time, which a test moves by hand."""

    def __init__(self) -> None:
        """It is noon."""
        self.now: Instant = START

    def clock(self, shift: int) -> "Shifted":
        """A clock that is wrong by some microseconds."""
        return Shifted(self, shift)


class Shifted:
    """A clock that shows the true time, and so much more or less."""

    def __init__(self, true: Noon, shift: int) -> None:
        """Be wrong by `shift`."""
        self._true = true
        self._shift = shift

    def now(self) -> Instant:
        """What it shows."""
        return self._true.now + self._shift


class Shop:
    """A ledger whose writers change, with the caller who asks whoever is in office."""

    def __init__(self, database: Database, make: MakeWriter = Writer) -> None:
        """Nobody is in office yet."""
        self.caller = Caller()
        self.noon = Noon()
        self._database = database
        self._make = make

    @contextmanager
    def term(self, shift: int) -> Iterator[Caller]:
        """A writer with a clock of its own takes over, and resigns at the end."""
        clock = self.noon.clock(shift)
        with office(self._database.service_url, self.caller, clock=clock, make=self._make):
            yield self.caller

    def findings(self) -> list[Finding]:
        """What the checker says."""
        return check(self.caller.entries, books_of(self._database.owner_url))

    def breaches(self) -> list[Breach]:
        """What the auditor says."""
        return breaches(self._database.service_url)


def soft(reservation_id: str, expires_at: Instant) -> dict[str, Any]:
    """A promise of one mug that runs out."""
    return reserve(reservation_id, kind="soft", expires_at=expires_at)


def fulfil(reservation_id: str) -> dict[str, Any]:
    """The mug leaves, if the promise is still open."""
    return {"type": "fulfil_reservation", "reservation_id": reservation_id, "if_open": True}


def confirm(reservation_id: str) -> dict[str, Any]:
    """The promise shall hold for good."""
    return {"type": "confirm_reservation", "reservation_id": reservation_id}


def one_mug_twice(shop: Shop) -> list[Reply]:
    """The fast writer sees a hold run out and promises its mug anew; then the slow one is asked."""
    with shop.term(FAST) as caller:
        caller.ask("k-1", receive(1))
        caller.ask("k-2", soft("order-1", START + 6 * SECOND))
        shop.noon.now += 2 * SECOND  # 7 s by the fast clock, still -3 s by the slow one.
        anew = caller.ask("k-3", reserve("order-2"))
    with shop.term(SLOW) as caller:
        return [anew, caller.ask("k-4", confirm("order-1")), caller.ask("k-5", reserve("order-3"))]


def test_a_slower_clock_does_not_bring_an_expired_hold_back(database: Database) -> None:
    """The instant of the ledger goes on where the last writer left it, whatever a clock shows."""
    shop = Shop(database)

    replies = one_mug_twice(shop)

    assert [Accepted, IllegalState, InsufficientStock] == [type(reply) for reply in replies]
    assert [] == shop.findings()
    assert [] == shop.breaches()


def test_a_faster_clock_ends_a_hold_once_and_for_all(database: Database) -> None:
    """The other way round: open by the slow clock, over by the fast one, and it stays over."""
    shop = Shop(database)
    with shop.term(SLOW) as caller:
        caller.ask("k-1", receive(1))
        caller.ask("k-2", soft("order-1", START + SECOND))
        refused = caller.ask("k-3", reserve("order-2"))
    with shop.term(FAST) as caller:
        granted = caller.ask("k-4", reserve("order-3"))
    with shop.term(SLOW) as caller:
        late = caller.ask("k-5", fulfil("order-1"))

    assert isinstance(refused, InsufficientStock)
    assert isinstance(granted, Accepted)
    assert isinstance(late, IllegalState)
    assert [] == shop.findings()
    assert [] == shop.breaches()


def test_writers_taking_turns_never_promise_a_unit_twice(
    database: Database, seed: int, tell: Tell
) -> None:
    """Any story around expiries, told to clocks that are wrong by turns, keeps every law."""
    shop = Shop(database)
    draw = Random(seed)
    names = [f"order-{number}" for number in range(30)]
    for term in range(TERMS):
        with shop.term(draw.choice((FAST, SLOW))) as caller:
            for number in range(ASKED_A_TERM):
                shop.noon.now += draw.randrange(SECOND)
                caller.ask(f"k-{term}-{number}", _something(draw, names, shop.noon.now))

    head = len(books_of(database.owner_url).rows)
    tell(f"{TERMS} terms, {len(shop.caller.replies)} commands, {head} events")
    assert TERMS < head
    assert [] == shop.findings()
    assert [] == shop.breaches()


def _something(draw: Random, names: list[str], now: Instant) -> dict[str, Any]:
    name = draw.choice(names)
    match draw.randrange(6):
        case 0:
            return receive(draw.randrange(1, 3))
        case 1 | 2:
            return soft(name, now + draw.randrange(-8, 12) * SECOND)
        case 3:
            return reserve(name)
        case 4:
            return confirm(name)
        case _:
            return fulfil(name)


class ForgetfulDecider(Decider):
    """Takes office with nothing but its own clock."""

    def begin(self, head: int, instant: Instant) -> None:
        """Start from the ledger, but not from its instant."""
        super().begin(head, instant)
        self.instant = 0


def test_control_a_writer_that_trusts_its_own_clock_promises_one_unit_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the ledger's instant time runs backwards, and an expired hold comes back to life."""
    monkeypatch.setattr("ledger.writer.Decider", ForgetfulDecider)
    shop = Shop(database)

    replies = one_mug_twice(shop)

    assert [Accepted, Accepted] == [type(reply) for reply in replies[:2]]
    assert "order" in {finding.kind for finding in shop.findings()}
    assert 10 in {breach.law for breach in shop.breaches()}
