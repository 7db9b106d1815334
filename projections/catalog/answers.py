"""The shapes of definitions in answers: the events themselves, with their place."""

from typing import Generic, TypeVar

from msgspec import Struct

from ledger.domain.events import LocationDefined, SkuDefined

DefinedT = TypeVar("DefinedT", SkuDefined, LocationDefined)


class Defined(Struct, Generic[DefinedT], frozen=True):
    """A definition in force, and its version."""

    event: DefinedT
    version: int


class Found(Struct, Generic[DefinedT], frozen=True, kw_only=True):
    """The definition asked for, if there is one, and where this was read."""

    defined: Defined[DefinedT] | None
    position: int


class Page(Struct, Generic[DefinedT], frozen=True, kw_only=True):
    """Definitions in the order of their codes."""

    items: list[Defined[DefinedT]]
    position: int
    next_cursor: str | None
