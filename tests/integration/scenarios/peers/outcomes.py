"""What a scenario may expect, by name: how each field of an outcome is looked up here."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import httpx
from msgspec import Struct

from tests.integration.scenarios.days import MINUTE, read
from tests.integration.scenarios.peers.operations import Done, Facts
from tests.integration.scenarios.peers.scenario import UnknownVocabulary, is_money
from tests.integration.scenarios.peers.seeing import (
    Number,
    Scope,
    held,
    moved,
    number,
    promise,
    promises,
    row_of,
    rows,
    total,
    units,
)
from tests.integration.scenarios.peers.shop import Recorded, Shop

ERRORS: Final[Mapping[str, frozenset[str]]] = {
    "insufficient_stock": frozenset({"insufficient-stock"}),
    "not_stocked_at_location": frozenset({"insufficient-stock"}),
    "negative_level": frozenset({"malformed"}),
    "not_found": frozenset({"not-found"}),
    "invalid_quantity": frozenset({"malformed"}),
    "illegal_state": frozenset({"illegal-state"}),
}
"""What other systems call a refusal, and our codes for it."""

STATUSES: Final = {
    "partially_delivered": "partially_fulfilled",
    "delivered": "fulfilled",
    "released": "released",
    "cancelled": "released",
    "expired": "expired",
}


class Moment(Struct):
    """After a step: what it did, and what was so before it and before everything."""

    shop: Shop
    done: Done
    position: int  # Before the step.
    position_at_start: int
    on_hand: dict[str, Number]  # Before everything, by SKU.
    facts: Facts  # Of every step so far, later ones over earlier ones.
    answers: list[bool]


class Subject(Struct, frozen=True):
    """Whom a field is about: `r1` in `r1.balance`; nobody in particular where nothing is named."""

    word: str | None
    scopes: list[Scope]


Look: TypeAlias = Callable[[Moment, Subject], Any]
_LOOKS: Final[dict[str, Look]] = {}


def look(*names: str) -> Callable[[Look], Look]:
    """Teach the interpreter a field."""

    def learn(finds: Look) -> Look:
        _LOOKS.update(dict.fromkeys(names, finds))
        return finds

    return learn


def check(moment: Moment, expected: Mapping[str, Any]) -> None:
    """Compare an outcome, field by field. Raises UnknownVocabulary."""
    wanted = {name: value for name, value in expected.items() if value is not None}
    _check_refusal(moment, wanted)
    found = {
        name: _found(moment, name, value, wanted)
        for name, value in wanted.items()
        if name not in {"error", "ok"} and not is_money(name)
    }
    asked = {name: value for name, value in wanted.items() if name in found}

    assert asked == found


def _check_refusal(moment: Moment, wanted: Mapping[str, Any]) -> None:
    refusal = moment.done.refusal
    error = wanted.get("error")
    if error is not None:
        if error not in ERRORS:
            raise UnknownVocabulary(f"error {error!r}")
        assert refusal is not None, f"{error} expected, and nothing was refused"
        assert refusal.code in ERRORS[error], refusal
    elif refusal is not None:
        # Some peers leave a promise unmade without a word: the numbers then have to say so.
        assert refusal.code == "insufficient-stock", refusal
        assert not wanted.get("ok"), refusal
        assert any(not is_money(name) for name in wanted), refusal


def _found(moment: Moment, name: str, value: Any, wanted: Mapping[str, Any]) -> Any:
    """What is found under a field's name; a comparison that holds is found as it is written."""
    subject, field = _subject(moment, name)
    if (by_name := re.fullmatch(r"reserved_by_(\w+)", field)) is not None:
        field, subject = "reserved_by", Subject(by_name[1], subject.scopes)
    if field == "available" and "available_raw" in wanted:
        field = "available_to_channels"
    if field not in _LOOKS:
        raise UnknownVocabulary(f"outcome {name!r}")
    found = _LOOKS[field](moment, subject)
    if isinstance(value, str) and value.startswith(">"):
        return value if found > int(value[1:]) else found
    return found


