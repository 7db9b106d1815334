"""Requests for promises, as orders and carts make them, and what becomes of them."""

from typing import Any, Final

from ledger.domain.values import Instant
from tests.integration.scenarios.days import MINUTE, written
from tests.integration.scenarios.peers.operations import Facts, operation
from tests.integration.scenarios.peers.scenario import Entry, UnknownVocabulary
from tests.integration.scenarios.peers.seeing import Scope, balances, promise, promises, units
from tests.integration.scenarios.peers.shop import Document, Shop
from tests.support.http import new

CART: Final = "cart"
CART_MINUTES: Final = 60  # Where a scenario does not say how long a hold lasts.


@operation("reserve", "qty", "locs", "order", "partial", "collect_at", "allow_backorder")
def _reserve(shop: Shop, entry: Entry) -> Facts:
    """A hard promise. One that exists under its name is promised so much more."""
    word = entry.get("ref", new("promise"))
    policy = "partial" if entry.get("partial") else "all"
    if entry.get("allow_backorder"):
        allow_backorder(shop, entry, entry["qty"])
    if word in shop.promises:
        _add(shop, word, entry)
    else:
        _place(shop, word, [_line(shop, entry)], policy=policy)
    if "order" in entry:
        order = shop.orders.setdefault(entry["order"], Document(shop.named(entry["order"])))
        if word in shop.promises and word not in order.parts:
            order.parts.append(word)
    return {"promise": word}


@operation("hold", "qty", "locs", "ttl_minutes")
def _hold(shop: Shop, entry: Entry) -> Facts:
    """A soft promise for a cart. Another one for the same cart takes its place."""
    word = entry.get("ref", new("hold"))
    expires_at = _runs_out(shop, entry)
    if word in shop.promises:
        _set(shop, word, _line(shop, entry))
        if written(expires_at) > promise(shop, word)["expires_at"]:
            path = f"/v1/reservations/{shop.promises[word].id}/extend"
            shop.post(path, {"expires_at": written(expires_at)})
    else:
        _place(shop, word, [_line(shop, entry)], expires_at=expires_at)
    if entry.get("ttl_minutes", CART_MINUTES) <= 0:
        shop.wait(1)  # One that has run out already: nobody can ask for that.
    return {"promise": word}


@operation("cart_add", "qty")
def _cart_add(shop: Shop, entry: Entry) -> Facts:
    """More for the one cart of this scenario; it holds what is in it."""
    line = _line(shop, entry)
    if CART in shop.promises:
        _add(shop, CART, entry)
    else:
        _place(shop, CART, [line], expires_at=_runs_out(shop, entry))
    return {"promise": CART}


@operation("reserve_lines", "lines")
def _reserve_lines(shop: Shop, entry: Entry) -> Facts:
    """Many lines in one request; they are added up before anything is promised."""
    word = entry.get("ref", new("promise"))
    for line in entry["lines"]:
        if strange := set(line) - {"ref", "sku", "qty", "loc", "order_line"}:
            raise UnknownVocabulary(f"{sorted(strange)} in {line}")
    _place(shop, word, [_line(shop, line) for line in entry["lines"]])
    return {"promise": word}


@operation("change_reservation", "qty")
def _change(shop: Shop, entry: Entry) -> Facts:
    """A new total."""
    word = entry["ref"]
    lines = promise(shop, word)["lines"] if word in shop.promises else [_line(shop, entry)]
    if len(lines) > 1:
        raise UnknownVocabulary(f"a new total over several places: {entry}")
    total = shop.units(lines[0]["sku"], entry["qty"])
    _set(shop, word, {**_stock(lines[0]), "quantity": total})
    return {"promise": word}


@operation("release", "qty")
def _release(shop: Shop, entry: Entry) -> Facts:
    """Units are given up: of one promise, or of all at one place."""
    if "ref" in entry:
        give_up(shop, entry["ref"], entry)
        return {"promise": entry["ref"]}
    assert "qty" not in entry, "so many of whose units?"
    for found in promises(shop, Scope(shop.sku(entry), shop.location(entry))):
        here = [line for line in found["lines"] if line["location"] == shop.location(entry)]
        body = {"lines": [{**_stock(line), "quantity": line["open"]} for line in here]}
        shop.post(f"/v1/reservations/{found['reservation_id']}/release", body)
    return {}


