"""The model's promises: what may still be promised, and what becomes of every promised unit."""

from collections.abc import Iterable
from typing import Any

from tests.model.reference import (
    EVER,
    Facts,
    Json,
    Refused,
    Stock,
    added_up,
    micros,
    require,
    text_of,
)

ENDED = ("fulfilled", "released", "expired")
EMPTY = {"requested": 0, "granted": 0, "fulfilled": 0, "released": 0, "fenced": 0}


def summed(lines: Iterable[Json]) -> dict[Stock, int]:
    """Lines of one stock count together."""
    return added_up(((line["location"], line["sku"]), line["quantity"]) for line in lines)


def opened(line: Json, at: int = EVER) -> int:
    """Units as recorded: those open now that were open at a moment, too."""
    now: int = sum(delta for _, _, delta in line["steps"])
    then: int = sum(delta for moment, _, delta in line["steps"] if moment <= at)
    return max(0, min(now, then))


def gone(promise: Json, now: int) -> bool:
    """Whether it has run out."""
    return bool(promise["expires"] is not None and promise["expires"] <= now)


class Promises(Facts):
    """Reservations, ring-fences and backorder limits over the facts."""

    def __init__(self) -> None:
        super().__init__()
        self.pools: dict[tuple[Stock, str], int] = {}  # Set aside for a channel, held or free.

    # --- what is free -----------------------------------------------------------------------------

    def fence(self, stock: Stock, channel: str | None, now: int) -> tuple[int, int]:
        """Units of a channel's fence that nobody has taken, and those its promises hold."""
        held = sum(
            promise["lines"][stock]["fenced"]
            for promise in self.promises.values()
            if promise["channel"] == channel
            and stock in promise["lines"]
            and not gone(promise, now)
        )
        return self.pools.get((stock, channel or ""), 0) - held, held

    def free(self, stock: Stock, channel: str | None, now: int) -> int:
        """What a channel may still promise."""
        others = {name for of, name in self.pools if of == stock} - {channel}
        fenced = sum(self.fence(stock, name, now)[0] for name in others)
        return self.unheld(stock, now) + self.limits.get(stock, 0) - fenced

    def unheld(self, stock: Stock, now: int) -> int:
        """What is there and not promised."""
        return self.level(stock, "sellable") - self.reserved(stock, now)

    def grant_fence(self, _: str, body: Json, now: int) -> Json:
        """Set units aside that nobody holds and nobody else has set aside."""
        stock = body["location"], body["sku"]
        names = {name for of, name in self.pools if of == stock}
        spare = self.unheld(stock, now) - sum(self.fence(stock, n, now)[0] for n in names)
        require(body["quantity"] <= spare, **short([(stock, body["quantity"], spare)]))
        return self.refence(body, body["quantity"], now)

    def return_fence(self, _: str, body: Json, now: int) -> Json:
        """Let anybody have what the channel has not taken."""
        free, _held = self.fence((body["location"], body["sku"]), body["channel"], now)
        quantity = body.get("quantity", free)
        require(quantity <= free, "illegal-state", free=free)
        return self.refence(body, -quantity, now)

    def refence(self, body: Json, units: int, now: int) -> Json:
        """More or fewer units are set aside."""
        stock, channel = (body["location"], body["sku"]), body["channel"]
        self.pools[stock, channel] = self.pools.get((stock, channel), 0) + units
        free, held = self.fence(stock, channel, now)
        names = {name: body[name] for name in ("sku", "location", "channel")}
        return {**names, "free": free, "held": held}

    def set_backorder_limit(self, _: str, body: Json, now: int) -> Json:
        """Promise more than there is; a lower limit breaks what it leaves out."""
        self.limits[body["location"], body["sku"]] = body["limit"]
        self.judge((body["location"], body["sku"]), now)
        return {name: body[name] for name in ("sku", "location", "limit")}

    # --- answers ----------------------------------------------------------------------------------

    def status(self, promise: Json, now: int) -> str:
        """Where a promise stands."""
        if not any(map(opened, promise["lines"].values())):
            return str(promise["ended"])
        if gone(promise, now):
            return "expired"
        if any(line["fulfilled"] for line in promise["lines"].values()):
            return "partially_fulfilled"
        return "confirmed" if promise["hard"] and promise["soft_once"] else "placed"

    def promise(self, name: str, now: int) -> Json:
        """What an answer about a promise has to say."""
        promise, lines = self.promises[name], []
        for (location, sku), line in promise["lines"].items():
            told = {n: line[n] for n in ("requested", "granted", "fulfilled", "released")}
            ends = ("expired", "open") if gone(promise, now) else ("open", "expired")
            rejected = line["requested"] - line["granted"]
            units = {"rejected": rejected, ends[0]: opened(line), ends[1]: 0}
            lines.append({"sku": sku, "location": location, **told, **units})
        return {
            "reservation_id": name,
            "status": self.status(promise, now),
            "channel": promise["channel"],
            "kind": "hard" if promise["hard"] else "soft",
            "expires_at": None if promise["expires"] is None else text_of(promise["expires"]),
            "lines": lines,
        }

    def standing(self, name: str, now: int, *closed: str) -> tuple[Json, str]:
        """A promise that is not in one of these states."""
        require(name in self.promises, "not-found")
        status = self.status(self.promises[name], now)
        require(status not in closed, "illegal-state", state=status)
        return self.promises[name], status

    # --- placing ----------------------------------------------------------------------------------

    def place_reservation(self, _: str, body: Json, now: int) -> Json:
        """All or nothing, or what is there; the same again changes nothing."""
        name, channel = body["reservation_id"], body.get("channel")
        fixed = summed(line for line in body["lines"] if "location" in line)
        sourced = [line for line in body["lines"] if "locations" in line]
        asked = {**body, "lines": fixed, "sourced": sorted(map(repr, sourced))}
        if (known := self.promises.get(name)) is not None:
            require(known["asked"] == asked, "id-taken")
            return self.promise(name, now)
        expires = micros(body["expires_at"]) if "expires_at" in body else None
        require(expires is None or expires > now, "malformed", path="$.expires_at")
        free: dict[Stock, int] = {}
        lines = [(s, n, self.take(free, s, n, channel, now)) for s, n in fixed.items()]
        lacking = [(s, n, n_free) for s, n, n_free in self.lacks(fixed, channel, now)]
        for line in sourced:
            had = [(s, line["quantity"], self.left(free, s, channel, now)) for s in places(line)]
            picked = self.pick(free, line, channel, now)
            rejected = line["quantity"] - sum(picked.values())
            lacking += had if rejected else []
            first = next(iter(picked), places(line)[0])
            lines.append((first, rejected, 0))
            lines += [(stock, units, units) for stock, units in picked.items()]
        partial = body.get("policy") == "partial" and any(granted for _, _, granted in lines)
        require(partial or not lacking, **short(lacking))
        hard = body.get("kind", "soft") == "hard"
        runs = [(now, self.told, expires)]
        self.promises[name] = {
            "asked": asked, "channel": channel, "hard": hard, "soft_once": not hard, "lines": {},
            "expires": expires, "runs": runs, "ended": "released",
        }  # fmt: skip
        for stock in dict.fromkeys(stock for stock, _, _ in lines):
            wanted = sum(n for s, n, _ in lines if s == stock)
            granted = sum(n for s, _, n in lines if s == stock)
            if wanted:
                self.grant(self.promises[name], stock, wanted, granted, now)
        return self.promise(name, now)

    def lacks(
        self, asked: dict[Stock, int], channel: str | None, now: int
    ) -> list[tuple[Stock, int, int]]:
        """Stocks that cannot give what is asked, with what they can."""
        free = [(stock, n, self.free(stock, channel, now)) for stock, n in asked.items()]
        return [(stock, n, units) for stock, n, units in free if n > units]

    def left(self, free: dict[Stock, int], stock: Stock, channel: str | None, now: int) -> int:
        """What a stock can give to one request that has taken some already."""
        return free.setdefault(stock, self.free(stock, channel, now))

    def take(
        self, free: dict[Stock, int], stock: Stock, most: int, channel: str | None, now: int
    ) -> int:
        """Take so many units, or what there is."""
        units = max(0, min(most, self.left(free, stock, channel, now)))
        free[stock] -= units
        return units

    def pick(
        self, free: dict[Stock, int], line: Json, channel: str | None, now: int
    ) -> dict[Stock, int]:
        """Units from whichever place has them: the first or the fullest, one or several."""

        def has(stock: Stock) -> int:
            return self.left(free, stock, channel, now)

        candidates, quantity = places(line), line["quantity"]
        if line.get("sourcing") == "most_available":
            candidates.sort(key=has, reverse=True)
        if not line.get("split"):
            whole = [stock for stock in candidates if has(stock) >= quantity]
            candidates = [*whole, max(candidates, key=has)][:1]
        picked = {}
        for stock in candidates:
            if units := self.take(free, stock, quantity, channel, now):
                picked[stock] = units
                quantity -= units
        return picked

    def grant(self, promise: Json, stock: Stock, asked: int, units: int, now: int) -> None:
        """Promise more units of a stock, or fewer."""
        line = promise["lines"].setdefault(stock, {**EMPTY, "steps": []})
        line["requested"] += asked
        line["granted"] += units
        self.hold(promise, stock, units, now)

    def hold(self, promise: Json, stock: Stock, units: int, now: int) -> None:
        """Hold more units, of a fence first; or give up, what is beyond it first."""
        if units:
            line = promise["lines"][stock]
            free, _ = self.fence(stock, promise["channel"], now)
            line["steps"].append((now, self.told, units))
            line["fenced"] += max(0, min(units, free))
            line["fenced"] = min(line["fenced"], opened(line))
            self.judge(stock, now)

    # --- changing ---------------------------------------------------------------------------------

    def unbroken(self, name: str, stocks: Iterable[Stock], now: int, asked: Any = None) -> None:
        """A promise whose units are gone cannot be made stronger."""
        lacking = []
        for stock in stocks:
            if broken := self.shorts(stock, now).get(("promise_broken", name)):
                units = opened(self.promises[name]["lines"][stock])
                lacking.append((stock, (asked or {}).get(stock, units), units - broken))
        require(not lacking, **short(lacking))

    def confirm_reservation(self, name: str, _: Json, now: int) -> Json:
        """From now on it does not run out."""
        self.standing(name, now, *ENDED)
        return self.rerun(name, now, hard=True, expires=None)

    def extend_reservation(self, name: str, body: Json, now: int) -> Json:
        """It runs out at another time."""
        promise, _ = self.standing(name, now, *ENDED)
        require(not promise["hard"], "illegal-state", state="confirmed")
        expires = micros(body["expires_at"])
        require(expires > now, "malformed", path="$.expires_at")
        return self.rerun(name, now, hard=False, expires=expires)

    def rerun(self, name: str, now: int, *, hard: bool, expires: Any) -> Json:
        """Let a promise run differently, unless it does already."""
        promise = self.promises[name]
        if (promise["hard"], promise["expires"]) != (hard, expires):
            self.unbroken(name, promise["lines"], now)
            promise.update(hard=hard, expires=expires)
            promise["runs"].append((now, self.told, expires))
            for stock in promise["lines"]:
                self.judge(stock, now)
        return self.promise(name, now)

    def amend_reservation(self, name: str, body: Json, now: int) -> Json:
        """Totals of some lines, counted from what was granted."""
        promise, _ = self.standing(name, now, *ENDED)
        deltas = {}
        for stock, total in summed(body["lines"]).items():
            line = promise["lines"].get(stock, {"granted": 0, "steps": []})
            used = line["granted"] - opened(line)
            require(total >= used, "illegal-state", state="partly used")
            deltas[stock] = total - line["granted"]
        more = {stock: delta for stock, delta in deltas.items() if delta > 0}
        lacking = self.lacks(more, promise["channel"], now)
        require(not lacking, **short(lacking))
        for stock, delta in deltas.items():
            if delta:
                self.grant(promise, stock, delta, delta, now)
        return self.promise(name, now)

    def relocate_reservation(self, name: str, body: Json, now: int) -> Json:
        """Open units are held elsewhere: only what a place gains or loses in the end counts."""
        promise, status = self.standing(name, now, *ENDED)
        pairs = [(move["from"], -1, move) for move in body["moves"]]
        pairs += [(move["to"], 1, move) for move in body["moves"]]
        net = added_up(((at, m["sku"]), sign * m["quantity"]) for at, sign, m in pairs)
        losing = {stock: -units for stock, units in net.items() if units < 0}
        for stock, units in losing.items():
            still = opened(promise["lines"].get(stock, {"steps": []}))
            require(units <= still, "illegal-state", state=status)
        self.unbroken(name, losing, now, losing)
        gaining = {stock: units for stock, units in net.items() if units > 0}
        lacking = self.lacks(gaining, promise["channel"], now)
        require(not lacking, **short(lacking))
        for stock in [*losing, *gaining]:
            self.grant(promise, stock, net[stock], net[stock], now)
        return self.promise(name, now)

    def release_reservation(self, name: str, body: Json, now: int) -> Json:
        """Give units up; what was released stays so."""
        promise, status = self.standing(name, now, "fulfilled", "expired")
        if status == "released":
            return self.promise(name, now)
        units = {stock: opened(line) for stock, line in promise["lines"].items()}
        given = summed(body["lines"]) if "lines" in body else units
        enough = all(n <= units.get(stock, 0) for stock, n in given.items())
        require(enough, "illegal-state", state=status)
        for stock, quantity in given.items():
            if quantity:
                promise["lines"][stock]["released"] += quantity
                promise["ended"] = "released"
                self.hold(promise, stock, -quantity, now)
        return self.promise(name, now)

    def resolve_conflict(self, conflict: Any, body: Json, now: int) -> Json:
        """Somebody deals with an open conflict; some words work a broken promise off."""
        kind, stock, holder, units = conflict
        broken = self.shorts(stock, now).get((kind, holder), 0)
        picked: dict[Stock, int] = {}
        if "locations" in body:
            require(kind == "promise_broken", "malformed")
            require(not broken or stock[0] not in body["locations"], "malformed")
            channel = self.promises[holder]["channel"]
            line = {**body, "sku": stock[1], "quantity": broken}
            had = [(place, broken, self.free(place, channel, now)) for place in places(line)]
            picked = self.pick({}, line, channel, now) if broken else {}
            require(sum(picked.values()) == broken, **short(had))
        self.resolve(kind, stock, holder, units)
        if kind == "promise_broken" and broken:
            self.work_off(holder, stock, broken, body["resolution"], picked, now)
        return {"status": "resolved", "kind": kind, "resolution": body["resolution"]}

    def work_off(
        self, name: str, stock: Stock, broken: int, word: str, picked: dict[Stock, int], now: int
    ) -> None:
        """What a word does to a promise that is so many units short."""
        promise = self.promises[name]
        if picked or word == "shorten":
            self.grant(promise, stock, -broken, -broken, now)
        for place, units in picked.items():
            self.grant(promise, place, units, units, now)
        if word == "release":
            line = {"sku": stock[1], "location": stock[0]}
            everything = {**line, "quantity": opened(promise["lines"][stock])}
            self.release_reservation(name, {"lines": [everything]}, now)

    # --- fulfilling -------------------------------------------------------------------------------

    def fulfil_reservation(self, name: str, body: Json, now: int) -> Json:
        """Goods left: what was open is used up, the rest is recorded beside it."""
        promise, status = self.standing(name, now)
        claimed = micros(body["occurred_at"]) if "occurred_at" in body else now
        at = min(claimed, now)
        units = {stock: opened(line) for stock, line in promise["lines"].items()}
        given = summed(body["lines"]) if "lines" in body else {s: n for s, n in units.items() if n}
        enough = all(n <= self.usable(name, stock, at, now) for stock, n in given.items())
        require(given and (enough or not body.get("if_open")), "illegal-state", state=status)
        notes: list[Json] = []
        for stock, quantity in given.items():
            notes += self.ship(name, stock, quantity, at, now, promise["channel"])
        notes += self.skew(next(iter(given)), claimed, now)
        return {**self.promise(name, now), "notes": notes}

    def usable(self, name: str, stock: Stock, at: int, now: int) -> int:
        """Units that a shipment at a moment can take from a promise."""
        promise = self.promises.get(name)
        if promise is None or stock not in promise["lines"] or gone(promise, now):
            return 0
        return opened(promise["lines"][stock], at)

    def sale(self, _: str, movement: Json, entry: Json, now: int) -> list[Json]:
        """Goods went to a customer; with a promise named, it is fulfilled."""
        stock, quantity = entry["stock"], movement["quantity"]
        entry["recorded"] = quantity
        channel = movement.get("channel")
        if "reservation_id" in movement:
            name = movement["reservation_id"]
            notes = self.ship(name, stock, quantity, entry["at"], now, channel)
        else:
            notes = self.sell(stock, quantity, entry["at"], now, channel)
        return notes + self.on_order(entry, quantity)

    def sell(self, stock: Stock, units: int, at: int, now: int, channel: str | None) -> list[Json]:
        """Units leave, of the channel's fence first."""
        free, _ = self.fence(stock, channel, now)
        if free > 0:
            self.pools[stock, channel or ""] -= min(units, free)
        return self.post(stock, at, now, {"sellable": -units})

    def ship(
        self, name: str, stock: Stock, quantity: int, at: int, now: int, channel: str | None
    ) -> list[Json]:
        """Units of a promise leave; what it did not cover is a sale, with a conflict."""
        used = min(quantity, self.usable(name, stock, at, now))
        notes: list[Json] = []
        if used:
            promise = self.promises[name]
            line = promise["lines"][stock]
            fenced = min(used, line["fenced"])
            if fenced:
                self.pools[stock, promise["channel"]] -= fenced
            line["fenced"] -= fenced
            line["fulfilled"] += used
            line["steps"].append((at, self.told, -used))
            promise["ended"] = "fulfilled"
            notes += self.post(stock, at, now, {"sellable": -used})
        if rest := quantity - used:
            notes += self.sell(stock, rest, at, now, channel)
            notes.append(self.say("fulfilled_without_hold", stock, rest, name))
        return notes


def short(lacking: Iterable[tuple[Stock, int, int]]) -> Json:
    """The refusal that says who asked for how much of what there is."""
    return {
        "code": "insufficient-stock",
        "shortfalls": [
            {"sku": stock[1], "location": stock[0], "requested": n, "available": free}
            for stock, n, free in lacking
        ],
    }


def places(line: Json) -> list[Stock]:
    """The stocks that may give a line's units."""
    return [(location, line["sku"]) for location in line["locations"]]


__all__ = ["Promises", "Refused"]
