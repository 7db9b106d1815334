"""What the API must answer, computed the slow way: sums over lists of facts, nothing kept ready.

Written from the rules alone. It takes the requests as they are sent and says what the answers have
to hold. Times are microseconds; a command happens at the instant it was sent. What one command
recorded carries its number, so that the past can be asked for as it was known after any command.
"""

import pickle
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

BUCKETS = ("sellable", "quarantine", "damaged", "returned", "blocked")
ENDED = ("fulfilled", "released", "expired")
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


def summed(lines: Iterable[Json]) -> dict[Stock, int]:
    """Lines of one stock count together."""
    total: dict[Stock, int] = {}
    for line in lines:
        stock = line["location"], line["sku"]
        total[stock] = total.get(stock, 0) + line["quantity"]
    return total


class Model:
    """Everything that was told so far."""

    def __init__(self) -> None:
        self.told = 0
        self.positions: dict[int, int] = {}  # The log's end after each command.
        self.facts: list[Fact] = []
        self.counts: list[Json] = []
        self.movements: dict[str, Json] = {}
        self.promises: dict[str, Json] = {}
        self.broken: dict[tuple[Stock, str, str], Json] = {}  # What ends with its cause.
        self.noted: list[Conflict] = []  # What only people close.

    def ask(self, operation: str, name: str, body: Json, key: str, now: int) -> Any:
        """The answer to a command, or Refused, which leaves nothing behind."""
        before = pickle.dumps(self.__dict__)
        self.told += 1
        try:
            return getattr(self, operation)(name, body, key, now)
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

    def reserved(self, stock: Stock, at: int, known: int = EVER) -> int:
        """Open units of the promises that had not run out."""
        total = 0
        for promise in self.promises.values():
            runs = [r for r in promise["runs"] if r[0] <= at and self.is_known(r[1], known)]
            if runs and (runs[-1][3] is None or runs[-1][3] > at):
                steps = promise["lines"].get(stock, {"steps": []})["steps"]
                total += sum(s[2] for s in steps if s[0] <= at and self.is_known(s[1], known))
        return total

    def balance(self, stock: Stock, at: int, known: int = EVER) -> Json:
        """What an answer about a stock has to say."""
        levels = {bucket: self.level(stock, bucket, at, known) for bucket in BUCKETS}
        reserved = self.reserved(stock, at, known)
        derived = {"reserved": reserved, "available": levels["sellable"] - reserved}
        return {**levels, "on_hand": sum(levels.values()), **derived}

    def available(self, stock: Stock, now: int) -> int:
        """What can still be promised."""
        return self.level(stock, "sellable") - self.reserved(stock, now)

    # --- conflicts --------------------------------------------------------------------------------

    def shorts(self, stock: Stock, now: int) -> dict[tuple[str, str], int]:
        """Who is short of what: soft promises before hard ones, the newest first."""
        sellable, reserved = self.level(stock, "sellable"), self.reserved(stock, now)
        short = min(reserved, max(0, reserved - sellable))
        found: dict[tuple[str, str], int] = {}
        for _, _, holder, units in sorted(self.holds(stock, now)):
            if short > 0:
                found["promise_broken", holder] = min(short, units)
                short -= units
        levels = {bucket: self.level(stock, bucket) for bucket in BUCKETS}
        negative = {("negative_stock", name): -n for name, n in levels.items() if n < 0}
        return found | negative

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
        shorts, worse, broken = self.shorts(stock, now), [], []
        for of, kind, holder in [*self.broken]:
            if of == stock and (kind, holder) not in shorts:
                del self.broken[of, kind, holder]
        for (kind, holder), short in shorts.items():
            state = self.broken.setdefault((stock, kind, holder), {"short": 0, "resolved": False})
            if short > state["short"] and kind == "promise_broken":
                broken.append((holder, short))
            elif short > state["short"]:
                worse.append((kind, short, ""))
            state["short"] = short
        if broken:
            holders = ",".join(sorted(holder for holder, _ in broken))
            worse.append(("promise_broken", sum(short for _, short in broken), holders))
        return [{"kind": kind, "short": short, "holders": who} for kind, short, who in worse]

    def judge_all(self, now: int) -> None:
        """What promises running out have ended."""
        for stock in {stock for stock, _, _ in self.broken}:
            self.judge(stock, now)

    def note(self, kind: str, stock: Stock, short: int | None, holder: str | None = None) -> Json:
        """A conflict about a single fact."""
        self.noted.append((kind, stock, holder or "", short or 0))
        return {"kind": kind, "short": short, "holders": ""}

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

    # --- facts ------------------------------------------------------------------------------------

    def recordMovements(self, _: str, body: Json, key: str, now: int) -> Json:  # noqa: N802
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
            if known["body"] != movement:
                raise Refused("idempotency-conflict")
            return {"status": "recorded", "replayed": True}
        stock = movement["location"], movement["sku"]
        claimed = micros(movement["occurred_at"]) if "occurred_at" in movement else now
        at = min(claimed, now)
        self.movements[name] = {"body": movement, "stock": stock, "at": at, "left": 0}
        notes = getattr(self, movement["type"], self.plain)(name, movement, stock, at, now)
        if claimed - now > SKEW_MAX:
            notes.append(self.note("clock_skew", stock, None))
        return {"status": "recorded", "notes": notes}

    def post(self, stock: Stock, at: int, now: int, *changes: tuple[str, int]) -> list[Json]:
        """Record one fact, and what it breaks."""
        for bucket, delta in changes:
            self.facts.append(Fact(stock, bucket, at, delta, self.told))
        return self.judge(stock, now)

    @staticmethod
    def changes(movement: Json, quantity: int) -> list[tuple[str, int]]:
        """What so many units of a movement do to the buckets."""
        match movement["type"]:
            case "opening" | "receive" | "adjust":
                return [("sellable", quantity)]
            case "sale":
                return [("sellable", -quantity)]
            case "return":
                return [(movement.get("to_bucket", "returned"), quantity)]
            case "move":
                return [(movement["from_bucket"], -quantity), (movement["to_bucket"], quantity)]
            case _:
                return [(movement.get("bucket", "sellable"), -quantity)]

    def plain(self, name: str, movement: Json, stock: Stock, at: int, now: int) -> list[Json]:
        """A movement that is all that happened."""
        quantity = movement["delta"] if movement["type"] == "adjust" else movement["quantity"]
        if "expected_on_hand" in movement:
            on_hand = sum(self.level(stock, bucket) for bucket in BUCKETS)
            if movement["expected_on_hand"] != on_hand:
                expected = movement["expected_on_hand"]
                raise Refused("stale-quantity", expected=expected, actual=on_hand)
        self.movements[name]["left"] = quantity
        return self.post(stock, at, now, *self.changes(movement, quantity))

    def sale(self, name: str, movement: Json, stock: Stock, at: int, now: int) -> list[Json]:
        """With a promise named, its fulfilment."""
        if "reservation_id" not in movement:
            return self.plain(name, movement, stock, at, now)
        promised = movement["reservation_id"]
        rest, notes = self.ship(promised, stock, movement["quantity"], at, now)
        self.movements[name]["left"] = rest
        return notes

    def sale_void(self, _: str, movement: Json, stock: Stock, at: int, now: int) -> list[Json]:
        """At the sale's own time, and never more than is left of it."""
        sale = self.movements.get(movement["of"])
        if sale is None:
            raise Refused("not-found")
        wrong = sale["body"]["type"] != "sale" or sale["stock"] != stock
        if wrong or movement["quantity"] > sale["left"]:
            raise Refused("illegal-state")
        sale["left"] -= movement["quantity"]
        return self.post(stock, sale["at"], now, ("sellable", movement["quantity"]))

    # --- promises ---------------------------------------------------------------------------------

    def status(self, promise: Json, now: int) -> str:
        """Where a promise stands."""
        if not any(self.open(line) for line in promise["lines"].values()):
            return str(promise["ended"])
        if promise["expires"] is not None and promise["expires"] <= now:
            return "expired"
        if any(line["fulfilled"] for line in promise["lines"].values()):
            return "partially_fulfilled"
        return "confirmed" if promise["hard"] and promise["soft_once"] else "placed"

    @staticmethod
    def open(line: Json, at: int = EVER) -> int:
        """Units as recorded: those open now that were open at a moment, too."""
        now: int = sum(delta for _, _, delta in line["steps"])
        then: int = sum(delta for moment, _, delta in line["steps"] if moment <= at)
        return max(0, min(now, then))

    def promise(self, name: str, now: int) -> Json:
        """What an answer about a promise has to say."""
        promise = self.promises[name]
        gone = promise["expires"] is not None and promise["expires"] <= now
        lines = []
        for (location, sku), line in promise["lines"].items():
            units = self.open(line)
            told = {n: line[n] for n in ("requested", "granted", "fulfilled", "released")}
            ends = {"open": 0, "expired": units} if gone else {"open": units, "expired": 0}
            rejected = line["requested"] - line["granted"]
            lines.append({"sku": sku, "location": location, "rejected": rejected, **told, **ends})
        return {
            "reservation_id": name,
            "status": self.status(promise, now),
            "channel": promise["channel"],
            "kind": "hard" if promise["hard"] else "soft",
            "expires_at": None if promise["expires"] is None else text_of(promise["expires"]),
            "lines": lines,
        }

    def find(self, name: str, now: int, *closed: str) -> tuple[Json, str]:
        """A promise that is not in one of these states."""
        if (promise := self.promises.get(name)) is None:
            raise Refused("not-found")
        if (status := self.status(promise, now)) in closed:
            raise Refused("illegal-state", state=status)
        return promise, status

    def placeReservation(self, _: str, body: Json, __: str, now: int) -> Json:  # noqa: N802
        """All or nothing, or what is there; the same again changes nothing."""
        name, wanted = body["reservation_id"], summed(body["lines"])
        asked = {**body, "lines": wanted}
        if (known := self.promises.get(name)) is not None:
            if known["asked"] != asked:
                raise Refused("id-taken")
            return self.promise(name, now)
        expires = micros(body["expires_at"]) if "expires_at" in body else None
        if expires is not None and expires <= now:
            raise Refused("malformed", path="$.expires_at")
        short = {s: n for s, n in wanted.items() if n > self.available(s, now)}
        granted = {s: max(0, min(n, self.available(s, now))) for s, n in wanted.items()}
        if short and (body.get("policy", "all") == "all" or not any(granted.values())):
            raise self.shortage(short, now)
        hard = body.get("kind", "soft") == "hard"
        self.promises[name] = {
            "asked": asked, "channel": body.get("channel"), "hard": hard, "soft_once": not hard,
            "expires": expires, "runs": [(now, self.told, hard, expires)], "ended": "released",
            "lines": {},
        }  # fmt: skip
        for stock, units in granted.items():
            self.grant(self.promises[name], stock, wanted[stock], units, now)
        return self.promise(name, now)

    def shortage(self, asked: dict[Stock, int], now: int) -> Refused:
        """The refusal that says who asked for how much of what there is."""
        return Refused(
            "insufficient-stock",
            shortfalls=[
                {"sku": s[1], "location": s[0], "requested": n, "available": self.available(s, now)}
                for s, n in asked.items()
            ],
        )

    def grant(self, promise: Json, stock: Stock, asked: int, units: int, now: int) -> None:
        """Promise more units of a stock, or fewer."""
        empty = {"requested": 0, "granted": 0, "fulfilled": 0, "released": 0, "steps": []}
        line = promise["lines"].setdefault(stock, empty)
        line["requested"] += asked
        line["granted"] += units
        if units:
            line["steps"].append((now, self.told, units))
            self.judge(stock, now)

    def unbroken(self, name: str, promise: Json, now: int) -> None:
        """A promise whose units are gone cannot be made stronger."""
        shortfalls = []
        for stock, line in promise["lines"].items():
            if short := self.shorts(stock, now).get(("promise_broken", name)):
                units = self.open(line)
                shortfalls.append({"sku": stock[1], "location": stock[0], "requested": units,
                                   "available": units - short})  # fmt: skip
        if shortfalls:
            raise Refused("insufficient-stock", shortfalls=shortfalls)

    def confirmReservation(self, name: str, _: Json, __: str, now: int) -> Json:  # noqa: N802
        """From now on it does not run out."""
        promise, _status = self.find(name, now, *ENDED)
        return self.rerun(name, promise, now, hard=True, expires=None)

    def extendReservation(self, name: str, body: Json, _: str, now: int) -> Json:  # noqa: N802
        """It runs out at another time."""
        promise, _status = self.find(name, now, *ENDED)
        if promise["hard"]:
            raise Refused("illegal-state", state="confirmed")
        if (expires := micros(body["expires_at"])) <= now:
            raise Refused("malformed", path="$.expires_at")
        return self.rerun(name, promise, now, hard=False, expires=expires)

    def rerun(self, name: str, promise: Json, now: int, *, hard: bool, expires: Any) -> Json:
        """Let a promise run differently, unless it does already."""
        if (promise["hard"], promise["expires"]) != (hard, expires):
            self.unbroken(name, promise, now)
            promise.update(hard=hard, expires=expires)
            promise["runs"].append((now, self.told, hard, expires))
            for stock in promise["lines"]:
                self.judge(stock, now)
        return self.promise(name, now)

    def amendReservation(self, name: str, body: Json, _: str, now: int) -> Json:  # noqa: N802
        """Totals of some lines, counted from what was granted."""
        promise, _status = self.find(name, now, *ENDED)
        none = {"granted": 0, "steps": []}
        deltas = {}
        for stock, total in summed(body["lines"]).items():
            line = promise["lines"].get(stock, none)
            if line["granted"] - total > self.open(line):
                raise Refused("illegal-state", state="partly used")
            if total != line["granted"]:
                deltas[stock] = total - line["granted"]
        short = {s: n for s, n in deltas.items() if n > 0 and n > self.available(s, now)}
        if short:
            raise self.shortage(short, now)
        for stock, delta in deltas.items():
            self.grant(promise, stock, delta, delta, now)
        return self.promise(name, now)

    def releaseReservation(self, name: str, body: Json, _: str, now: int) -> Json:  # noqa: N802
        """Give units up; what was released stays so."""
        promise, status = self.find(name, now, "fulfilled", "expired")
        if status == "released":
            return self.promise(name, now)
        none: Json = {"steps": []}
        given = summed(body["lines"]) if "lines" in body else None
        for stock, units in (given or {}).items():
            if units > self.open(promise["lines"].get(stock, none)):
                raise Refused("illegal-state", state=status)
        for stock, line in promise["lines"].items():
            units = self.open(line) if given is None else given.get(stock, 0)
            if units:
                self.leave(promise, stock, units, now, "released")
                self.judge(stock, now)
        return self.promise(name, now)

    def leave(self, promise: Json, stock: Stock, units: int, at: int, how: str) -> None:
        """Units of a promise are not open any more."""
        line = promise["lines"][stock]
        line[how] += units
        line["steps"].append((at, self.told, -units))
        promise["ended"] = how

    def fulfilReservation(self, name: str, body: Json, _: str, now: int) -> Json:  # noqa: N802
        """Goods left: what was open is used up, the rest is recorded beside it."""
        promise, status = self.find(name, now)
        claimed = micros(body["occurred_at"]) if "occurred_at" in body else now
        at = min(claimed, now)
        units = {stock: self.open(line) for stock, line in promise["lines"].items()}
        given = summed(body["lines"]) if "lines" in body else {s: n for s, n in units.items() if n}
        usable = {stock: self.usable(name, stock, at, now) for stock in given}
        if not given or (body.get("if_open") and any(n > usable[s] for s, n in given.items())):
            raise Refused("illegal-state", state=status)
        notes = []
        for stock, quantity in given.items():
            notes += self.ship(name, stock, quantity, at, now)[1]
        if claimed - now > SKEW_MAX:
            notes.append(self.note("clock_skew", next(iter(given)), None))
        return {**self.promise(name, now), "notes": notes}

    def usable(self, name: str, stock: Stock, at: int, now: int) -> int:
        """Units that a shipment at a moment can take from a promise."""
        promise = self.promises.get(name)
        if promise is None or stock not in promise["lines"]:
            return 0
        gone = promise["expires"] is not None and promise["expires"] <= now
        return 0 if gone else self.open(promise["lines"][stock], at)

    def ship(
        self, name: str, stock: Stock, quantity: int, at: int, now: int
    ) -> tuple[int, list[Json]]:
        """Units of a promise leave; how many it did not cover, and what that broke."""
        used = min(quantity, self.usable(name, stock, at, now))
        notes: list[Json] = []
        if used:
            self.leave(self.promises[name], stock, used, at, "fulfilled")
            notes += self.post(stock, at, now, ("sellable", -used))
        if rest := quantity - used:
            notes += self.post(stock, at, now, ("sellable", -rest))
            notes.append(self.note("fulfilled_without_hold", stock, rest, name))
        return rest, notes
