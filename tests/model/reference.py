"""What the API must answer, computed the slow way: sums over lists of facts, nothing kept ready.

Written from the rules alone. It takes the requests as they are sent and says what the answers have
to hold. Times are microseconds; a command happens at the instant it was sent. What one command
recorded carries its number, so that the past can be asked for as it was known after any command.

Here: levels, counts and corrections, orders, conflicts. Promises and documents stand on it.
"""

import pickle
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

BUCKETS = ("sellable", "quarantine", "damaged", "returned", "blocked")
EVER = 1 << 62
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SKEW_MAX = 300_000_000

Stock = tuple[str, str]
Json = dict[str, Any]
Conflict = tuple[str, Stock, str, int]  # Its kind, where, whose, and the units short.


class Refused(Exception):
    """The answer is a no with this code and these facts."""

    def __init__(self, code: str, **facts: Any) -> None:
        self.code, self.facts = code, facts


class Fact(NamedTuple):
    """Units came to a bucket or left it, at a business time, told by a command."""

    stock: Stock
    bucket: str
    at: int
    delta: int
    told: int


def micros(text: str) -> int:
    """A time as a number."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def text_of(at: int) -> str:
    """A number as a time."""
    return (EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def require(condition: object, code: str, **facts: Any) -> None:
    """The answer is a no unless this holds."""
    if not condition:
        raise Refused(code, **facts)


def added_up(pairs: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    """What comes twice counts together."""
    total: dict[Any, int] = {}
    for key, units in pairs:
        total[key] = total.get(key, 0) + units
    return total


class Facts:
    """Everything that was told so far."""

    def __init__(self) -> None:
        self.told = 0
        self.positions: dict[int, int] = {}  # The log's end after each command.
        self.facts: list[Fact] = []
        self.counts: list[Json] = []
        self.movements: dict[str, Json] = {}
        self.promises: dict[str, Json] = {}
        self.limits: dict[Stock, int] = {}
        self.packs: dict[str, dict[str, int]] = {}  # By SKU, base units in each pack.
        self.authority: dict[str, dict[str, list[str]]] = {}  # By location, who may say what.
        self.sold: list[tuple[str, str, int]] = []  # Order, SKU, units; likewise what came back.
        self.returned: list[tuple[str, str, int]] = []
        self.broken: dict[tuple[Stock, str, str], Json] = {}  # What ends with its cause.
        self.noted: list[Conflict] = []  # What only people close.

    def ask(self, operation: str, name: str, body: Json, key: str, now: int) -> Any:
        """The answer to a command, or Refused, which leaves nothing behind."""
        before = pickle.dumps(self.__dict__)
        self.told += 1
        try:
            method = re.sub("[A-Z]", lambda found: "_" + found[0].lower(), operation)
            return getattr(self, method)(name or key, body, now)
        except Refused:
            self.__dict__ = pickle.loads(before)
            raise

    # --- levels -----------------------------------------------------------------------------------

    def is_known(self, told: int, known: int) -> bool:
        """Whether what a command told is part of what is known at a position."""
        return self.positions.get(told, 0) <= known

    def level(self, stock: Stock, bucket: str, at: int = EVER, known: int = EVER) -> int:
        """The last standing count's value, and what came and went after it."""
        standing = [
            count
            for count in self.counts
            if (stock, bucket) == (count["stock"], count["bucket"])
            and count["at"] <= at
            and self.is_known(count["told"], known)
            and not (count["ended"] and self.is_known(count["ended"], known))
        ]
        last = max(standing, key=lambda count: count["at"], default={"at": -EVER, "counted": 0})
        return last["counted"] + sum(
            fact.delta
            for fact in self.facts
            if (stock, bucket) == (fact.stock, fact.bucket)
            and last["at"] < fact.at <= at
            and self.is_known(fact.told, known)
        )

    def on_hand(self, stock: Stock) -> int:
        """What is there, in whatever condition."""
        return sum(self.level(stock, bucket) for bucket in BUCKETS)

    def reserved(self, stock: Stock, at: int, known: int = EVER) -> int:
        """Open units of the promises that had not run out."""
        total = 0
        for promise in self.promises.values():
            runs = [r for r in promise["runs"] if r[0] <= at and self.is_known(r[1], known)]
            if runs and (runs[-1][2] is None or runs[-1][2] > at):
                steps = promise["lines"].get(stock, {"steps": []})["steps"]
                total += sum(s[2] for s in steps if s[0] <= at and self.is_known(s[1], known))
        return total

    def balance(self, stock: Stock, at: int, known: int = EVER) -> Json:
        """What an answer about a stock has to say."""
        levels = {bucket: self.level(stock, bucket, at, known) for bucket in BUCKETS}
        reserved = self.reserved(stock, at, known)
        derived = {"reserved": reserved, "available": levels["sellable"] - reserved}
        return {**levels, "on_hand": sum(levels.values()), **derived}

    # --- conflicts --------------------------------------------------------------------------------

    def shorts(self, stock: Stock, now: int) -> dict[tuple[str, str], int]:
        """Who is short of what: soft promises before hard ones, the newest first."""
        reserved = self.reserved(stock, now)
        beyond = reserved - self.level(stock, "sellable") - self.limits.get(stock, 0)
        short = min(reserved, max(0, beyond))
        found: dict[tuple[str, str], int] = {}
        for _, _, holder, units in sorted(self.holds(stock, now)):
            if short > 0:
                found["promise_broken", holder] = min(short, units)
                short -= units
        levels = {bucket: self.level(stock, bucket) for bucket in BUCKETS}
        return found | {("negative_stock", name): -n for name, n in levels.items() if n < 0}

    def holds(self, stock: Stock, now: int) -> Iterable[tuple[bool, int, str, int]]:
        """Open units in breaking order: hard ones last, then by how long they have been held."""
        for name, promise in self.promises.items():
            units, since = 0, 0
            for _, told, delta in promise["lines"].get(stock, {"steps": []})["steps"]:
                since = told if units == 0 else since
                units += delta
            if units and (promise["expires"] is None or promise["expires"] > now):
                yield promise["hard"], -since, name, units

    def judge(self, stock: Stock, now: int) -> list[Json]:
        """Open, change and close what follows from the present; what got worse is told."""
        kinds = "promise_broken", "negative_stock"
        shorts, worse = self.shorts(stock, now), []
        for of, kind, holder in [*self.broken]:
            if of == stock and kind in kinds and (kind, holder) not in shorts:
                del self.broken[of, kind, holder]
        changed = [
            (kind, who) for (kind, who), n in shorts.items() if self.worse(stock, kind, who, n)
        ]
        broken = sorted(who for kind, who in changed if kind == "promise_broken")
        worse = [note(kind, shorts[kind, who]) for kind, who in changed if kind != "promise_broken"]
        if broken:
            total = sum(shorts["promise_broken", who] for who in broken)
            worse.append(note("promise_broken", total, broken))
        return worse

    def worse(self, stock: Stock, kind: str, holder: str, short: int) -> bool:
        """Whether more is short than before."""
        state = self.broken.setdefault((stock, kind, holder), {"short": 0, "resolved": False})
        before, state["short"] = state["short"], short
        return bool(short > before)

    def judge_all(self, now: int) -> None:
        """What promises running out have ended."""
        for stock in {stock for stock, _, _ in self.broken}:
            self.judge(stock, now)

    def say(self, kind: str, stock: Stock, short: int, holder: str = "") -> Json:
        """A conflict about a single fact."""
        self.noted.append((kind, stock, holder, short))
        return note(kind, short)

    def open_conflicts(self, sku: str) -> list[tuple[str, str, str, int]]:
        """What an answer about open conflicts has to list: kind, location, holder, short."""
        broken = [
            (kind, stock, who, state["short"])
            for (stock, kind, who), state in self.broken.items()
            if not state["resolved"]
        ]
        listed = [*broken, *self.noted]
        return [(kind, at[0], who, short) for kind, at, who, short in listed if at[1] == sku]

    def resolve(self, kind: str, stock: Stock, holder: str, short: int) -> None:
        """Somebody has dealt with an open conflict."""
        if (state := self.broken.get((stock, kind, holder))) is not None:
            state["resolved"] = True
        else:
            self.noted.remove((kind, stock, holder, short))

    def ordered(self, order: str | None, stock: Stock, sold: int, returned: int) -> list[Json]:
        """What an order has sold and taken back; more taken back than sold is a conflict."""
        if order is None:
            return []
        self.sold.append((order, stock[1], sold))
        self.returned.append((order, stock[1], returned))
        of_it = [(o, sku, -n) for o, sku, n in self.sold] + self.returned
        short = max(0, sum(n for o, sku, n in of_it if (o, sku) == (order, stock[1])))
        kind = "returned_beyond_sold"
        known = [k for k in self.broken if (k[0][1], k[1], k[2]) == (stock[1], kind, order)]
        where = known[0][0] if known else stock
        if short == 0:
            self.broken.pop((where, kind, order), None)
        return [note(kind, short)] if short and self.worse(where, kind, order, short) else []

    # --- facts ------------------------------------------------------------------------------------

    def record_movements(self, key: str, body: Json, now: int) -> Json:
        """Each on what the one before left; all or none, or each for itself."""
        results = []
        for index, movement in enumerate(body["movements"]):
            name = movement.get("movement_id") or f"{key}/{index}"
            before = pickle.dumps(self.__dict__)
            try:
                results.append(self.item(name, movement, now + index))
            except Refused as refused:
                if body.get("atomic", True):
                    raise
                self.__dict__ = pickle.loads(before)
                results.append({"status": "refused", "code": refused.code})
        return {"results": results}

    def item(self, name: str, movement: Json, now: int) -> Json:
        """One movement: recorded before under its own id, or now."""
        if (known := self.movements.get(name)) is not None:
            require(known["body"] == movement, "idempotency-conflict")
            return {"status": "recorded", "replayed": True}
        stock = movement["location"], movement["sku"]
        sources = self.authority.get(stock[0], {}).get(movement["type"], [movement.get("source")])
        require(movement.get("source") in sources, "forbidden")
        claimed = micros(movement["occurred_at"]) if "occurred_at" in movement else now
        told = {"body": movement, "stock": stock, "at": min(claimed, now), "cancelled": False}
        kind = movement["type"]
        self.movements[name] = {**told, "kind": kind, "voided": 0, "order": movement.get("order")}
        notes = getattr(self, kind, self.plain)(name, movement, self.movements[name], now)
        return {"status": "recorded", "notes": notes + self.skew(stock, claimed, now)}

    def units(self, movement: Json) -> int:
        """A quantity in base units, exactly or not at all."""
        if "uom" not in movement:
            return int(movement["quantity"])
        packs = self.packs.get(movement["sku"], {})
        require(movement["uom"] in packs, "inexact-unit")
        units = Fraction(movement["quantity"]) * packs[movement["uom"]]
        require(units.denominator == 1, "inexact-unit")
        return units.numerator

    def skew(self, stock: Stock, claimed: int, now: int) -> list[Json]:
        """A time too far ahead is for people to look at."""
        return [self.say("clock_skew", stock, 0)] if claimed - now > SKEW_MAX else []

    def post(self, stock: Stock, at: int, now: int, changes: dict[str, int]) -> list[Json]:
        """Record one fact, and what it breaks."""
        for bucket, delta in changes.items():
            self.facts.append(Fact(stock, bucket, at, delta, self.told))
        return self.judge(stock, now)

    def plain(self, _: str, movement: Json, entry: Json, now: int) -> list[Json]:
        """A movement that is all that happened."""
        quantity = movement.get("delta") or self.units(movement)
        on_hand = self.on_hand(entry["stock"])
        expected = movement.get("expected_on_hand", on_hand)
        require(expected == on_hand, "stale-quantity", expected=expected, actual=on_hand)
        entry["recorded"] = quantity
        notes = self.post(entry["stock"], entry["at"], now, changes(movement, quantity))
        return notes + self.on_order(entry, quantity)

    def on_order(self, entry: Json, delta: int) -> list[Json]:
        """What more or less of a sale or return means for its order."""
        sold = entry["kind"] == "sale"
        return self.ordered(entry["order"], entry["stock"], delta * sold, delta * (not sold))

    def find(self, of: str, stock: Stock, *kinds: str) -> Json:
        """A movement of a stock that another one speaks of."""
        require(of in self.movements, "not-found")
        old = self.movements[of]
        right = old["kind"] in kinds if kinds else old["kind"] not in ("correct", "cancel")
        require(right and old["stock"] == stock and not old["cancelled"], "illegal-state")
        return old

    def sale_void(self, _: str, movement: Json, entry: Json, now: int) -> list[Json]:
        """At the sale's own time, and never more than is left of it."""
        sale = self.find(movement["of"], entry["stock"], "sale")
        quantity = movement["quantity"]
        require(quantity <= sale["recorded"] - sale["voided"], "illegal-state")
        sale["voided"] += quantity
        entry |= {"recorded": quantity, "at": sale["at"], "of": sale}
        notes = self.post(entry["stock"], sale["at"], now, {"sellable": quantity})
        return notes + self.on_order(sale, -quantity)

    def correct(self, _: str, movement: Json, entry: Json, now: int) -> list[Json]:
        """What it really came to in all; what was voided stays so."""
        old, number = self.find(movement["of"], entry["stock"]), movement["quantity"]
        kind = old["kind"]
        require(number >= 0 or kind == "adjust", "malformed")
        require(number or kind == "count", "malformed")
        if number == old["recorded"]:
            return []
        if kind == "count":
            return self.stand(movement["of"], old, number, now, old)
        require(kind == "adjust" or number >= old["voided"], "illegal-state")
        delta, old["recorded"] = number - old["recorded"], number
        return self.change(old, delta, now)

    def cancel(self, _: str, movement: Json, entry: Json, now: int) -> list[Json]:
        """It never took place, as far as it was not voided."""
        old = self.find(movement["of"], entry["stock"])
        if old["kind"] == "count":
            self.end(old)
            old["cancelled"] = True
            return self.judge(old["stock"], now)
        left = old["recorded"] - old["voided"]
        require(left, "illegal-state")
        notes = self.change(old, -left, now)
        old["cancelled"] = True
        return notes

    def change(self, old: Json, delta: int, now: int) -> list[Json]:
        """More or fewer units of a movement went its way, at its time."""
        sale = old.get("of")
        if sale is not None:
            enough = not sale["cancelled"] and delta <= sale["recorded"] - sale["voided"]
            require(enough, "illegal-state")
            sale["voided"] += delta
        notes = self.post(old["stock"], old["at"], now, changes(old["body"], delta))
        return notes + self.on_order(sale or old, -delta if sale else delta)

    # --- counts -----------------------------------------------------------------------------------

    def count(self, name: str, movement: Json, entry: Json, now: int) -> list[Json]:
        """What was seen; another count of that moment has to be named."""
        entry["bucket"] = movement.get("bucket", "sellable")
        old = None
        if "replaces" in movement:
            old = self.find(movement["replaces"], entry["stock"], "count")
            require(old["bucket"] == entry["bucket"], "illegal-state")
        notes = self.stand(name, entry, movement["counted"], now, old)
        if old is not None:
            old["cancelled"] = True
        return notes

    def stand(self, name: str, entry: Json, counted: int, now: int, old: Json | None) -> list[Json]:
        """Let a count stand, in the place of another if there is one."""
        if old is not None:
            self.end(old)
        place = {"stock": entry["stock"], "bucket": entry["bucket"], "at": entry["at"]}
        taken = [c for c in self.counts if not c["ended"] and place.items() <= c.items()]
        require(not taken, "illegal-state")
        self.counts.append({**place, "counted": counted, "told": self.told, "ended": 0, "id": name})
        entry["recorded"] = counted
        return self.judge(entry["stock"], now)

    def end(self, entry: Json) -> None:
        """A count does not stand any more."""
        place = {"stock": entry["stock"], "bucket": entry["bucket"], "at": entry["at"], "ended": 0}
        for count in self.counts:
            if place.items() <= count.items():
                count["ended"] = self.told


def note(kind: str, short: int, holders: Iterable[str] = ()) -> Json:
    """What an answer says about a conflict that began or got worse."""
    return {"kind": kind, "short": short, "holders": ",".join(sorted(holders))}


def changes(movement: Json, quantity: int) -> dict[str, int]:
    """What so many units of a movement do to the buckets."""
    match movement["type"]:
        case "opening" | "receive" | "adjust" | "sale_void":
            return {"sellable": quantity}
        case "return":
            return {movement.get("to_bucket", "returned"): quantity}
        case "move":
            return {movement["from_bucket"]: -quantity, movement["to_bucket"]: quantity}
        case _:
            return {movement.get("bucket", "sellable"): -quantity}
