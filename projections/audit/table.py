"""How the auditor is told of a table whose rows change, and of what they must hold."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from msgspec import Struct

from projections.audit.checker import Checker

Key: TypeAlias = tuple[Any, ...]
Values: TypeAlias = tuple[Any, ...]


class Found(Struct, frozen=True, gc=False):
    """What a row must hold, and the position of the last event behind it."""

    values: Values
    position: int


class Table(Struct, frozen=True):
    """A table whose rows change: how to page through it, and what must be in it."""

    name: str
    projection: str
    start: Key  # A key before every other one.
    columns: tuple[str, ...]  # After the key.
    find: Callable[[Checker, Key], Found | None]
    keys: Callable[[Checker], Iterator[tuple[Key, int]]]  # With the last position of each.
