"""What every step does: ask the service and the model, and compare all they say."""

import functools
import itertools
import traceback
from collections.abc import Callable
from typing import Any, ClassVar, Final

from hypothesis.stateful import RuleBasedStateMachine

from api.runtime.processes import wait_until
from ledger.clock import SystemClock
from tests.model import drawing as draw
from tests.model.answers import (
    balance,
    differs,
    lawful,
    open_conflicts,
    plain,
    shown,
    spoken,
    text_of,
    timed,
    told,
)
from tests.model.book import EVER, Refused, Stock
from tests.model.client import Answer, Client
from tests.model.reference_documents import Model

PATIENCE_S: Final = 5.0
DAY_US: Final = 86_400_000_000
MINUTE_US: Final = 60_000_000
LAPSE_US: Final = 60_000
FOREVER: Final = {"long": "2999-01-01T00:00:00.000000Z", "longer": "2999-02-01T00:00:00.000000Z"}
PAST: Final = "2020-01-01T00:00:00.000000Z"

REPEATED: Final = frozenset(
    ("sku", "location", "channel", "limit", "packs", "authority", "base_unit", "resolution")
)
"""What an answer says again of what was asked."""

_numbers = itertools.count(1)


def kept(function: Callable[..., None]) -> Callable[..., None]:
    """A rule whose first failure is remembered as it was."""

    @functools.wraps(function)
    def run(self: "Shop", *drawn: Any, **named: Any) -> None:
        try:
            function(self, *drawn, **named)
        except Exception:
            self.fail(traceback.format_exc())
            raise

    return run