def _subject(moment: Moment, name: str) -> tuple[Subject, str]:
    """Split a field into whom and what. A place is a tree for those who group: sums, not stocks."""
    shop = moment.shop
    word, _, field = name.rpartition(".")
    sku = shop.sku({})
    if not word:
        over = moment.facts.get("over")
        scopes = [Scope(sku)] if over is None else [Scope(sku, shop.named(at)) for at in over]
        return Subject(None, scopes), field
    if word in shop.locations:
        below = [at for at in sorted(shop.locations) if at == word or at.startswith(f"{word}/")]
        return Subject(word, [Scope(sku, shop.named(at)) for at in below]), field
    if shop.named(word) in shop.scales:
        return Subject(word, [Scope(shop.named(word))]), field
    if word in {"in", "out"} or word in shop.facts or word in shop.promises:
        return Subject(word, [Scope(sku)]), field
    raise UnknownVocabulary(f"outcome {name!r}: nothing here is called {word!r}")


# --- levels -------------------------------------------------------------------------------------


def _sum_of(name: str, moment: Moment, subject: Subject) -> Number:
    return sum((total(moment.shop, scope, name) for scope in subject.scopes), start=0)


def _named_level(name: str) -> Look:
    return lambda moment, subject: _sum_of(name, moment, subject)


_LOOKS.update(
    {
        name: _named_level(name)
        for name in (
            "on_hand",
            "available",
            "in_transit",
            "sellable",
            "quarantine",
            "damaged",
            "returned",
            "blocked",
        )
    }
)
_LOOKS["available_raw"] = _LOOKS["available"]


@look("available_to_channels")
def _floored(moment: Moment, subject: Subject) -> Number:
    return max(0, _sum_of("available", moment, subject))


@look("saleable")
def _saleable(moment: Moment, subject: Subject) -> Number:
    """What may still be promised: negative where more is promised than is allowed by now."""
    shop = moment.shop
    saleable = _sum_of("available", moment, subject)
    for (sku, location), limit in shop.backorder.items():
        if any(sku == at.sku and at.location in (None, location) for at in subject.scopes):
            saleable += limit
    return saleable


@look("reserved")
def _reserved(moment: Moment, subject: Subject) -> Number:
    """Promised to orders. Together with what carts hold, it is what our stock calls reserved."""
    shop, scopes = moment.shop, subject.scopes
    hard = sum((held(shop, scope, "hard") for scope in scopes), start=0)
    soft = sum((held(shop, scope, "soft") for scope in scopes), start=0)
    assert hard + soft == sum((total(shop, scope, "reserved") for scope in scopes), start=0)
    return hard


@look("held")
def _held(moment: Moment, subject: Subject) -> Number:
    return sum((held(moment.shop, scope, "soft") for scope in subject.scopes), start=0)


@look("holds")
def _holds(moment: Moment, subject: Subject) -> int:
    found = [one for scope in subject.scopes for one in promises(moment.shop, scope)]
    return len([one for one in found if one["kind"] == "soft"])


@look("balance")
def _balance(moment: Moment, subject: Subject) -> Number:
    """On hand right after a fact, in business time: by its row, and by a question as of then."""
    fact = _fact(moment, subject)
    row = row_of(moment.shop, subject.word or "")
    scope = Scope(fact.sku, fact.location)
    by_question = total(moment.shop, scope, "on_hand", as_of=row["occurred_at"])
    page = moment.shop.ask("/v1/movements", sku=fact.sku, location=fact.location, limit=1000)
    then = [item for item in page["items"] if item["occurred_at"] == row["occurred_at"]]
    assert by_question == number(moment.shop, fact.sku, then[-1]["balances"]["on_hand"])
    return by_question


def _fact(moment: Moment, subject: Subject) -> Recorded:
    return moment.shop.facts[subject.word or ""]


# --- what was written ---------------------------------------------------------------------------


@look("movements", "movements_written")
def _movements(moment: Moment, subject: Subject) -> int:
    """How often the step changed what is there; a count that finds no difference does not."""
    found = [row for s in subject.scopes for row in rows(moment.shop, s.sku, moment.position)]
    return len([row for row in found if moved(moment.shop, row)])