@operation("fulfil", "qty", "order")
def _fulfil(shop: Shop, entry: Entry) -> Facts:
    """Promised goods leave."""
    word = entry["ref"]
    if word in shop.promises and shop.promises[word].services:
        _serve(shop, word, entry)
    else:
        body = {**_taken(shop, word, entry), **shop.when()}
        shop.post(f"/v1/reservations/{shop.promise_id(word)}/fulfil", body)
    return {"promise": word}


def _serve(shop: Shop, word: str, entry: Entry) -> None:
    """A service is rendered: a sale of which the ledger says that no stock is kept."""
    promised = shop.promises[word]
    for line in promised.services:
        quantity = entry.get("qty", line["quantity"])
        fact = shop.fact("sale", entry, quantity=quantity, reservation_id=promised.id)
        [result] = shop.done(shop.post("/v1/movements", {"movements": [fact]}))["results"]
        assert "not_stocked" == result["status"]
        shop.said.append(f"ship {quantity}")


# --- orders -------------------------------------------------------------------------------------


@operation("order", "qty", "lines", "reserved")
def _order(shop: Shop, entry: Entry) -> None:
    """Somebody wants goods; nothing is promised by that alone."""
    lines = entry.get("lines", [entry["qty"]] if "qty" in entry else [])
    word = entry["ref"]
    shop.orders[word] = Document(shop.named(word), wanted=sum(lines), lines=lines)
    if entry.get("reserved", False):
        _reserve(shop, {"qty": sum(lines), "order": word, "ref": word})


@operation("reserve_order")
def _reserve_order(shop: Shop, entry: Entry) -> Facts:
    """As many of an order's lines as there is stock for."""
    order = shop.orders[entry["ref"]]
    lines = [_line(shop, {"qty": quantity}) for quantity in order.lines]
    _place(shop, entry["ref"], lines, policy="partial")
    order.parts.append(entry["ref"])
    left = units(shop, promise(shop, entry["ref"])["lines"], "granted")
    reserved: list[Any] = []
    unreserved: list[Any] = []
    for quantity in order.lines:
        (reserved if quantity <= left else unreserved).append(quantity)
        left -= min(left, quantity)
    return {"promise": entry["ref"], "reserved_lines": reserved, "unreserved_lines": unreserved}


@operation("fulfil_order", "skip_unreserved")
def _fulfil_order(shop: Shop, entry: Entry) -> Facts:
    """What is promised of an order leaves; what is not stays where it is not."""
    shipped: Any = 0
    for word in shop.orders[entry["ref"]].parts:
        answer = shop.post(f"/v1/reservations/{shop.promises[word].id}/fulfil", shop.when())
        shipped += units(shop, answer["lines"], "fulfilled") if answer else 0
    return {"shipped": shipped}


@operation("cancel_order")
def _cancel_order(shop: Shop, entry: Entry) -> Facts:
    """Every promise of an order is given up. Where there is none, there is none to give up."""
    order = shop.orders[entry["ref"]]
    for word in order.parts:
        shop.post(f"/v1/reservations/{shop.promises[word].id}/release", {})
    if not order.parts:
        answer = shop.api.post(f"/v1/reservations/{order.id}/release", {})
        assert "not-found" in answer.json()["type"], answer.text
    return {}


# --- how much may be promised beyond what is there ----------------------------------------------


@operation("set_policy", "backorder_limit")
def _set_policy(shop: Shop, entry: Entry) -> None:
    allow_backorder(shop, entry, entry["backorder_limit"])


def allow_backorder(shop: Shop, entry: Entry, limit: Any) -> None:
    """Let promises exceed what is there by so much."""
    set_limit(shop, shop.sku(entry), shop.location(entry), limit)


def set_limit(shop: Shop, sku: str, location: str, limit: Any) -> None:
    """The same for a stock."""
    body = {"sku": sku, "location": location, "limit": limit}
    shop.done(shop.post("/v1/backorder-limits", body))
    shop.backorder[sku, location] = limit


