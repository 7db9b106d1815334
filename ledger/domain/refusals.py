"""Every business "no": a permanent code, a sentence, the numbers, and whether to try again.

A refusal leaves no trace in the ledger. The docstring's first sentence is its title.
"""

from typing import Any, ClassVar

from msgspec import Struct


class Refusal(Exception):
    """The ledger will not do this."""

    code: ClassVar[str]
    transient: ClassVar[bool] = False
    path: str  # Where in the request it stands, if that is known.

    @property
    def title(self) -> str:
        """The general sentence, the same for every refusal of this kind."""
        return (type(self).__doc__ or "").split("\n", 1)[0]

    def facts(self) -> dict[str, Any]:
        """The numbers and names behind it, ready for JSON."""
        return dict(vars(self))

    def stands_at(self, place: str) -> None:
        """It is about one part of the request: whatever path it has is below that."""
        path = vars(self).get("path", "$")
        if not path.startswith(place):
            self.path = place + path.removeprefix("$")


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

    def stands_at(self, place: str) -> None:
        """The sentence names the path, too."""
        super().stands_at(place)
        self.args = (f"{self.path}: {self.problem}",)


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

    def __init__(self, what: str, identifier: str, state: str, asked: str, **facts: Any) -> None:
        """Name the document, its state, what was asked of it, and what stands in the way.

        Numbers and names are part of the sentence; whatever else is given is for machines.
        """
        said = "".join(f", {k} {v}" for k, v in facts.items() if isinstance(v, int | str))
        super().__init__(f"cannot {asked} {what} {identifier!r}: it is {state}{said}")
        self.what = what
        self.id = identifier
        self.state = state
        self.asked = asked
        for name, fact in facts.items():
            setattr(self, name, fact)


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


class InexactUnit(Refusal):
    """The conversion would lose something."""

    code = "inexact-unit"

    def __init__(
        self,
        path: str,
        sku: str,
        quantity: str,
        uom: str | None,
        lost: str | None,
        base_unit: str | None = None,
    ) -> None:
        """Name what was stated and what would be lost, in base units; none: an unknown unit."""
        stated = quantity if uom is None else f"{quantity} {uom}"
        why = (
            f"{uom!r} is not a unit of it"
            if lost is None
            else f"{' '.join(filter(None, (lost, base_unit)))} would be lost"
        )
        super().__init__(f"{path}: {stated} of {sku!r} cannot be counted: {why}")
        self.path = path
        self.sku = sku
        self.quantity = quantity
        self.uom = uom
        self.lost = lost


class Forbidden(Refusal):
    """The caller may not do this here."""

    code = "forbidden"

    def __init__(self, source: str, asked: str, location: str, sources: tuple[str, ...]) -> None:
        """Name the source, what it asserted and where, and the sources that may."""
        may = ", ".join(map(repr, sources)) or "nobody"
        super().__init__(f"{source!r} may not assert {asked!r} at {location!r}, only {may} may")
        self.source = source
        self.asked = asked
        self.location = location
        self.sources = sources


class IdTaken(Refusal):
    """This document id exists with other content."""

    code = "id-taken"

    def __init__(self, what: str, identifier: str) -> None:
        """Name the document."""
        super().__init__(f"{what} {identifier!r} exists with other content")
        self.what = what
        self.id = identifier
