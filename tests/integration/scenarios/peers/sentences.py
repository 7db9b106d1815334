"""What scenarios say in a sentence instead of an operation."""

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from tests.integration.scenarios.peers.operations import Done, Facts, do
from tests.integration.scenarios.peers.scenario import UnknownVocabulary
from tests.integration.scenarios.peers.seeing import Scope, total
from tests.integration.scenarios.peers.shop import WITHOUT_UNIT, Document, Shop

Sentence: TypeAlias = Callable[[Shop, re.Match[str]], Facts | None]

_KNOWN: Final[list[tuple[re.Pattern[str], Sentence]]] = []


def sentence(pattern: str) -> Callable[[Sentence], Sentence]:
    """Teach the interpreter a sentence; what is in parentheses varies."""

    def learn(does: Sentence) -> Sentence:
        _KNOWN.append((re.compile(pattern), does))
        return does

    return learn


def say(shop: Shop, text: str) -> Done:
    """Do what a sentence says. Raises UnknownVocabulary."""
    for pattern, does in _KNOWN:
        if found := pattern.fullmatch(text):
            before = len(shop.refusals)
            shop.step({})
            facts = does(shop, found) or {}
            refused = shop.refusals[before:]
            return Done(facts, refused[-1] if refused else None)
    raise UnknownVocabulary(f"sentence {text!r}")


@sentence(r"read available")
def _read(shop: Shop, _: re.Match[str]) -> None:
    """Every outcome is read anyway."""


@sentence(r"read over (\S+) and (\S+)")
def _read_over(shop: Shop, found: re.Match[str]) -> Facts:
    return {"over": found.groups()}


@sentence(r"can (\d+) be sold\?")
def _can_be_sold(shop: Shop, found: re.Match[str]) -> Facts:
    """A promise over so many is made and given back at once: nothing else could know for sure."""
    asked = do(shop, {"op": "reserve", "qty": int(found[1])})
    if asked.refusal is None:
        do(shop, {"op": "release", "ref": asked.facts["promise"]})
    else:
        shop.refusals.pop()
    return {"answer": asked.refusal is None}


@sentence(r"another transaction holds the row of \(SKU, location\)")
def _row_is_held(shop: Shop, _: re.Match[str]) -> None:
    """Somebody keeps the row of the stock's present balances; it has to exist for that."""
    do(shop, {"op": "receive", "qty": 1})
    sku = shop.sku({})
    total(shop, Scope(sku), "on_hand")
    shop.keep_row(sku, shop.location({}))


@sentence(r"a SKU with tracking off, level (\d+)")
def _untracked(shop: Shop, found: re.Match[str]) -> None:
    """It was counted once; from now on it is a service, and no stock is kept of it."""
    do(shop, {"op": "state", "cells": [{"on_hand": int(found[1])}]})
    body = {"base_unit": WITHOUT_UNIT, "service": True}
    shop.done(shop.put(f"/v1/skus/{shop.sku({})}", body))


@sentence(r"confirm payment of (\w+) a second time")
def _confirm_twice(shop: Shop, found: re.Match[str]) -> None:
    for word in shop.orders[found[1]].parts * 2:
        shop.done(shop.post(f"/v1/reservations/{shop.promises[word].id}/confirm", {}))


@sentence(r"two carts hold (\d+) each without a reservation")
def _two_carts(shop: Shop, found: re.Match[str]) -> None:
    for cart in ("1", "2"):
        shop.orders[f"cart-{cart}"] = Document(cart, wanted=int(found[1]))


@sentence(r"cart (\d+) checks out")
def _check_out(shop: Shop, found: re.Match[str]) -> Facts:
    return _promised(shop, f"cart-{found[1]}", shop.orders[f"cart-{found[1]}"].wanted)


@sentence(r"order (\w+) for (\d+) passed the check but reserved nothing")
def _checked_only(shop: Shop, found: re.Match[str]) -> None:
    shop.orders[found[1]] = Document(shop.named(found[1]), wanted=int(found[2]))


@sentence(r"order (\w+) reserves (\d+)")
def _order_reserves(shop: Shop, found: re.Match[str]) -> Facts:
    return _promised(shop, found[1], int(found[2]))


@sentence(r"order (\w+) is paid")
def _order_is_paid(shop: Shop, found: re.Match[str]) -> Facts:
    """Only now does it ask for its goods; a refusal is the event that says what is short."""
    word = found[1]
    facts = _promised(shop, word, shop.orders[word].wanted)
    if word not in shop.promises:
        [short] = shop.refusals[-1].facts["shortfalls"]
        event = {"order": word, "requested": short["requested"], "allocated": 0}
        facts["shortfall_event"] = event
    return facts


def _promised(shop: Shop, word: str, quantity: int) -> Facts:
    return do(shop, {"op": "reserve", "qty": quantity, "ref": word, "order": word}).facts