# --- how promises are asked for -----------------------------------------------------------------


def _place(
    shop: Shop,
    word: str,
    lines: list[Entry],
    *,
    policy: str = "all",
    expires_at: Instant | None = None,
) -> None:
    kind: Entry = {"kind": "hard"}
    if expires_at is not None:
        kind = {"kind": "soft", "expires_at": written(expires_at)}
    name = shop.named(word)
    body = {"reservation_id": name, "policy": policy, "lines": lines, **kind}
    answer = shop.post("/v1/reservations", body)
    if answer is not None:
        services = answer.get("not_stocked", [])
        shop.promises[word] = Document(name, services=services)
        shop.said += [f"reserve {line['quantity']}" for line in services]


def _runs_out(shop: Shop, entry: Entry) -> Instant:
    minutes: int = entry.get("ttl_minutes", CART_MINUTES)
    return shop.clock.now() + max(1, minutes) * MINUTE


def _line(shop: Shop, entry: Entry) -> Entry:
    """A line of a request: at one place, or at the best of several."""
    sku = shop.sku(entry)
    line: Entry = {"sku": sku, "quantity": shop.units(sku, entry["qty"])}
    if "locs" not in entry:
        return {**line, "location": shop.location(entry)}
    places = [shop.named(word) for word in entry["locs"]]
    sourcing, places = _sourcing(shop, sku, places)
    if "collect_at" in entry:
        first = shop.named(entry["collect_at"])
        sourcing, places = "in_order", [first, *(place for place in places if place != first)]
    return {**line, "locations": places, "sourcing": sourcing, "split": True}


def _sourcing(shop: Shop, sku: str, places: list[str]) -> tuple[str, list[str]]:
    """Ours ranks places by what is free there; where a peer ranks by more, the caller does."""
    match shop.scenario.policy.get("split", "given_order"):
        case "given_order":
            return "in_order", places
        case "highest_stock_first":
            there = {item["location"]: item for item in balances(shop, Scope(sku))}
            by = {
                name: sorted(places, key=lambda place: -there[place][name])
                for name in ("on_hand", "available")
            }
            if by["on_hand"] == by["available"]:
                return "most_available", places
            return "in_order", by["on_hand"]
        case rule:
            raise UnknownVocabulary(f"splitting by {rule!r}")


def _add(shop: Shop, word: str, entry: Entry) -> None:
    """So much more of a promise, at one place."""
    line = _line(shop, entry)
    if "location" not in line:
        raise UnknownVocabulary(f"more of a promise at any of several places: {entry}")
    known = [one for one in promise(shop, word)["lines"] if _stock(one) == _stock(line)]
    granted = units(shop, known, "granted")
    _set(shop, word, {**_stock(line), "quantity": shop.units(line["sku"], granted + entry["qty"])})


def _set(shop: Shop, word: str, line: Entry) -> None:
    shop.post(f"/v1/reservations/{shop.promise_id(word)}/amend", {"lines": [line]})


def give_up(shop: Shop, word: str, entry: Entry) -> None:
    """Units of a promise, or all of them, are free again."""
    shop.post(f"/v1/reservations/{shop.promise_id(word)}/release", _taken(shop, word, entry))


def _taken(shop: Shop, word: str, entry: Entry) -> Entry:
    """Which units of a promise: all, or so many from its first line on; at one place or at any."""
    if word not in shop.promises or ("qty" not in entry and "loc" not in entry):
        return {}
    lines = promise(shop, word)["lines"]
    if "loc" in entry:
        lines = [line for line in lines if line["location"] == shop.location(entry)]
    left = entry.get("qty", units(shop, lines, "open"))
    taken = []
    for place, line in enumerate(lines, start=1):
        quantity = left if place == len(lines) else min(left, units(shop, [line], "open"))
        if quantity:
            taken.append({**_stock(line), "quantity": shop.units(line["sku"], quantity)})
        left -= quantity
    return {"lines": taken}


def _stock(line: Entry) -> Entry:
    return {"sku": line["sku"], "location": line["location"]}
