"""The shapes of definitions in answers: the events themselves, with their place."""

from typing import Generic, TypeVar

from msgspec import Struct

from ledger.domain.events import LocationDefined, SkuDefined

DefinedT = TypeVar("DefinedT", SkuDefined, LocationDefined)


class Defined(Struct, Generic[DefinedT], frozen=True):
    """A definition in force, and its version."""

    event: DefinedT
    version: int
