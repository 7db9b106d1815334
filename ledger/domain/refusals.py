"""Every business "no": a permanent code, a sentence, the numbers, and whether to try again.

A refusal leaves no trace in the ledger. The docstring's first sentence is its title.
"""

from typing import Any, ClassVar

from msgspec import Struct


class Refusal(Exception):
    """The ledger will not do this."""

    code: ClassVar[str]
    transient: ClassVar[bool] = False

    @property
    def title(self) -> str:
        """The general sentence, the same for every refusal of this kind."""
        return (type(self).__doc__ or "").split("\n", 1)[0]

    def facts(self) -> dict[str, Any]:
        """The numbers and names behind it, ready for JSON."""
        return dict(vars(self))


class Shortfall(Struct, frozen=True, gc=False):
    """One stock that cannot give what was asked of it."""

    sku: str
    location: str
    requested: int
    available: int


class Malformed(Refusal):
    """The request breaks a rule of form."""

    code = "malformed"

    def __init__(self, path: str, problem: str) -> None:
        """Name the offending field, as a path from the body's root, and what is wrong with it."""
        super().__init__(f"{path}: {problem}")
        self.path = path
        self.problem = problem


class NotFound(Refusal):
    """Nothing is known under this id."""

    code = "not-found"

    def __init__(self, what: str, identifier: str) -> None:
        """Say what kind of thing was looked for, and its id."""
        super().__init__(f"no {what} {identifier!r}")
        self.what = what
        self.id = identifier


class InsufficientStock(Refusal):
    """Not enough stock is available for this promise."""

    code = "insufficient-stock"
    transient = True  # Stock may come, holds may end.

    def __init__(self, shortfalls: tuple[Shortfall, ...]) -> None:
        """List every stock that falls short, with both numbers."""
        first = shortfalls[0]
        super().__init__(
            f"{first.sku!r} at {first.location!r}: {first.requested} requested, "
            f"{first.available} available"
        )
        self.shortfalls = shortfalls


class IllegalState(Refusal):
    """The document's state does not allow this."""

    code = "illegal-state"

    def __init__(self, what: str, identifier: str, state: str, asked: str, **numbers: int) -> None:
        """Name the document, its state, what was asked of it, and the numbers in the way."""
        amounts = "".join(f", {name} {number}" for name, number in numbers.items())
        super().__init__(f"cannot {asked} {what} {identifier!r}: it is {state}{amounts}")
        self.what = what
        self.id = identifier
        self.state = state
        self.asked = asked
        for name, number in numbers.items():
            setattr(self, name, number)


class IdempotencyConflict(Refusal):
    """This idempotency key was used for another request."""

    code = "idempotency-conflict"

    def __init__(self, key: str) -> None:
        """Name the key."""
        super().__init__(f"key {key!r} was accepted before with another payload")
        self.key = key


class StaleQuantity(Refusal):
    """The on-hand quantity is not the expected one."""

    code = "stale-quantity"
    transient = True  # After reading the level again.

    def __init__(self, sku: str, location: str, expected: int, actual: int) -> None:
        """Give the stock and both numbers."""
        super().__init__(f"{sku!r} at {location!r}: expected {expected} on hand, found {actual}")
        self.sku = sku
        self.location = location
        self.expected = expected
        self.actual = actual


class IdTaken(Refusal):
    """This document id exists with other content."""

    code = "id-taken"

    def __init__(self, what: str, identifier: str) -> None:
        """Name the document."""
        super().__init__(f"{what} {identifier!r} exists with other content")
        self.what = what
        self.id = identifier
