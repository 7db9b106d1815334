"""Lets old events be read as today's, step by step; a step is pure and stays for ever."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

Upcast: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes the untyped `event` object of the old tag, returns that of the new one, tag included."""

UPCASTS: Final[dict[str, Upcast]] = {}
"""Retired tag -> the step to its successor. Steps chain until a current tag is reached."""
