"""What a scenario may do, by name: the one table of its vocabulary, and who may say what in it."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from msgspec import Struct

from tests.integration.scenarios.peers.scenario import Entry, UnknownVocabulary
from tests.integration.scenarios.peers.shop import Refusal, Shop

Facts: TypeAlias = dict[str, Any]
"""What an operation has to say of itself, by the names that outcomes use."""

Operation: TypeAlias = Callable[[Shop, Entry], Facts | None]

_EVERYWHERE: Final = frozenset(
    {"op", "sku", "loc", "day", "at", "backdated", "ref", "uom", "unit_cost", "note"}
)
"""What any entry may say. Costs are left out: the ledger counts units."""


class _Known(Struct, frozen=True):
    does: Operation
    words: frozenset[str]


_KNOWN: Final[dict[str, _Known]] = {}


class Done(Struct, frozen=True):
    """What became of one step: what it says of itself, and the refusal it met, if it did."""

    facts: Facts
    refusal: Refusal | None


def operation(name: str, *words: str) -> Callable[[Operation], Operation]:
    """Teach the interpreter an operation and the words it understands."""

    def learn(does: Operation) -> Operation:
        assert name not in _KNOWN, f"{name} is known already"
        _KNOWN[name] = _Known(does, _EVERYWHERE | frozenset(words))
        return does

    return learn


def known_operations() -> set[str]:
    """What the interpreter has been taught."""
    return set(_KNOWN)


def do(shop: Shop, entry: Entry) -> Done:
    """Do what an entry says. Raises UnknownVocabulary."""
    known = _KNOWN.get(entry.get("op", ""))
    if known is None:
        raise UnknownVocabulary(f"operation {entry.get('op')!r} in {entry}")
    if strange := set(entry) - known.words:
        raise UnknownVocabulary(f"{sorted(strange)} in {entry}")
    shop.step(entry)
    before = len(shop.refusals)
    facts = known.does(shop, entry) or {}
    refused = shop.refusals[before:]
    return Done(facts, refused[-1] if refused else None)