class Moments:
    """Instants as the caller sees them: each later than the one before it."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.last = 0

    def next(self) -> int:
        """A moment after everything so far."""
        self.last = max(self.last + 1, self._clock.now())
        return self.last


class Shop(RuleBasedStateMachine):
    """One example: names of its own in a ledger that it shares with all others."""

    client: ClassVar[Client]
    moments: ClassVar[Moments] = Moments()

    def __init__(self) -> None:
        super().__init__()
        number = next(_numbers)
        self.name = f"{number}"
        self.web = f"web-{number}"
        self.sound = True
        self.taken = True  # Whether the last command was accepted.
        self.model = Model()
        skus, places = (f"MUG-{number}", f"LAMP-{number}"), (f"ams-{number}", f"nyc-{number}")
        self.stocks: list[Stock] = [(place, sku) for sku in skus for place in places]
        self.began = self.moments.next() - DAY_US
        self.marks: list[int] = []
        self.heads: list[int] = []
        self.told_by: list[tuple[int, int]] = []  # By position, the model's number of a command.
        self.orders: list[str] = []
        self.accepted: list[tuple[str, str, Any, str, Answer]] = []
        self.seen: dict[str, dict[str, Any]] = {}  # By SKU, every conflict that was ever open.
        self.open: dict[str, Any] = {}  # Those of the last look.
        self.watched: dict[str, dict[str, Any]] = {}  # By SKU, those of the last look at it.
        self.resolved: dict[str, str] = {}
        self._keys = itertools.count(1)

    # --- asking -----------------------------------------------------------------------------------

    def key(self) -> str:
        """A new idempotency key."""
        return f"k{self.name}-{next(self._keys)}"

    def command(self, operation: str, name: str, body: Any, about: Any = None) -> Answer:
        """Ask both; everything the model says has to be in the answer.

        `about` is what the model knows by another name than the service.
        """
        key = self.key()
        now = self.moments.next()
        expected, refused = self.predict(operation, about or name, body, key, now)
        answer = self.client.call(operation, name, body, key=key)
        self.compare(expected, refused, answer, f"{operation} {name} {body}")
        self.taken = refused is None
        if refused is None:
            self.repeats({**body, spoken(operation)[1]: name}, answer)
            if answer.headers.get("idempotent-replayed") != "true":  # That is an older position.
                self.position(answer)
            self.accepted.append((operation, name, body, key, answer))
        return answer

    def predict(
        self, operation: str, name: Any, body: Any, key: str, now: int
    ) -> tuple[Any, Refused | None]:
        """What the model answers, and whether that is a no."""
        verb, kind = spoken(operation)
        try:
            answer = self.model.ask(verb, kind, name or key, timed(body), now)
            return told(answer, self.model), None
        except Refused as refused:
            self.model.now = now
            known = self.model.documents.get(kind, {}).get(name)
            if known is not None and refused.code == "illegal-state":
                refused.facts.setdefault("state", shown(known, self.model)["status"])
            return refused.facts, refused

    def compare(self, expected: Any, refused: Refused | None, answer: Answer, asked: str) -> None:
        """Both say yes and the same, or both say no for the same reason."""
        if refused is not None:
            assert answer.code == refused.code, self.told(refused.code, answer, asked)
        else:
            assert answer.status < 300, self.told(expected, answer, asked)
        found = plain(answer.body)
        assert not (d := differs(expected, found)), self.told(d, answer, asked)

    def repeats(self, body: Any, answer: Answer) -> None:
        """Of what was asked an answer says the same, where it says it at all."""
        for name in REPEATED & body.keys() & answer.body.keys():
            assert body[name] == answer.body[name], self.told(body, answer, name)

    def told(self, expected: Any, answer: Any, asked: Any) -> str:
        """What to read when it fails."""
        told = f"{asked}\nexpected {expected}\nfound    {answer}"
        self.fail(told)
        return told

    def fail(self, why: str) -> None:
        """Keep the first reason: a machine as slow as this one may be fails differently twice."""
        self.sound = False
        self.client.first_failure = self.client.first_failure or why

    def position(self, answer: Answer) -> None:
        """Positions grow; what was known after this command can be asked for."""
        position = answer.body["position"]
        assert position >= self.head, self.told(self.head, answer, "a later position")
        self.told_by.append((position, self.model.told))
        self.heads.append(position)

    # --- checking ---------------------------------------------------------------------------------

    def check(self, *touched: Stock) -> None:
        """The stocks a step has touched, and what is open against them; of a refused one, one."""
        for sku in dict.fromkeys(sku for _, sku in touched):
            self.check_stock(sku)
            if not self.taken:
                return
            self.check_conflicts(sku)

    def check_stock(self, sku: str, **question: Any) -> None:
        """Levels and promises of a SKU everywhere, now or then."""
        query = {"sku": sku, **self.min_position, **question}
        answer = self.client.call("getStock", query=query)
        at, known = self.asked(question)
        expected = {stock: balance(self.model, stock, at, known) for stock in self.of(sku)}
        found = {(item["location"], item["sku"]): item for item in answer.body["items"]}
        for stock, wanted in expected.items():
            item = lawful(found[stock]) if stock in found else dict.fromkeys(wanted, 0)
            assert not (d := differs(wanted, item)), self.told(d, answer, query)
        assert found.keys() <= expected.keys(), self.told(expected, answer, query)

    def asked(self, question: dict[str, Any]) -> tuple[int, int]:
        """The business time and the position that a question is about."""
        known = question.get("known_at")
        at = question.get("as_of")
        return (
            self.moments.next() if at is None else self.times[at],
            max((told for position, told in self.told_by if position <= known), default=0)
            if known is not None
            else EVER,
        )

    @property
    def times(self) -> dict[str, int]:
        """Every moment there is a word for."""
        days = [self.began + minute * MINUTE_US for minute in range(22)]
        return {text_of(at): at for at in [*days, *self.marks]}

    def of(self, sku: str) -> list[Stock]:
        """The stocks of a SKU."""
        return [stock for stock in self.stocks if stock[1] == sku]

    def check_conflicts(self, sku: str, *, final: bool = False) -> None:
        """Exactly what is broken is open; what ran out may take a sweep to be closed."""
        expected = open_conflicts(self.model, sku, self.moments.next())
        if not expected and not self.watched.get(sku) and not final:
            self.open = {}
            return
        found: list[Any] = []

        def equal() -> bool:
            found[:] = sorted(self.open_conflicts(sku))
            return found == expected

        reached = equal() or wait_until(equal, timeout_s=PATIENCE_S)
        assert reached, self.told(expected, found, f"open conflicts of {sku}")

    def open_conflicts(self, sku: str) -> list[tuple[str, str, str, int]]:
        """What the service says is open."""
        query = {"sku": sku, "status": "open", **self.min_position}
        answer = self.client.call("listConflicts", query=query)
        self.open = self.watched[sku] = {}
        seen = self.seen.setdefault(sku, {})
        for item in answer.body["items"]:
            holder = item["reservation_id"] or item["bucket"] or item.get("order") or ""
            short = 0 if item["kind"] == "clock_skew" else item["short"]
            found = (item["kind"], item["location"], holder, short)
            self.open[item["conflict_id"]] = seen[item["conflict_id"]] = found
        return [*self.open.values()]

    # --- naming -----------------------------------------------------------------------------------

    def at(self, when: tuple[str, int]) -> dict[str, str]:
        """A drawn time as a field."""
        kind, number = when
        match kind:
            case "day":
                return {"occurred_at": text_of(self.began + number * MINUTE_US)}
            case "mark" if self.marks:
                return {"occurred_at": text_of(self.marks[number % len(self.marks)])}
            case "ahead":
                return {"occurred_at": text_of(self.moments.next() + number * 1_000_000)}
            case _:
                return {}

    def order(self, pick: int) -> str:
        """A promise made before, or one that nobody made."""
        return self.orders[pick % len(self.orders)] if self.orders and pick != 7 else "no-order"

    def lines(self, drawn: list[tuple[int, int]]) -> list[dict[str, Any]]:
        """Lines of a promise."""
        return [{**self.stock_fields(stock), "quantity": n} for stock, n in drawn]

    def stock_fields(self, index: int) -> dict[str, str]:
        """A stock's names."""
        location, sku = self.stocks[index]
        return {"sku": sku, "location": location}

    def movement(  # noqa: C901, PLR0912 - one case a type
        self, drawn: dict[str, Any]
    ) -> dict[str, Any]:
        """A drawn movement with its names and times."""
        kind, quantity = drawn["type"], drawn["quantity"]
        fact = {"type": kind, **self.stock_fields(drawn["stock"]), **self.at(drawn["when"])}
        match kind:
            case "receive":
                return {**fact, "quantity": 2 * quantity}
            case "promised":
                name = self.order(drawn["pick"])
                return {**fact, "type": "sale", "quantity": quantity, "reservation_id": name}
            case "cases":
                fact.pop("occurred_at", None)
                return {**fact, "type": "receive", "quantity": drawn["amount"], "uom": "case"}
            case "ordered":
                order = {"order": f"x{self.name}-{drawn['pick'] % 3}"}
                return {**fact, "type": "sale", "quantity": quantity, "channel": self.web, **order}
            case "returned":
                order = {"order": f"x{self.name}-{drawn['pick'] % 3}"}
                return {**fact, "type": "return", "quantity": quantity, **order}
            case "count":
                return {**fact, "counted": quantity * 2, "bucket": drawn["bucket"]}
            case "sale_void" | "correct":
                return {**fact, **self.told_before(drawn["pick"], fact), "quantity": quantity}
            case "cancel":
                return {**fact, **self.told_before(drawn["pick"], fact)}
            case "recount":
                old = self.told_before(drawn["pick"], fact)
                old["replaces"] = old.pop("of")
                return {**fact, **old, "type": "count", "counted": quantity}
            case "return":
                return {**fact, "quantity": quantity, "to_bucket": drawn["to_bucket"]}
            case "adjust":
                return {**fact, "delta": 5 - quantity or -1, "reason": "count", **self.cas(drawn)}
            case "move":
                source, target = drawn["pair"]
                buckets = {"from_bucket": source, "to_bucket": target}
                return {**fact, "quantity": quantity, **buckets}
            case "scrap":
                source = {"source": "wms"} if quantity % 2 else {"source": "till"}
                return {**fact, "quantity": quantity, "bucket": drawn["bucket"], **source}
            case _:
                return {**fact, "quantity": quantity}

    def told_before(self, pick: int, fact: dict[str, Any]) -> dict[str, str]:
        """A recorded movement with its stock, or one that nobody recorded."""
        names = [*self.model.movements][-(pick % 12) - 1 :][:1]
        known = self.model.movements[names[0]]["body"] if names else fact
        stock = {name: known[name] for name in ("sku", "location")}
        return {**stock, "of": names[0] if names and pick != 13 else "none-such"}

    def cas(self, drawn: dict[str, Any]) -> dict[str, int]:
        """The on-hand quantity that an adjustment expects, if any."""
        if drawn["expected"] is None:
            return {}
        on_hand = sum(
            map(balance(self.model, self.stocks[drawn["stock"]]).__getitem__, draw.BUCKETS)
        )
        return {"expected_on_hand": on_hand + (drawn["expected"] == "wrong")}

    # --- the end ----------------------------------------------------------------------------------

    @property
    def head(self) -> int:
        """The position of the last command."""
        return self.heads[-1] if self.heads else 0

    @property
    def min_position(self) -> dict[str, int]:
        """Not to be answered from before the last command."""
        return {"min_position": self.head}

    def teardown(self) -> None:
        """Everything once more: all stocks, promises, conflicts and the whole past."""
        for stock in self.stocks if self.sound else ():
            self.check_past(stock)
        for sku in {sku for _, sku in self.stocks} if self.sound else ():
            self.check_stock(sku)
            self.check_conflicts(sku, final=True)
            self.check_promises(sku)
            self.check_stock(sku, as_of=[*self.times][len(self.heads) % len(self.times)])

    def check_past(self, stock: Stock) -> None:
        """Every change with the balances after it; at each business time the level of the rules."""
        query = {"location": stock[0], "sku": stock[1], "limit": 1_000, **self.min_position}
        for order in ("recorded", "occurred") if stock == self.stocks[0] else ("occurred",):
            answer = self.client.call("listMovements", query={**query, "order": order})
            levels = dict.fromkeys(draw.BUCKETS, 0)
            after: list[tuple[str, dict[str, int]]] = []
            for item in answer.body["items"]:
                for bucket in levels:
                    levels[bucket] += item["changes"].get(bucket, 0)
                d = differs(levels, item["balances"])
                assert not d, self.told(d, answer, query)
                after.append((item["occurred_at"], {**levels}))
            for text, at in self.times.items() if order == "occurred" else ():
                expected = {bucket: self.model.level(stock, bucket, at) for bucket in levels}
                before = [found for moment, found in after if moment <= text]
                found = before[-1] if before else dict.fromkeys(levels, 0)
                assert expected == found, self.told(expected, found, text)

    def check_promises(self, sku: str) -> None:
        """The list of promises of a SKU is the promises of it."""
        query = {"sku": sku, "limit": 1_000, **self.min_position}
        answer = self.client.call("listReservations", query=query)
        self.model.now = self.moments.next()
        expected = {
            name: shown(promise, self.model)
            for name, promise in self.model.promises.items()
            if any(stock[1] == sku for stock in promise.lines())
        }
        found = {item["reservation_id"]: plain(item) for item in answer.body["items"]}
        assert not (d := differs(expected, found)), self.told(d, answer, query)
        assert expected.keys() == found.keys(), self.told(expected, answer, query)
