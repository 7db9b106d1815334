"""Facts about goods: they come, go, are counted, corrected and moved."""

from typing import Final

from tests.integration.scenarios.peers.asking import give_up
from tests.integration.scenarios.peers.operations import Facts, do, operation
from tests.integration.scenarios.peers.scenario import Entry, UnknownVocabulary
from tests.integration.scenarios.peers.seeing import Scope, total, units
from tests.integration.scenarios.peers.shop import Document, Shop
from tests.support.http import new

REASON: Final = "scenario"
NEIGHBOUR: Final = "its neighbour on the shelf"


@operation("receive", "qty")
def _receive(shop: Shop, entry: Entry) -> None:
    shop.record("receive", entry, quantity=shop.units(shop.sku(entry), entry["qty"]))


@operation("ship", "qty", "order")
def _ship(shop: Shop, entry: Entry) -> None:
    """A sale; under its own name as an order, so that what comes back can be held against it."""
    order = shop.named(entry.get("order") or entry.get("ref") or new("order"))
    quantity = shop.units(shop.sku(entry), entry["qty"])
    shop.record("sale", entry, quantity=quantity, order=order)


@operation("adjust", "delta", "reason")
def _adjust(shop: Shop, entry: Entry) -> None:
    delta = shop.units(shop.sku(entry), entry["delta"])
    shop.record("adjust", entry, delta=delta, reason=entry.get("reason", REASON))


@operation("count", "qty", "blank_means")
def _count(shop: Shop, entry: Entry) -> None:
    """A count as one fact. Nothing entered is either nothing there, or not counted at all."""
    quantity = entry["qty"]
    if quantity is None:
        match entry.get("blank_means"):
            case "zero":
                quantity = 0
            case "keep":
                _leave_blank(shop, entry)
                return
            case meaning:
                raise UnknownVocabulary(f"a blank count that means {meaning!r}")
    shop.record("count", entry, counted=shop.units(shop.sku(entry), quantity))


def _leave_blank(shop: Shop, entry: Entry) -> None:
    """A list on which only the neighbour has a figure: what is missing is named, and stays."""
    sku, neighbour = shop.sku(entry), shop.named(NEIGHBOUR)
    count_id = shop.named(new("count"))
    location = shop.location(entry)
    body = {"count_id": count_id, "location": location, "kind": "full", "skus": [sku, neighbour]}
    shop.done(shop.post("/v1/counts", body))
    figures = {"lines": [{"sku": neighbour, "counted": 0}]}
    shop.done(shop.post(f"/v1/counts/{count_id}/enter", figures))
    posted = shop.done(shop.post(f"/v1/counts/{count_id}/post", {}))
    assert [sku] == posted["missing"]


@operation("set_level", "qty")
def _set_level(shop: Shop, entry: Entry) -> None:
    """The difference as an adjustment, if nobody was faster. Below zero nothing can be counted."""
    sku = shop.sku(entry)
    if entry["qty"] < 0:
        shop.record("count", entry, counted=shop.units(sku, entry["qty"]))
        return
    now = total(shop, Scope(sku, shop.location(entry)), "on_hand")
    delta = entry["qty"] - now
    if delta:
        shop.record(
            "adjust",
            entry,
            delta=shop.units(sku, delta),
            reason=REASON,
            expected_on_hand=shop.units(sku, now),
        )


@operation("state", "cells")
def _state(shop: Shop, entry: Entry) -> None:
    """What is there to begin with."""
    for cell in entry["cells"]:
        if strange := set(cell) - {"sku", "loc", "on_hand", "reserved", "held"}:
            raise UnknownVocabulary(f"{sorted(strange)} in {cell}")
        quantity = shop.units(shop.sku(cell), cell["on_hand"])
        shop.done(shop.record("opening", cell, quantity=quantity))
        for word, op in (("reserved", "reserve"), ("held", "hold")):
            if cell.get(word):
                place = {name: cell[name] for name in ("sku", "loc") if name in cell}
                do(shop, {"op": op, "qty": cell[word], **place})


@operation("drop_ship", "qty")
def _drop_ship(shop: Shop, entry: Entry) -> None:
    """From the supplier to the customer: both facts or none."""
    quantity = shop.units(shop.sku(entry), entry["qty"])
    facts = [shop.fact(kind, entry, quantity=quantity) for kind in ("receive", "sale")]
    shop.post("/v1/movements", {"movements": facts})


