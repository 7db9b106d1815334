"""What a scenario may expect, by name: how each field of an outcome is looked up here."""

from typing import Any, Final

from tests.integration.scenarios.days import MINUTE, read
from tests.integration.scenarios.peers.outcomes import Look, Moment, Subject, look
from tests.integration.scenarios.peers.seeing import (
    PHYSICAL,
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

STATUSES: Final = {  # Theirs, and ours.
    "partially_delivered": "partially_fulfilled",
    "delivered": "fulfilled",
    "released": "released",
    "cancelled": "released",
    "expired": "expired",
}


# --- levels -------------------------------------------------------------------------------------


def _sum_of(name: str, moment: Moment, subject: Subject) -> Number:
    return sum((total(moment.shop, scope, name) for scope in subject.scopes), start=0)


def _named_level(name: str) -> Look:
    return lambda moment, subject: _sum_of(name, moment, subject)


for _name in ("on_hand", "available", "in_transit", *PHYSICAL):
    look(_name)(_named_level(_name))
look("available_raw")(_named_level("available"))


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
    shop, scopes, word = moment.shop, subject.scopes, subject.word
    if word in shop.promises or word in shop.orders:
        return _open_of(shop, word or "")
    hard = sum((held(shop, scope, "hard") for scope in scopes), start=0)
    soft = sum((held(shop, scope, "soft") for scope in scopes), start=0)
    assert hard + soft == sum((total(shop, scope, "reserved") for scope in scopes), start=0)
    return hard


def _open_of(shop: Shop, word: str) -> Number:
    """Open units of one promise, or of all that an order has."""
    parts = [word] if word in shop.promises else shop.orders[word].parts
    lines = [line for part in parts for line in promise(shop, part)["lines"]]
    return units(shop, lines, "open")


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
    if subject.word in shop.transfers:
        return str(shop.ask(f"/v1/transfers/{shop.transfers[subject.word].id}")["status"])
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
            reserved = sum((_open_of(shop, part) for part in order.parts), start=0)
    return "reserved" if reserved >= wanted else "partially_reserved"


@look("delivered")
def _delivered(moment: Moment, subject: Subject) -> Number:
    return units(moment.shop, _promise(moment, subject)["lines"], "fulfilled")


@look("reserved_total")
def _granted(moment: Moment, subject: Subject) -> Number:
    return units(moment.shop, _promise(moment, subject)["lines"], "granted")


@look("reserved_by")
def _reserved_by(moment: Moment, subject: Subject) -> Number:
    word = subject.word or ""
    shop = moment.shop
    return _open_of(shop, word) if word in shop.promises or word in shop.orders else 0


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
    assert moment.done.refusal is not None, "nothing was refused"
    return moment.done.refusal.status


def _said(name: str) -> Look:
    return lambda moment, _: moment.facts[name]


for _name in ("shipped", "reserved_lines", "unreserved_lines", "shortfall_event", "blocked"):
    look(_name)(_said(_name))


@look("qty")
def _quantity(moment: Moment, subject: Subject) -> Any:
    """How much of a transfer arrived."""
    return moment.facts[f"{subject.word}.qty"]
