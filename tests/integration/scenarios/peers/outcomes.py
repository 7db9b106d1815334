"""Comparing an outcome with what is found: fields by name, refusals by what others call them."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from msgspec import Struct

from tests.integration.scenarios.peers.operations import Done, Facts
from tests.integration.scenarios.peers.scenario import UnknownVocabulary, is_money
from tests.integration.scenarios.peers.seeing import (
    Number,
    Scope,
)
from tests.integration.scenarios.peers.shop import Shop

ERRORS: Final[Mapping[str, frozenset[str]]] = {
    "insufficient_stock": frozenset({"insufficient-stock"}),
    "not_stocked_at_location": frozenset({"insufficient-stock"}),
    "negative_level": frozenset({"malformed"}),
    "not_found": frozenset({"not-found"}),
    "invalid_quantity": frozenset({"malformed"}),
    "illegal_state": frozenset({"illegal-state"}),
}
"""What other systems call a refusal, and our codes for it."""


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
    if field == "http_status":  # Which error of the client it is called differs; whose it is, not.
        return value if found // 100 == value // 100 else found
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
    named = (shop.facts, shop.promises, shop.orders, shop.transfers)
    if word in {"in", "out"} or any(word in documents for documents in named):
        return Subject(word, [Scope(sku)]), field
    raise UnknownVocabulary(f"outcome {name!r}: nothing here is called {word!r}")
