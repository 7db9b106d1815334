"""The rules, read a second time: what every command does, what it is refused for, what it breaks.

Computed the slow way, from everything that was ever told; nothing is kept ready. Requests come
with their times in microseconds, and a command happens at the instant it was sent.
"""

from collections import Counter
from fractions import Fraction
from typing import Any

from tests.model.book import EVER, Document, Json, Refused, Stock, added_up, require, whole
from tests.model.reference_channels import Channels

OUT = "elsewhere"
SKEW_MAX = 300_000_000
BUCKETS = ("sellable", "quarantine", "damaged", "returned", "blocked")
ARRIVED = ("received", "damaged", "lost", "returned")
# Into which bucket a movement puts its units, or what becomes of a return; else out of the house.
TARGETS = dict.fromkeys(("opening", "receive", "adjust", "sale_void", "restock"), "sellable")
TARGETS |= dict.fromkeys(("refurbish", "repackage", "resale_hold"), "quarantine")
TARGETS |= dict.fromkeys(("return", "credit_only", "missing"), "returned") | {"damaged": "damaged"}
ORDERED = {"sale": ("sold", 1), "sale_void": ("sold", -1), "return": ("returned", 1)}
ENDS = {"release": "released", "cancel": "cancelled", "close": "closed", "post": "posted"}


