"""The orders and the groups of lists of stock: the same of the present and of the past.

In the order of names a page costs a page, in the order of a balance it costs all that is asked
about: nothing keeps the stocks sorted by what they have. The order among equals is that of names.
"""

from typing import Final, Literal, TypeAlias

from projections.answers import Levels

Sort: TypeAlias = Literal[
    "location",
    "-location",
    "sku",
    "-sku",
    "on_hand",
    "-on_hand",
    "reserved",
    "-reserved",
    "available",
    "-available",
]
"""By what a list of stock is sorted; with a minus from the last name or the most units on."""

Group: TypeAlias = Literal["none", "sku", "location"]
"""What stocks are added up by."""

After: TypeAlias = tuple[int | str, ...]
"""A stock's place in an order: the values it is sorted by."""

_NAMES: Final = {"location": ("location", "sku"), "sku": ("sku", "location")}
_BALANCES: Final = {
    "on_hand": "l.sellable + l.quarantine + l.damaged + l.returned + l.blocked",
    "reserved": "l.reserved",
    "available": "l.sellable - l.reserved",
}


def by_name(sort: Sort) -> bool:
    """Whether an order is one of names: its pages are chosen before any balance is known."""
    return sort.removeprefix("-") in _NAMES


def place_of(balance: Levels, sort: Sort) -> After:
    """Where a stock stands in an order."""
    name = sort.removeprefix("-")
    return tuple(getattr(balance, part) for part in _NAMES.get(name, (name, *_NAMES["location"])))


def in_order(statement: bytes, sort: Sort, *, first: bool) -> bytes:
    """A statement whose page of names `s`, and whose page of balances `l`, are in an order."""
    name = sort.removeprefix("-")
    names = by_name(sort)
    parts = _NAMES.get(name, ())
    keys = [f"l.{part}" for part in parts] or [_BALANCES[name], "l.location", "l.sku"]
    chosen = [f"s.{part}" for part in parts] if names else keys
    down = " desc" if sort.startswith("-") else ""
    marks = ", ".join(f"%(after_{place})s" for place in range(len(keys)))
    after = "" if first else f"({', '.join(chosen)}) {'<' if down else '>'} ({marks})"
    limit = f"order by {', '.join(part + down for part in chosen)} limit %(limit)s"
    pieces = {
        "after_name": f"and {after}" if after and names else "",
        "limit_names": limit if names else "",
        "after_balance": f"where {after}" if after and not names else "",
        "limit_balances": "" if names else limit,
        "order": f"order by {', '.join(part + down for part in keys)}",
    }
    for mark, piece in pieces.items():
        statement = statement.replace(b"{%b}" % mark.encode(), piece.encode())
    return statement


def grouped(statement: bytes, narrowing: bytes, group: Group) -> bytes:
    """A statement of sums with or without groups; `narrowing` keeps to the page's groups."""
    none = group == "none"
    pieces = {
        b"{groups}": b"" if none else narrowing.replace(b"{group}", group.encode()),
        b"{group_by}": b"" if none else b"group by 1",
        b"{group}": b"null::text" if none else b"l." + group.encode(),
    }
    for mark, piece in pieces.items():
        statement = statement.replace(mark, piece)
    return statement
