"""Every text of an event, a command or a request has a length: there is no room for a story."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import msgspec
import pytest
from msgspec import Meta, Struct, inspect

from api.app import HANDLERS
from api.endpoints import Endpoint
from ledger import recorded
from ledger.domain.commands import AnyCommand
from ledger.domain.events import AnyEvent
from ledger.domain.values import TEXT_LENGTH_MAX, Code, Text

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "privacy.md"
STORED: list[Any] = [*get_args(AnyEvent), recorded.Meta, *get_args(AnyCommand)]
ENDPOINTS: list[Endpoint] = [handler.opt["endpoint"] for handler in HANDLERS]
REQUESTS: list[Any] = [one.request for one in ENDPOINTS if one.request is not None]

HELD_ELSEWHERE = {"ParkedFact.movement"}
"""A whole movement in JSON: a command, whose own texts are looked at here."""

CHARACTERS = "aA0-._~:@+/ é"


def texts(kinds: Iterable[Any]) -> Iterator[tuple[str, inspect.StrType]]:
    """Every text that can be reached from some types, with where it is."""
    waiting = [(getattr(kind, "__name__", str(kind)), inspect.type_info(kind)) for kind in kinds]
    seen: set[type] = set()
    while waiting:
        path, found = waiting.pop()
        if isinstance(found, inspect.StrType):
            yield path, found
        elif isinstance(found, inspect.StructType):
            if found.cls not in seen:
                seen.add(found.cls)
                name = found.cls.__name__
                waiting += [(f"{name}.{field.name}", field.type) for field in found.fields]
        else:
            assert type(found) in _PARTS, f"{path}: this test does not know {found}"
            waiting += [(path, part) for part in _PARTS[type(found)](found)]


_PARTS: dict[type, Any] = {
    inspect.Metadata: lambda t: [t.type],
    inspect.UnionType: lambda t: t.types,
    inspect.VarTupleType: lambda t: [t.item_type],
    inspect.TupleType: lambda t: t.item_types,
    inspect.ListType: lambda t: [t.item_type],
    inspect.DictType: lambda t: [t.key_type, t.value_type],
    **dict.fromkeys(
        (
            *(inspect.IntType, inspect.BoolType, inspect.NoneType, inspect.LiteralType),
            inspect.DateTimeType,
        ),
        lambda _: [],
    ),
}


def is_bounded(text: inspect.StrType) -> bool:
    """Whether nothing longer than a free text fits, by its length or by its pattern."""
    if text.max_length is not None:
        return text.max_length <= TEXT_LENGTH_MAX
    if text.pattern is None:
        return False
    long = (character * (TEXT_LENGTH_MAX + 1) for character in CHARACTERS)
    return not any(re.search(text.pattern, one) for one in long)


def unbounded(kinds: Iterable[Any]) -> set[str]:
    """Where there is room for more."""
    return {path for path, text in texts(kinds) if not is_bounded(text)}


def test_no_text_of_an_event_or_a_command_is_longer_than_a_free_text() -> None:
    """What is stored stays for ever, so it had better be short."""
    assert HELD_ELSEWHERE == unbounded(STORED)
    assert len([*texts(STORED)]) > 200


def test_no_text_of_a_request_is_longer_than_a_free_text() -> None:
    """What cannot be stored does not come in."""
    assert set() == unbounded(REQUESTS)
    assert len(REQUESTS) > 20


def test_every_text_of_a_request_says_something() -> None:
    """An empty reason is none."""
    empty = {
        path
        for path, text in texts(REQUESTS)
        if not text.min_length and (text.pattern is None or re.search(text.pattern, ""))
    }

    assert set() == empty


class Loose(Struct):
    """A planted type whose every text has too much room."""

    plain: str
    maybe: str | None
    many: tuple[str, ...]
    keys: dict[str, int]
    longer: Annotated[str, Meta(max_length=TEXT_LENGTH_MAX + 1)]
    nonempty: Annotated[str, Meta(min_length=1)]
    pattern: Annotated[str, Meta(pattern=r"\A[a-z]+\Z")]
    nested: list["Looser"]


class Looser(Struct):
    """And one inside it."""

    plain: str


class Tight(Struct):
    """A planted type whose texts are as they should be."""

    code: Code
    texts: tuple[Text, ...] | None
    pattern: Annotated[str, Meta(pattern=r"\A[a-z]{1,8}\Z")]


def test_a_planted_text_without_a_limit_is_found() -> None:
    """Whatever is around it; and what has one is not."""
    names = ("plain", "maybe", "many", "keys", "longer", "nonempty", "pattern")

    assert {*(f"Loose.{name}" for name in names), "Looser.plain"} == unbounded([Loose])
    assert set() == unbounded([Tight])


@pytest.mark.parametrize("kind", [Text, Code])
def test_a_limit_is_one_of_characters_not_of_bytes(kind: Any) -> None:
    """A language with other letters has the same room."""
    length = inspect.type_info(kind).max_length  # type: ignore[attr-defined]
    body = msgspec.json.encode("ß" * length)

    assert length == len(msgspec.json.decode(body, type=kind))
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode("ß" * (length + 1)), type=kind)


def test_the_documentation_names_every_free_text() -> None:
    """Whoever fills one in can look up what belongs there."""
    free = {
        path.partition(".")[2]
        for path, text in texts(REQUESTS)
        if text.pattern is None and text.max_length == TEXT_LENGTH_MAX
    }
    named = set(re.findall(r"`(\w+)`", DOCUMENT.read_text()))

    assert free <= named
    assert {"reference", "reason", "source", "note"} <= free