class Facts(Channels):
    """Everything that was told so far, and what follows from it."""

    def __init__(self) -> None:
        self.now = self.at = self.claimed = self.told = 0
        self.stock, self.fences, self.orders = Document(), Document(), Document()
        self.documents: Any = {kind: {} for kind in ("reservation", "transfer", "return", "count")}
        self.promises: dict[str, Document] = self.documents["reservation"]
        self.movements, self.packs, self.authority = Json(), Json(), Json()
        self.channels = {}
        # Of the counts of a moment the last one stands; `where` an order went too far.
        self.counts, self.limits, self.where = list[Any](), Counter[Stock](), dict[Any, Stock]()
        # Units short, by kind, stock and holder, end with their cause; only people close the noted.
        self.open, self.resolved, self.noted = dict[Any, int](), set[Any](), list[Any]()

    # --- commands ---------------------------------------------------------------------------------

    def ask(self, verb: str, kind: str, name: Any, body: Json, now: int) -> Json:
        """The answer to a command, or Refused, which leaves nothing behind."""
        self.told, self.now = self.told + 1, now
        return self.attempt(self.act, body, verb, kind, name)

    def attempt(self, effect: Any, body: Json, *about: Any) -> Json:
        """Do something whole or not at all, and see what it broke."""
        noted, broken, self.claimed = len(self.noted), self.open, body.get("occurred_at", self.now)
        self.at = min(self.claimed, self.now)
        with whole(self):
            answer = effect(body, *about)
        self.judge()
        worse = [(*of, units) for of, units in self.open.items() if units > broken.get(of, 0)]
        return {"notes": self.noted[noted:] + worse, **answer}

    def act(self, body: Json, verb: str, kind: str, name: Any) -> Any:
        """Begin a document, or do something with it; the rest is about none."""
        effect, made = getattr(self, f"{verb}_{kind}"), ENDS.get(verb)
        if (known := self.documents.get(kind)) is None:
            return effect(name, body) or {}
        require((new := body.get(f"{kind}_id")) or name in known, "not-found")
        if new:
            document = Document(new, **{**body, "lines": added_up(body.get("lines", ()))})
            if new not in known:
                effect(known.setdefault(new, document), body)
            require(known[new].asked == document.asked, "id-taken")
        elif (was := self.ended(known[name])) != made:
            still = not was or verb == "fulfil" or (was, verb) == ("posted", "cancel")
            require(still, "illegal-state")
            effect(known[name], body)
            known[name].made = made or known[name].made
        return {"document": known[new or name]}

    def ended(self, document: Document) -> str:
        """How it ended, if it has; a promise ends with its last unit, or runs out."""
        if document.runs and any(document.column("open").values()):
            return "expired" if document.runs[-1][0] <= self.now else ""
        ways = [column for _, column, *_ in document.steps if column in ("released", "fulfilled")]
        return [document.made, *ways][-1]

    def add(self, document: Document, item: Any, at: int = 0, **units: int) -> None:
        """So many more units of something, now or at another business time."""
        document.steps += [(item, name, n, at or self.now, self.told) for name, n in units.items()]

    # --- levels -----------------------------------------------------------------------------------

    def seen(self, place: Any, at: int = EVER, known: int = EVER) -> dict[int, int | None]:
        """What counts of a bucket have seen, by their times."""
        counts = [c[1:] for c in self.counts if c[0] == place and c[1] <= at and c[3] <= known]
        return {when: figure for when, figure, _ in counts}

    def level(self, stock: Stock, bucket: str, at: int = EVER, known: int = EVER) -> int:
        """The last standing count's figure, and what came and went after it."""
        seen = self.seen((stock, bucket), at, known)
        last = max((when for when in seen if seen[when] is not None), default=-EVER)
        before = self.stock.total(stock, bucket, at=last, known=known)
        return (seen.get(last) or 0) + self.stock.total(stock, bucket, at=at, known=known) - before

    def held(self, promise: Document, stock: Stock, at: int, known: int = EVER) -> int:
        """Open units of a promise, unless it had run out."""
        runs = [expires for expires, when, told in promise.runs if when <= at and told <= known]
        return promise.total(stock, "open", at=at, known=known) if [0, *runs][-1] > at else 0

    def reserved(self, stock: Stock, at: int, known: int = EVER) -> int:
        """Open units of all promises."""
        return sum(self.held(promise, stock, at, known) for promise in self.promises.values())

    def coming(self, stock: Stock, at: int, known: int) -> int:
        """Units on their way: what left, at whatever time, covers what arrived first."""
        coming, (place, sku) = 0, stock
        for way in self.documents["transfer"].values():
            sent, left = (way.total(sku, "dispatched", at=end, known=known) for end in (at, EVER))
            covered = min(left, way.total(sku, *ARRIVED, at=at, known=known))
            coming += sent - covered if way.asked["to"] == place else 0
        return coming

    # --- conflicts --------------------------------------------------------------------------------

    def judge(self) -> None:
        """What is short at present: of which kind, where, and whose."""
        found = dict[Any, int]()
        for stock in self.stock.lines():
            found |= {("negative_stock", stock, name): -self.level(stock, name) for name in BUCKETS}
        for stock in {stock for promise in self.promises.values() for stock in promise.lines()}:
            found |= {("promise_broken", stock, who): n for who, n in self.shorts(stock).items()}
        for of, line in self.orders.lines().items():
            found["returned_beyond_sold", self.where[of], of[0]] = line["returned"] - line["sold"]
        self.open = {of: units for of, units in found.items() if units > 0}
        self.resolved &= self.open.keys()

    def shorts(self, stock: Stock) -> dict[str, int]:
        """Units each promise is short of: soft ones before hard ones, the newest first."""
        holds = sorted(
            (promise.runs[-1][0] == EVER, -promise.since(stock, "open"), name, units)
            for name, promise in self.promises.items()
            if (units := self.held(promise, stock, self.now))
        )
        short = self.reserved(stock, self.now) - self.level(stock, "sellable") - self.limits[stock]
        found = {}
        for _, _, name, units in holds:
            found[name] = max(0, min(short, units))
            short -= units
        return found

    def skew(self, stock: Stock) -> None:
        """A time too far ahead is for people to look at."""
        if self.claimed - self.now > SKEW_MAX:
            self.noted.append(("clock_skew", stock, "", 0))

    def resolve_conflict(self, conflict: Any, body: Json) -> None:
        """Somebody deals with an open conflict; some words work a broken promise off."""
        kind, stock, holder, _ = conflict
        promise, picked = self.promises.get(holder, Document()), Counter[Stock]()
        broken = self.shorts(stock).get(holder, 0) if kind == "promise_broken" else 0
        if "locations" in body:
            places, how = [(at, stock[1]) for at in body["locations"]], body.get("sourcing")
            require(kind == "promise_broken" and not (broken and stock in places), "malformed")
            short, picked = self.source(
                places, broken, promise.channel, how, body.get("split"), self.free
            )
            require(not short, "insufficient-stock", shortfalls=short)
        self.resolved.add(conflict[:3])
        if conflict in self.noted:
            self.noted.remove(conflict)
        if broken and (picked or body["resolution"] == "shorten"):
            self.change(promise, Counter({stock: -broken, **picked}), self.free)
        if broken and body["resolution"] == "release":
            units = promise.column("open")[stock]
            self.hold(promise, stock, -units, released=units)

    # --- facts ------------------------------------------------------------------------------------

    def record_movements(self, key: str, body: Json) -> Json:
        """Each on what the one before left; all or none, or each for itself."""
        results = []
        for index, movement in enumerate(body["movements"]):
            name = movement.get("movement_id") or f"{key}/{index}"
            try:
                results.append(self.attempt(self.movement, movement, name))
            except Refused as refused:
                require(not body.get("atomic", True), refused.code, **refused.facts)
                results.append({"status": "refused", "code": refused.code})
            self.now += 1
        return {"results": results, "notes": []}

    def movement(self, body: Json, name: str) -> Json:
        """One movement: recorded before under its own id, or now."""
        stock, kind, source = (body["location"], body["sku"]), body["type"], body.get("source")
        if name in self.movements:
            require(self.movements[name]["body"] == body, "idempotency-conflict")
            return {"status": "recorded", "replayed": True}
        require(source in self.authority.get(stock[0], {}).get(kind, [source]), "forbidden")
        told = {"bucket": "sellable", **body, "stock": stock, "at": self.at, "units": None}
        self.movements[name] = told
        told["body"], of = body, body.get("of", body.get("replaces"))
        if of is not None:
            require(not self.movements.get(of, {"nothing": True}).get("nothing"), "not-found")
            self.refer(told, self.movements[of])
        on_hand = sum(self.level(stock, bucket) for bucket in BUCKETS)
        expected = body.get("expected_on_hand", on_hand)
        require(expected == on_hand, "stale-quantity", expected=expected, actual=on_hand)
        if kind not in ("correct", "cancel"):
            factor = {None: 1, **self.packs.get(stock[1], {})}.get(body.get("uom"), 0)
            said = body.get("delta") or body.get("counted") or body.get("quantity", 0)
            units = Fraction(said) * factor
            require(factor and units.denominator == 1, "inexact-unit")
            self.restate(told, units.numerator)
        self.skew(stock)
        return {"status": "recorded"}

    def refer(self, told: Json, old: Json) -> None:
        """A sale is voided, a count replaced, or whatever it was corrected or cancelled."""
        kind, of = told["type"], old["type"]
        right = of == {"sale_void": "sale", "count": "count"}.get(kind, of)
        right = right and of not in ("correct", "cancel") and old["stock"] == told["stock"]
        right = right and (kind != "count" or old["bucket"] == told["bucket"])
        require(right and not old.get("cancelled"), "illegal-state")
        if kind == "sale_void":
            told |= {"at": old["at"], "order": old.get("order"), "of": old}
        elif kind != "correct":
            rest = None if of == "count" else self.voided(old)
            require(old["units"] != rest, "illegal-state")
            self.restate(old, rest)
            old["cancelled"] = True
        elif not told.setdefault("nothing", old["units"] == told["quantity"]):
            self.restate(old, told["quantity"])

    def voided(self, sale: Json) -> int:
        """Units of a sale that did not take place."""
        return sum(void["units"] for void in self.movements.values() if void.get("of") is sale)

    def restate(self, told: Json, units: Any) -> None:
        """What a movement comes to in all: more of it went its way at its time, or less."""
        kind, stock, at, before = told["type"], told["stock"], told["at"], told["units"]
        told["units"], more = units, (units or 0) - (before or 0)
        if kind == "count":
            require(self.seen((stock, told["bucket"])).get(at) == before, "illegal-state")
            self.counts.append(((stock, told["bucket"]), at, units, self.told))
        elif kind == "sale" and before is None:
            self.ship(told.get("reservation_id"), stock, units, at, told.get("channel"))
        else:
            source = told["bucket"] if kind in ("sale", "scrap") else told.get("from_bucket", OUT)
            target = told.get("to_bucket", TARGETS.get(kind, OUT))
            self.add(self.stock, stock, at, **{source: -more, target: more})
        sale = told.get("of", told)
        enough = self.voided(sale) <= max(0, sale["units"] or 0)
        require(enough and not sale.get("cancelled"), "illegal-state")
        column, sign = ORDERED.get(kind, ("", 0))
        self.order(told.get("order"), stock, column, sign * more)

    def order(self, order: str | None, stock: Stock, column: str, units: int) -> None:
        """Something more was sold to an order, or came back of it."""
        if order is not None:
            of = order, stock[1]
            if self.orders.total(of, "returned") <= self.orders.total(of, "sold"):
                self.where[of] = stock  # Where it went too far, if it is too far now.
            self.add(self.orders, of, **{column: units})

    def define_sku(self, name: str, body: Json) -> None:
        """A SKU has packs; what integers mean stays as it was."""
        require(name not in self.packs or body["base_unit"] == "each", "illegal-state")
        self.packs[name] = body["packs"]

    def define_location(self, name: str, body: Json) -> None:
        """Some facts may only be told by some sources."""
        self.authority[name] = body["authority"]

    # --- promises ---------------------------------------------------------------------------------

    def fence(self, stock: Stock, channel: str | None) -> tuple[int, int]:
        """Units of a channel's fence that nobody has taken, and those its promises hold."""
        mine = [promise for promise in self.promises.values() if promise.channel == channel]
        held = sum(p.total(stock, "fenced") for p in mine if p.runs[-1][0] > self.now)
        return self.fences.total((stock, channel), "units") - held, held

    def free(self, stock: Stock, channel: str | None) -> int:
        """What a channel may still promise: not what others hold or have set aside."""
        others = {who for of, who in self.fences.lines() if of == stock} - {channel}
        fenced = sum(self.fence(stock, who)[0] for who in others) - self.limits[stock]
        return self.level(stock, "sellable") - self.reserved(stock, self.now) - fenced

    def grant_fence(self, _: str, body: Json) -> None:
        """Set units aside that nobody holds and nobody else has set aside."""
        stock, units = (body["location"], body["sku"]), body["quantity"]
        spare = self.free(stock, None) - self.limits[stock]
        require(units <= spare, "insufficient-stock", shortfalls=[(stock, units, spare)])
        self.add(self.fences, (stock, body["channel"]), units=units)

    def return_fence(self, _: str, body: Json) -> None:
        """Let anybody have what the channel has not taken."""
        fence = (body["location"], body["sku"]), body["channel"]
        free, _held = self.fence(*fence)
        require(body.get("quantity", free) <= free, "illegal-state", free=free)
        self.add(self.fences, fence, units=-body.get("quantity", free))

    def set_backorder_limit(self, _: str, body: Json) -> Json:
        """Promise more than there is; a lower limit breaks what it leaves out, unsaid."""
        self.limits[body["location"], body["sku"]] = body["limit"]
        return {"notes": []}

    def place_reservation(self, promise: Document, body: Json) -> None:
        """All or nothing, or what is there."""
        promise.runs, short = [(body.get("expires_at", EVER), self.now, self.told)], []
        promise.made = "released"  # If it should end without having been anything else.
        require(promise.runs[0][0] > self.now, "malformed", path="$.expires_at")
        wanted = Counter[Any]()  # Lines about the same places count together.
        for line in body["lines"]:
            places = [(at, line["sku"]) for at in line.get("locations", [line.get("location")])]
            wanted[tuple(places), line.get("sourcing"), line.get("split")] += line["quantity"]
        for (where, *how), units in wanted.items():
            lacking, picked = self.source(where, units, promise.channel, *how)
            short += lacking
            for stock, some in picked.items():
                self.hold(promise, stock, some)
            self.add(promise, next(iter(picked), where[0]), rejected=units - picked.total())
        partial = body.get("policy") == "partial" and any(promise.column("open").values())
        require(partial or not short, "insufficient-stock", shortfalls=short)

    def source(
        self, places: Any, units: int, channel: Any, sourcing: Any, split: Any, left: Any = None
    ) -> Any:
        """What places lack, and what they give: the first, the fullest, or all of them.

        `left` is what there is to give: people who know what is broken are bound by no rule.
        """
        left, picked = left or self.promised, Counter[Stock]()
        had = {place: left(place, channel) for place in places}
        if sourcing == "most_available":
            places = sorted(places, key=had.__getitem__, reverse=True)
        if not split:
            whole = [place for place in places if had[place] >= units]
            places = [*whole, max(places, key=had.__getitem__)][:1]
        for place in places:
            picked[place] = max(0, min(units - picked.total(), had[place]))
        short = [(place, units, some) for place, some in had.items() if picked.total() < units]
        return short, +picked

    def hold(self, promise: Document, stock: Stock, units: int, **columns: int) -> None:
        """Hold more units, of a fence first; or give up, what is beyond it first."""
        free, before = self.fence(stock, promise.channel)[0], promise.total(stock, "fenced")
        fenced = min(before + max(0, min(units, free)), promise.total(stock, "open") + units)
        self.add(promise, stock, open=units, fenced=fenced - before, **columns)

    def change(self, promise: Document, deltas: Counter[Stock], left: Any = None) -> None:
        """Hold more units, where they are free, or fewer."""
        left = left or self.promised
        free = {stock: left(stock, promise.channel) for stock in deltas}
        short = [(stock, n, free[stock]) for stock, n in (+deltas).items() if n > free[stock]]
        require(not short, "insufficient-stock", shortfalls=short)
        for stock in [stock for stock in deltas if deltas[stock]]:
            self.hold(promise, stock, deltas[stock])

    def strengthen(self, promise: Document, asked: Counter[Stock]) -> None:
        """A promise whose units are gone cannot be made stronger."""
        lost = {stock: self.shorts(stock).get(promise.name, 0) for stock in asked}
        short = [(of, asked[of], promise.column("open")[of] - n) for of, n in lost.items() if n]
        require(not short, "insufficient-stock", shortfalls=short)

    def run(self, promise: Document, body: Json) -> None:
        """It runs out at another time, or, once confirmed, never."""
        before, expires = promise.runs[-1][0], body.get("expires_at", EVER)
        require(before < EVER or expires == EVER, "illegal-state", kind="hard")
        require(expires > self.now, "malformed", path="$.expires_at")
        if expires == EVER or before != expires:
            self.strengthen(promise, promise.column("open"))
        if before != expires or (len(promise.runs) == 1 and expires == EVER):
            promise.runs.append((expires, self.now, self.told))

    confirm_reservation = extend_reservation = run

    def amend_reservation(self, promise: Document, body: Json) -> None:
        """Totals of some lines, counted from what was granted."""
        deltas, granted = added_up(body["lines"]), promise.column("open", "fulfilled", "released")
        deltas.subtract({stock: granted[stock] for stock in deltas})
        require(not -deltas - promise.column("open"), "illegal-state", state="partly used")
        self.change(promise, deltas)

    def relocate_reservation(self, promise: Document, body: Json) -> None:
        """Open units are held elsewhere: only what a place gains or loses in the end counts."""
        net = added_up({**move, "location": move["to"]} for move in body["moves"])
        net.subtract(added_up({**move, "location": move["from"]} for move in body["moves"]))
        require(not -net - promise.column("open"), "illegal-state")
        self.strengthen(promise, -net)
        self.change(promise, net)

    def release_reservation(self, promise: Document, body: Json) -> None:
        """Give units up."""
        given = added_up(body["lines"]) if "lines" in body else +promise.column("open")
        require(not given - promise.column("open"), "illegal-state")
        for stock, units in given.items():
            self.hold(promise, stock, -units, released=units)

    def fulfil_reservation(self, promise: Document, body: Json) -> None:
        """Goods left: what was open is used up, the rest is recorded beside it."""
        given = added_up(body["lines"]) if "lines" in body else +promise.column("open")
        shipped = [self.ship(promise.name, *one, self.at, promise.channel) for one in given.items()]
        require(given and (all(shipped) or not body.get("if_open")), "illegal-state")
        self.skew(next(iter(given)))

    def ship(self, name: Any, stock: Stock, units: int, at: int, channel: str | None) -> bool:
        """Units leave, of a promise or else of the channel's fence first; whether it had them."""
        promise, (free, _) = self.promises.get(name, Document()), self.fence(stock, channel)
        still = self.held(promise, stock, self.now)
        used = max(0, min(units, still, promise.least(stock, "open", since=at)))
        if used:
            fenced = min(used, promise.total(stock, "fenced"))
            self.add(promise, stock, at, open=-used, fulfilled=used, fenced=-fenced)
            self.add(self.fences, (stock, promise.channel), units=-fenced)
        if name and units > used:
            self.noted.append(("fulfilled_without_hold", stock, name, units - used))
        self.add(self.fences, (stock, channel), units=-max(0, min(units - used, free)))
        self.add(self.stock, stock, at, sellable=-units)
        return used == units