@look("movement")
def _movement(moment: Moment, subject: Subject) -> Number:
    [scope] = subject.scopes
    [row] = [
        row for row in rows(moment.shop, scope.sku, moment.position) if moved(moment.shop, row)
    ]
    return moved(moment.shop, row)


@look("adjustment", "on_hand_change")
def _change(moment: Moment, subject: Subject) -> Number:
    [scope] = subject.scopes
    return total(moment.shop, scope, "on_hand") - moment.on_hand[scope.sku]


@look("releases_written")
def _releases(moment: Moment, subject: Subject) -> int:
    [scope] = subject.scopes
    found = rows(moment.shop, scope.sku, moment.position_at_start)
    return len([row for row in found if row["changes"].get("reserved", 0) < 0])


@look("movements_logged")
def _logged(moment: Moment, subject: Subject) -> list[str]:
    """What answers named of services, in order: the ledger keeps no stock and no record of them."""
    return moment.shop.said


@look("day")
def _day(moment: Moment, subject: Subject) -> int:
    """The day on which a transfer's goods left (`out`) or arrived (`in`)."""
    shop = moment.shop
    way = shop.transfers[moment.facts["transfer"]].movement
    place = way[subject.word or ""]
    sign = 1 if subject.word == "in" else -1
    mine = [
        row
        for row in rows(shop, way["sku"], moment.position)
        if row["balances"]["location"] == place and moved(shop, row) * sign > 0
    ]
    return shop.day_of(read(mine[-1]["occurred_at"]))


# --- promises -----------------------------------------------------------------------------------


def _promise(moment: Moment, subject: Subject) -> dict[str, Any]:
    return promise(moment.shop, subject.word or moment.facts["promise"])


@look("status")
def _status(moment: Moment, subject: Subject) -> str:
    """In the words of those who call it by how much of an order is promised or delivered."""
    shop = moment.shop
    found = _promise(moment, subject)
    for theirs, ours in STATUSES.items():
        if found["status"] == ours:
            return theirs
    word = subject.word or moment.facts["promise"]
    wanted = units(shop, found["lines"], "requested")
    reserved = units(shop, found["lines"], "open")
    for order in shop.orders.values():
        if word in order.parts and order.wanted is not None:
            wanted = order.wanted
            parts = [promise(shop, part)["lines"] for part in order.parts]
            reserved = sum((units(shop, lines, "open") for lines in parts), start=0)
    return "reserved" if reserved >= wanted else "partially_reserved"


@look("delivered")
def _delivered(moment: Moment, subject: Subject) -> Number:
    return units(moment.shop, _promise(moment, subject)["lines"], "fulfilled")


@look("reserved_total")
def _granted(moment: Moment, subject: Subject) -> Number:
    return units(moment.shop, _promise(moment, subject)["lines"], "granted")


@look("reserved_by")
def _reserved_by(moment: Moment, subject: Subject) -> Number:
    known = subject.word in moment.shop.promises
    return units(moment.shop, _promise(moment, subject)["lines"], "open") if known else 0


@look("in_cart", "accepted")
def _in_cart(moment: Moment, subject: Subject) -> Number:
    return units(moment.shop, promise(moment.shop, "cart")["lines"], "open")


@look("expires_in_minutes")
def _expires(moment: Moment, subject: Subject) -> Number:
    left = read(_promise(moment, subject)["expires_at"]) - moment.shop.clock.now()
    return left // MINUTE


# --- answers ------------------------------------------------------------------------------------


@look("answers")
def _answers(moment: Moment, subject: Subject) -> list[bool]:
    return moment.answers


@look("http_status")
def _http_status(moment: Moment, subject: Subject) -> int:
    """Which of the client's errors it is called is every system's own business."""
    refusal = moment.done.refusal
    assert refusal is not None, "nothing was refused"
    assert httpx.codes.is_client_error(refusal.status)
    return int(httpx.codes.BAD_REQUEST)


def _said(name: str) -> Look:
    return lambda moment, _: moment.facts[name]


_LOOKS.update(
    {
        name: _said(name)
        for name in ("shipped", "reserved_lines", "unreserved_lines", "shortfall_event", "blocked")
    }
)
_LOOKS["qty"] = lambda moment, subject: moment.facts[f"{subject.word}.qty"]
