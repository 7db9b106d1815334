"""The state machine: what may happen in a shop, in any order."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from api.runtime.processes import wait_until
from tests.model import drawing as draw
from tests.model.answers import differs, plain, shown, text_of
from tests.model.book import Document
from tests.model.machine import FOREVER, LAPSE_US, PAST, PATIENCE_S, Shop, kept


class LedgerMachine(Shop):
    """Facts, promises, repeats, mistakes and questions.

    Which rules there are to draw never depends on an answer: a machine that was too slow once
    must draw the same again.
    """

    @initialize(units=draw.openings, lines=draw.promises)
    @kept
    def open_shop(self, units: list[int], lines: list[Any]) -> None:
        """Something is there, and some of it is promised."""
        facts = [
            {"type": "receive", **self.stock_fields(n), **self.at(("day", n)), "quantity": quantity}
            for n, quantity in enumerate(units)
        ]
        self.command("recordMovements", "", {"movements": facts})
        for number, drawn in enumerate(lines):
            self.place(drawn, "hard" if number % 2 else "long", partial=True, again=1)

    @rule(drawn=draw.batches, atomic=st.booleans())
    @kept
    def report(self, drawn: list[dict[str, Any]], atomic: bool) -> None:
        """Facts, together or each for itself."""
        facts = [self.movement(one) for one in drawn]
        self.command("recordMovements", "", {"atomic": atomic, "movements": facts})
        self.check(*((fact["location"], fact["sku"]) for fact in facts))

    @rule(drawn=draw.movements)
    @kept
    def report_one(self, drawn: dict[str, Any]) -> None:
        """A fact."""
        self.report([drawn], atomic=True)

    @rule(drawn=draw.incoming)
    @kept
    def report_incoming(self, drawn: dict[str, Any]) -> None:
        """Goods came."""
        self.report([drawn], atomic=True)

    @rule(drawn=draw.outgoing)
    @kept
    def report_outgoing(self, drawn: dict[str, Any]) -> None:
        """Goods went."""
        self.report([drawn], atomic=True)

    @rule(drawn=draw.changing)
    @kept
    def report_changing(self, drawn: dict[str, Any]) -> None:
        """Goods are not what, or as many as, they were thought to be."""
        self.report([drawn], atomic=False)

    @rule(drawn=draw.restatements)
    @kept
    def restate(self, drawn: dict[str, Any]) -> None:
        """What was seen, or what was reported wrongly."""
        self.report([drawn], atomic=True)

    @rule(fact=draw.movements, pick=draw.picks)
    @kept
    def report_named(self, fact: dict[str, Any], pick: int) -> None:
        """A fact under its own id, now and then one that is taken already."""
        body = {**self.movement(fact), "movement_id": f"m{self.name}-{pick % 8}"}
        self.command("recordMovements", "", {"atomic": bool(pick % 2), "movements": [body]})
        self.check((body["location"], body["sku"]))

    @rule(lines=draw.lines, life=draw.lives, partial=st.booleans(), again=draw.picks)
    @kept
    def place(self, lines: Any, life: str, partial: bool, again: int) -> None:
        """A promise, sometimes under a name that is taken."""
        name = f"o{self.name}-{len(self.orders)}"
        if again % 8 == 0 and self.orders:
            name = self.orders[again // 8 % len(self.orders)]
        body = {"reservation_id": name, "lines": self.lines(lines), "kind": "soft"}
        if life == "hard":
            body |= {"kind": "hard"}
        else:
            body |= {"expires_at": FOREVER.get(life, PAST)}
        body |= {"policy": "partial"} if partial else {}
        body |= {"channel": self.web} if again % 2 else {}
        if self.command("placeReservation", "", body).status == 201 and name not in self.orders:
            self.orders.append(name)
        self.check(*(self.stocks[stock] for stock, _ in lines))

    @rule(pick=draw.picks)
    @kept
    def confirm(self, pick: int) -> None:
        """A promise shall not run out."""
        self.change("confirm", pick, {})

    @rule(pick=draw.picks, life=draw.lives)
    @kept
    def extend(self, pick: int, life: str) -> None:
        """A promise shall run out at another time."""
        self.change("extend", pick, {"expires_at": FOREVER.get(life, PAST)})

    @rule(pick=draw.picks, lines=draw.few_lines)
    @kept
    def amend(self, pick: int, lines: Any) -> None:
        """A promise shall be about other quantities."""
        self.change("amend", pick, {"lines": self.lines(lines)})

    @rule(pick=draw.picks, lines=draw.some_lines)
    @kept
    def release(self, pick: int, lines: Any) -> None:
        """A promise is given up, or some of it."""
        self.change("release", pick, {"lines": self.lines(lines)} if lines else {})

    @rule(pick=draw.picks, lines=draw.some_lines, when=draw.claims, if_open=st.booleans())
    @kept
    def fulfil(self, pick: int, lines: Any, when: Any, if_open: bool) -> None:
        """What was promised has left, or more, or something else."""
        body = {**self.at(when), **({"if_open": True} if if_open else {})}
        self.change("fulfil", pick, {**body, **({"lines": self.lines(lines)} if lines else {})})

    def change(self, verb: str, pick: int, body: dict[str, Any]) -> None:
        """Something is done with a promise."""
        name = self.order(pick)
        self.command(f"{verb}Reservation", name, body)
        lines = [(line["location"], line["sku"]) for line in body.get("lines", ())]
        self.check(*self.model.promises.get(name, Document()).lines(), *lines)

    @rule(pick=draw.picks, quantity=draw.quantities, life=draw.lives, split=st.booleans())
    @kept
    def place_anywhere(self, pick: int, quantity: int, life: str, split: bool) -> None:
        """A promise of units wherever they are."""
        name, (_, sku) = f"o{self.name}-{len(self.orders)}", self.stocks[pick % 4]
        locations = [location for location, _ in self.of(sku)][:: 1 if pick % 3 else -1]
        sourcing = ("in_order", "most_available")[pick % 2]
        line = {"sku": sku, "locations": locations, "quantity": 3 * quantity, "sourcing": sourcing}
        body = {"reservation_id": name, "lines": [{**line, "split": split}], "kind": "hard"}
        if life == "long":
            body |= {"policy": "partial", "channel": self.web}
        if self.command("placeReservation", "", body).status == 201:
            self.orders.append(name)
        self.check(*self.of(sku))

    @rule(pick=draw.picks, moves=draw.few_lines)
    @kept
    def relocate(self, pick: int, moves: Any) -> None:
        """Units are held elsewhere."""
        drawn = []
        for stock, units in moves:
            location, sku = self.stocks[stock]
            other = next(place for place, _ in self.of(sku) if place != location)
            drawn.append({"sku": sku, "from": location, "to": other, "quantity": units})
        self.change("relocate", pick, {"moves": drawn})
        self.check(*self.stocks)

    @rule(
        stock=draw.stocks, units=draw.quantities, what=st.sampled_from(("grant", "return", "all"))
    )
    @kept
    def fence(self, stock: int, units: int, what: str) -> None:
        """Units are set aside for a channel, or not any longer."""
        body: dict[str, Any] = {**self.stock_fields(stock), "channel": self.web}
        body |= {} if what == "all" else {"quantity": units}
        answer = self.command("grantFence" if what == "grant" else "returnFence", "", body)
        if answer.status < 300:
            free, held = self.model.fence(self.stocks[stock], self.web)
            d = differs({"free": free, "held": held}, answer.body)
            assert not d, self.told(d, answer, body)
        self.check(self.stocks[stock])

    @rule(stock=draw.stocks, limit=st.sampled_from((0, 3, 9)))
    @kept
    def backorder(self, stock: int, limit: int) -> None:
        """More may be promised than there is."""
        body: dict[str, Any] = {**self.stock_fields(stock), "limit": limit}
        self.command("setBackorderLimit", "", body)
        self.check(self.stocks[stock])

    @rule(lines=draw.lines)
    @kept
    def lapse(self, lines: Any) -> None:
        """A promise that runs out at once; nobody asks anything until it has."""
        name = f"o{self.name}-{len(self.orders)}"
        expires = self.moments.next() + LAPSE_US
        body = {"reservation_id": name, "lines": self.lines(lines), "expires_at": text_of(expires)}
        key, now = self.key(), self.moments.next()
        answer = self.client.call("placeReservation", "", body, key=key)
        if answer.code == "malformed":  # The machine was so busy that it had run out before.
            return
        expected, refused = self.predict("placeReservation", "", body, key, now)
        self.compare(expected, refused, answer, f"lapse {body}")
        self.taken = refused is None
        if refused is None:
            self.position(answer)
            self.orders.append(name)
        assert wait_until(lambda: self.moments.next() > expires, timeout_s=PATIENCE_S)
        self.check(*(self.stocks[stock] for stock, _ in lines))

    @rule(pick=draw.picks, word=st.sampled_from(("called", "shorten", "release", "re_source")))
    @kept
    def resolve(self, pick: int, word: str) -> None:
        """Somebody deals with a conflict, open or not."""
        sku = self.stocks[pick % 4][1]
        self.check_conflicts(sku)
        names = [*self.open] if pick % 8 < 6 else [*self.seen.get(sku, {})]
        conflict_id = names[pick % len(names)] if names else "none-such"
        body: dict[str, Any] = {"resolution": word}
        if conflict_id in self.open:
            kind, location, holder, short = self.open[conflict_id]
            if word == "re_source":
                body["locations"] = [self.stocks[pick % 2][0]]
            about = (kind, (location, sku), holder, short)
            answer = self.command("resolveConflict", conflict_id, body, about)
            if answer.status == 200:
                self.resolved[conflict_id] = word
                d = differs({"status": "resolved", "kind": kind}, answer.body)
                assert not d, self.told(d, answer, about)
            self.check(*self.of(sku))
            return
        answer = self.client.call("resolveConflict", conflict_id, body, key=self.key())
        if self.resolved.get(conflict_id) == word:
            assert answer.status == 200, self.told("resolved", answer, conflict_id)
        else:
            code = "illegal-state" if names else "not-found"
            assert answer.code == code, self.told(code, answer, conflict_id)

    @rule(pick=draw.picks)
    @kept
    def again(self, pick: int) -> None:
        """The same request once more: the same answer, nothing else."""
        if not self.accepted:
            return
        operation, name, body, key, first = self.accepted[pick % len(self.accepted)]
        whole = body.get("atomic", True)
        if not whole and any(r["status"] == "refused" for r in first.body["results"]):
            return
        answer = self.client.call(operation, name, body, key=key)
        assert first.status == answer.status, self.told(first, answer, body)
        replayed = answer.headers.get("idempotent-replayed")
        assert replayed == "true", self.told("a replay", answer, body)
        if whole:
            assert first.content == answer.content, self.told(first, answer, body)
        else:
            places = [[r["position"] for r in a.body["results"]] for a in (first, answer)]
            assert places[0] == places[1], self.told(first, answer, body)

    @rule(pick=draw.picks)
    @kept
    def otherwise(self, pick: int) -> None:
        """Something else under a key that was used."""
        if not self.accepted:
            return
        operation, name, body, key, _ = self.accepted[pick % len(self.accepted)]
        if operation == "recordMovements" and body.get("atomic", True):
            body = {"movements": [{**fact, "reference": "else"} for fact in body["movements"]]}
        elif operation == "placeReservation":
            body = {**body, "channel": "else"}
        else:
            return
        answer = self.client.call(operation, name, body, key=key)
        assert answer.code == "idempotency-conflict", self.told("idempotency-conflict", answer, "")

    @rule()
    @kept
    def mark(self) -> None:
        """A moment to come back to."""
        self.marks.append(self.moments.next())

    @rule(pick=draw.picks, known=draw.picks, sku=st.integers(0, 3))
    @kept
    def look_back(self, pick: int, known: int, sku: int) -> None:
        """What was there then, as known now or then."""
        times = [*self.times]
        question: dict[str, Any] = {"as_of": times[pick % len(times)]}
        if known % 2 and self.heads:
            question["known_at"] = self.heads[known % len(self.heads)]
        self.check_stock(self.stocks[sku][1], **question)

    @rule(kind=st.sampled_from(("words", "field", "zero", "life", "key", "door", "large")))
    @kept
    def blunder(self, kind: str) -> None:
        """A request that nobody can take."""
        line = {**self.stock_fields(0), "quantity": 0 if kind == "zero" else 1}
        body: Any = {"movements": [{"type": "receive", **line}]}
        code, headers, key = "malformed", {}, self.key()
        operation = "recordMovements"
        match kind:
            case "words":
                body = b"{"
            case "field":
                body["movements"][0]["colour"] = "red"
            case "life":
                operation, body = "placeReservation", {"reservation_id": "none", "lines": [line]}
            case "key":
                key = ""
            case "door":
                code, headers = "unauthenticated", {"Authorization": ""}
            case "large":
                code, headers = "payload-too-large", {"Content-Length": str(1 << 40)}
                body = None
            case _:
                pass
        answer = self.client.call(operation, "", body, key=key, headers=headers)
        assert answer.code == code, self.told(code, answer, "")

    @rule(pick=draw.picks)
    @kept
    def read_promise(self, pick: int) -> None:
        """A promise is read as it was answered."""
        name = self.order(pick)
        answer = self.client.call("getReservation", name, query=self.min_position)
        if name in self.model.promises:
            self.model.now = self.moments.next()
            expected = shown(self.model.promises[name], self.model)
            assert not (d := differs(expected, plain(answer.body))), self.told(d, answer, name)
        else:
            assert answer.code == "not-found", self.told("not-found", answer, "")

    @rule(pick=draw.picks)
    @kept
    def read_feed(self, pick: int) -> None:
        """The ledger's events after a position: the next ones, without a gap."""
        after = self.heads[pick % len(self.heads)] if self.heads else 0
        query = {"after": after, "limit": 9, **self.min_position}
        answer = self.client.call("listEvents", query=query)
        found = [item["position"] for item in answer.body["items"]]
        expected = list(range(after + 1, after + 1 + (len(found) or 1)))
        whole = len(found) == 9 or after + len(found) >= self.head
        assert found in (expected, []), self.told(expected, answer, query)
        assert whole, self.told(expected, answer, query)