@operation("return", "of", "qty")
def _return(shop: Shop, entry: Entry) -> None:
    """What comes back of a sale can be sold again."""
    sold = shop.facts[entry["of"]]
    quantity = shop.units(sold.sku, entry["qty"])
    order = shop.named(entry["of"])
    here = {"sku": sold.sku, "location": sold.location, "quantity": quantity, "order": order}
    shop.record("return", entry, **here, to_bucket="sellable")


@operation("return_to_supplier", "of", "qty")
def _return_to_supplier(shop: Shop, entry: Entry) -> None:
    """Goods leave without having been sold."""
    known = shop.facts[entry["of"]]
    delta = shop.units(known.sku, -entry["qty"])
    here = {"sku": known.sku, "location": known.location, "delta": delta}
    shop.record("adjust", entry, **here, reason="return_to_supplier")


@operation("cancel", "of")
def _cancel(shop: Shop, entry: Entry) -> None:
    """As if it had not been: a fact, a promise, or a transfer that has not left."""
    if entry["of"] in shop.transfers:
        shop.post(f"/v1/transfers/{shop.transfers[entry['of']].id}/cancel", {})
        return
    if entry["of"] in shop.promises:
        give_up(shop, entry["of"], {})
        return
    known = shop.facts[entry["of"]]
    fact = {**shop.fact("cancel", entry), "sku": known.sku, "location": known.location}
    fact.pop("occurred_at", None)  # It happened when what it cancels did.
    shop.post("/v1/movements", {"movements": [{**fact, "of": known.movement_id}]})


@operation("correct", "of", "qty")
def _correct(shop: Shop, entry: Entry) -> None:
    """What it really came to, in all. A cost alone changes no units."""
    if "qty" not in entry:
        return
    known = shop.facts[entry["of"]]
    fact = {**shop.fact("correct", entry), "sku": known.sku, "location": known.location}
    fact.pop("occurred_at", None)
    quantity = shop.units(known.sku, entry["qty"])
    fact |= {"of": known.movement_id, "quantity": quantity}
    shop.post("/v1/movements", {"movements": [fact]})


# --- from place to place ------------------------------------------------------------------------


@operation("plan_transfer", "qty", "from", "to", "lead_days")
def _plan_transfer(shop: Shop, entry: Entry) -> None:
    """A transfer that nobody has started yet; when it should arrive is the planner's business."""
    sku = shop.sku(entry)
    word = entry.get("ref", new("transfer"))
    body = {
        "transfer_id": shop.named(word),
        "from": shop.named(entry["from"]),
        "to": shop.named(entry["to"]),
        "lines": [{"sku": sku, "quantity": shop.units(sku, entry["qty"])}],
    }
    shop.done(shop.post("/v1/transfers", body))
    way = {"sku": sku, "out": body["from"], "in": body["to"]}
    shop.transfers[word] = Document(shop.named(word), movement=way)


@operation("transfer_out", "qty", "from", "to")
def _transfer_out(shop: Shop, entry: Entry) -> Facts:
    """Goods leave for another place; without a plan the plan is what leaves."""
    word = entry.get("ref", new("transfer"))
    if word not in shop.transfers:
        _plan_transfer(shop, {**entry, "ref": word})
    transfer = shop.transfers[word]
    sku = transfer.movement["sku"]
    lines = [{"sku": sku, "quantity": shop.units(sku, entry["qty"])}]
    shop.post(f"/v1/transfers/{transfer.id}/dispatch", {"lines": lines, **shop.when()})
    return {"transfer": word}


@operation("transfer_in", "of", "qty")
def _transfer_in(shop: Shop, entry: Entry) -> Facts:
    return _arrive(shop, entry)


def _arrive(shop: Shop, entry: Entry) -> Facts:
    """Goods arrive; without a number, all that are on their way."""
    transfer = shop.transfers[entry["of"]]
    sku = transfer.movement["sku"]
    lines = {}
    if entry.get("qty") is not None:
        lines = {"lines": [{"sku": sku, "received": shop.units(sku, entry["qty"])}]}
    answer = shop.post(f"/v1/transfers/{transfer.id}/receive", {**lines, **shop.when()})
    arrived = 0 if answer is None else units(shop, answer["lines"], "received")
    return {"transfer": entry["of"], "in.qty": arrived}


@operation("transfer", "qty", "from", "to")
def _transfer(shop: Shop, entry: Entry) -> Facts:
    """Both at once."""
    word = entry.get("ref", new("transfer"))
    _transfer_out(shop, {**entry, "ref": word})
    return _arrive(shop, {"of": word, "qty": entry["qty"]})
