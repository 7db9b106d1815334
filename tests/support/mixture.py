"""What a load driver asks for: every kind of command, most of them about what it asked before."""

from random import Random
from typing import Any, Final, TypeAlias

SKUS: Final = ("MUG", "LAMP", "ARMCHAIR")
PLACES: Final = ("ams-1", "nyc-2")
RECENT: Final = 8
"""How many documents and movements of its own a caller still speaks of."""

Request: TypeAlias = tuple[str, dict[str, Any]]
"""A path and a body."""


class Mixture:
    """Draws requests; what was accepted is told to it, and drawn upon."""

    def __init__(self, random: Random) -> None:
        """The same source of chance and the same answers give the same requests."""
        self._random = random
        self._known: dict[str, list[Any]] = {}

    def request(self, key: str) -> Request:
        """The next one, under an idempotency key of its own."""
        draw = self._random.random()
        if draw < 0.45:
            count = self._random.choice((1, 1, 1, 3))
            return "/v1/movements", {"movements": [self._movement() for _ in range(count)]}
        if draw < 0.53:
            return "/v1/movements", {"movements": [self._restated()]}
        if draw < 0.68:
            return "/v1/reservations", self._reservation(f"order-{key}")
        if draw < 0.8:
            return self._promise()
        if draw < 0.84:
            return self._fence()
        kind = self._random.choice(("transfers", "transfers", "returns", "counts"))
        return self._document(kind, f"{kind}-{key}")

    def accepted(self, key: str, path: str, body: dict[str, Any]) -> None:
        """Something was taken: later requests may be about it."""
        if path == "/v1/movements":
            for index, movement in enumerate(body["movements"]):
                self._keep("movements", (f"{key}/{index}", movement))
        for kind, field in IDS.items():
            if path == f"/v1/{kind}":
                self._keep(kind, body[field])

    def _keep(self, kind: str, what: Any) -> None:
        self._known[kind] = [*self._known.get(kind, []), what][-RECENT:]

    def _some(self, kind: str) -> Any:
        known = self._known.get(kind)
        return self._random.choice(known) if known else None

    # --- facts ------------------------------------------------------------------------------------

    def _movement(self) -> dict[str, Any]:
        kind = self._random.choice(
            ("receive", "receive", "sale", "sale", "return", "scrap", "count")
        )
        if kind == "count":
            return {"type": kind, **self._line(), "counted": self._random.randrange(20)}
        return {"type": kind, **self._line(), "quantity": self._units()}

    def _restated(self) -> dict[str, Any]:
        """A movement corrected, cancelled or, if it was a sale, voided."""
        told = self._some("movements")
        if told is None:
            return self._movement()
        name, movement = told
        stock = {field: movement[field] for field in ("sku", "location")}
        kind = self._random.choice(("correct", "cancel", "sale_void"))
        units = {} if kind == "cancel" else {"quantity": self._units()}
        return {"type": kind, **stock, "of": name, **units}

    # --- promises ---------------------------------------------------------------------------------

    def _reservation(self, name: str) -> dict[str, Any]:
        lines: list[dict[str, Any]]
        if self._random.random() < 0.2:
            line = {"sku": self._random.choice(SKUS), "locations": list(PLACES), "quantity": 2}
            lines = [{**line, "split": True}]
        else:
            lines = [self._line() | {"quantity": 1} for _ in range(self._random.randrange(1, 3))]
        channel = self._random.choice(({}, {"channel": "web"}))
        return {"reservation_id": name, "kind": "hard", "lines": lines, **channel}

    def _promise(self) -> Request:
        name = self._some("reservations") or "none-such"
        verb = self._random.choice(("confirm", "release", "fulfil", "fulfil", "amend", "relocate"))
        body: dict[str, Any] = {}
        if verb == "amend":
            body = {"lines": [{**self._line(), "quantity": self._units()}]}
        elif verb == "relocate":
            start, end = self._random.sample(PLACES, 2)
            move = {"sku": self._random.choice(SKUS), "from": start, "to": end, "quantity": 1}
            body = {"moves": [move]}
        return f"/v1/reservations/{name}/{verb}", body

    def _fence(self) -> Request:
        body = {**self._line(), "channel": "web", "quantity": 1}
        match self._random.randrange(3):
            case 0:
                return "/v1/fences", body
            case 1:
                return "/v1/fences/return", body
            case _:
                limit = self._random.choice((0, 2))
                return "/v1/backorder-limits", {**self._line(), "limit": limit}

    # --- documents --------------------------------------------------------------------------------

    def _document(self, kind: str, name: str) -> Request:
        """A new document, or what becomes of one."""
        known = self._some(kind)
        if known is None or self._random.random() < 0.3:
            return f"/v1/{kind}", {IDS[kind]: name, **self._begun(kind)}
        verb = self._random.choice(VERBS[kind])
        return f"/v1/{kind}/{known}/{verb}", self._gone_on(kind, verb)

    def _begun(self, kind: str) -> dict[str, Any]:
        start, end = self._random.sample(PLACES, 2)
        match kind:
            case "transfers":
                return {"from": start, "to": end, "lines": [self._goods()]}
            case "returns":
                return {"lines": [self._goods()]}
            case _:
                return {"location": start}

    def _gone_on(self, kind: str, verb: str) -> dict[str, Any]:
        match kind, verb:
            case "transfers", "receive":
                arrived = self._random.choice(("received", "received", "damaged", "lost"))
                return {"lines": [{"sku": self._random.choice(SKUS), arrived: self._units()}]}
            case "returns", "receive":
                return {"location": self._random.choice(PLACES), "lines": [self._goods()]}
            case "returns", "disposition":
                return {"lines": [{**self._goods(), "quantity": 1, "disposition": "restock"}]}
            case "counts", "enter":
                figure = self._random.randrange(20)
                return {"lines": [{"sku": self._random.choice(SKUS), "counted": figure}]}
            case _:
                return {}

    def _goods(self) -> dict[str, Any]:
        return {"sku": self._random.choice(SKUS), "quantity": self._units()}

    def _line(self) -> dict[str, Any]:
        return {"sku": self._random.choice(SKUS), "location": self._random.choice(PLACES)}

    def _units(self) -> int:
        return self._random.randrange(1, 6)


IDS: Final = {
    "reservations": "reservation_id",
    "transfers": "transfer_id",
    "returns": "return_id",
    "counts": "count_id",
}
"""Where each kind of document says its id."""

VERBS: Final = {
    "transfers": ("dispatch", "dispatch", "receive", "receive", "close", "cancel"),
    "returns": ("receive", "receive", "disposition", "disposition", "close"),
    "counts": ("enter", "enter", "approve", "post", "cancel"),
}
"""What may become of each."""
