"""The model's documents: transfers, returns and counts, as sums over what was reported of them."""

from collections.abc import Iterable

from tests.model.reference import EVER, Json, Stock, added_up, micros, require, text_of
from tests.model.reference_promises import Promises

WAIVED = ("credit_only", "missing")
TARGETS = {
    "restock": "sellable",
    "refurbish": "quarantine",
    "repackage": "quarantine",
    "resale_hold": "quarantine",
    "damaged": "damaged",
}
KINDS = ("received", "damaged", "lost", "returned")


def by_sku(lines: Iterable[Json], field: str = "quantity") -> dict[str, int]:
    """Lines of one SKU count together."""
    return added_up((line["sku"], line.get(field, 0)) for line in lines)


def time_of(body: Json, now: int) -> tuple[int, int]:
    """When something happened, and when somebody said it did."""
    claimed = micros(body["occurred_at"]) if "occurred_at" in body else now
    return min(claimed, now), claimed


class Model(Promises):
    """Everything the API knows, over the facts and promises."""

    def __init__(self) -> None:
        super().__init__()
        self.transfers: dict[str, Json] = {}
        self.returns: dict[str, Json] = {}
        self.documents: dict[str, Json] = {}  # Count documents.

    def balance(self, stock: Stock, at: int, known: int = EVER) -> Json:
        """What an answer about a stock has to say."""
        coming = sum(
            self.coming(transfer, stock[1], at, known)
            for transfer in self.transfers.values()
            if transfer["to"] == stock[0]
        )
        return {**super().balance(stock, at, known), "in_transit": coming}

    # --- catalog ----------------------------------------------------------------------------------

    def define_sku(self, name: str, body: Json, now: int) -> Json:
        """A SKU has packs; what integers mean stays as it was."""
        require(name not in self.packs or body["base_unit"] == "each", "illegal-state")
        self.packs[name] = body["packs"]
        return {"sku": name, "base_unit": body["base_unit"], "packs": body["packs"]}

    def define_location(self, name: str, body: Json, now: int) -> Json:
        """Some facts may only be told by some sources."""
        self.authority[name] = body["authority"]
        return {"location": name, "authority": body["authority"]}

    # --- transfers --------------------------------------------------------------------------------

    def request_transfer(self, _: str, body: Json, now: int) -> Json:
        """Goods shall be moved; nothing is held for it."""
        require(body["from"] != body["to"], "malformed")
        name, lines = body["transfer_id"], by_sku(body["lines"])
        asked = body["from"], body["to"], lines
        if (known := self.transfers.get(name)) is not None:
            require(known["asked"] == asked, "id-taken")
        else:
            ends = {"from": body["from"], "to": body["to"]}
            self.transfers[name] = {
                "asked": asked, **ends, "lines": {**lines}, "sent": [], "came": [], "ended": "",
            }  # fmt: skip
        return self.transfer(name)

    def totals(self, transfer: Json, sku: str) -> Json:
        """Units of one SKU in a transfer, as they were reported."""
        sent = sum(n for of, _, _, n in transfer["sent"] if of == sku)
        came = dict.fromkeys(KINDS, 0)
        for of, _, _, line in transfer["came"]:
            for kind in KINDS if of == sku else ():
                came[kind] += line.get(kind, 0)
        arrived = sum(came.values())
        surplus, coming = max(0, arrived - sent), max(0, sent - arrived)
        told = {"dispatched": sent, "arrived": arrived, "surplus": surplus, "in_transit": coming}
        return {**told, "came": came}

    def coming(self, transfer: Json, sku: str, at: int, known: int) -> int:
        """Units on their way at a moment: what left covers what arrived first."""
        sent = [x for x in transfer["sent"] if x[0] == sku and self.is_known(x[2], known)]
        came = [x for x in transfer["came"] if x[0] == sku and self.is_known(x[2], known)]
        left = sum(n for _, _, _, n in sent)
        under_way: int = sum(n for _, moment, _, n in sent if moment <= at)
        arrivals = added_up((when, sum(line.get(k, 0) for k in KINDS)) for _, when, _, line in came)
        for moment in sorted(arrivals):
            covered = min(left, arrivals[moment])
            left -= covered
            under_way -= covered if moment <= at else 0
        return under_way

    def transfer(self, name: str) -> Json:
        """What an answer about a transfer has to say."""
        transfer, lines = self.transfers[name], []
        for sku, requested in transfer["lines"].items():
            line = self.totals(transfer, sku)
            beyond, shown = line["surplus"], {}
            for kind in KINDS:
                hidden = min(beyond, line["came"][kind])
                shown[kind], beyond = line["came"][kind] - hidden, beyond - hidden
            told = {n: line[n] for n in ("dispatched", "surplus", "in_transit")}
            lines.append({"sku": sku, "requested": requested, **told, **shown})
        ends = {"from": transfer["from"], "to": transfer["to"]}
        status = self.transfer_status(transfer)
        return {"transfer_id": name, **ends, "status": status, "lines": lines}

    def transfer_status(self, transfer: Json) -> str:
        """Where it stands."""
        lines = [(n, self.totals(transfer, sku)) for sku, n in transfer["lines"].items()]
        whole = all(line["dispatched"] >= requested for requested, line in lines)
        done = whole and not any(line["in_transit"] for _, line in lines)
        if transfer["ended"]:
            return str(transfer["ended"])
        if any(line["arrived"] for _, line in lines):
            return "received" if done else "partially_received"
        if any(line["dispatched"] for _, line in lines):
            return "dispatched" if whole else "partially_dispatched"
        return "requested"

    def going_on(self, name: str) -> Json:
        """A transfer that has not ended."""
        require(name in self.transfers, "not-found")
        require(not self.transfers[name]["ended"], "illegal-state")
        return self.transfers[name]

    def dispatch_transfer(self, name: str, body: Json, now: int) -> Json:
        """Goods left, whatever was asked for."""
        transfer, (at, claimed) = self.going_on(name), time_of(body, now)
        rest = {
            sku: n - self.totals(transfer, sku)["dispatched"]
            for sku, n in transfer["lines"].items()
        }
        lines = by_sku(body["lines"]) if "lines" in body else rest
        lines = {sku: n for sku, n in lines.items() if n > 0}
        require(lines, "illegal-state")
        notes: list[Json] = []
        for sku, units in lines.items():
            transfer["lines"].setdefault(sku, 0)
            transfer["sent"].append((sku, at, self.told, units))
            notes += self.post((transfer["from"], sku), at, now, {"sellable": -units})
        notes += self.skew((transfer["from"], next(iter(lines))), claimed, now)
        return {**self.transfer(name), "notes": notes}

    def receive_transfer(self, name: str, body: Json, now: int) -> Json:
        """Goods came to the end of their way, also such as nobody had sent."""
        transfer, (at, claimed) = self.going_on(name), time_of(body, now)
        rest = [(sku, self.totals(transfer, sku)["in_transit"]) for sku in transfer["lines"]]
        given = body.get("lines", [{"sku": sku, "received": n} for sku, n in rest if n])
        require(given, "illegal-state")
        lines = {sku: {kind: by_sku(given, kind)[sku] for kind in KINDS} for sku in by_sku(given)}
        notes: list[Json] = []
        for sku, line in lines.items():
            transfer["lines"].setdefault(sku, 0)
            transfer["came"].append((sku, at, self.told, line))
            here = {"sellable": line["received"], "damaged": line["damaged"]}
            notes += self.post((transfer["to"], sku), at, now, here)
            if line["returned"]:
                back = {"quarantine": line["returned"]}
                notes += self.post((transfer["from"], sku), at, now, back)
        notes += self.skew((transfer["to"], next(iter(lines))), claimed, now)
        return {**self.transfer(name), "notes": notes}

    def cancel_transfer(self, name: str, _: Json, now: int) -> Json:
        """Nothing shall be moved after all."""
        return self.end_transfer(name, "cancelled", lambda status: status == "requested")

    def close_transfer(self, name: str, _: Json, now: int) -> Json:
        """Nothing more is expected."""
        begun = lambda status: status not in ("requested", "cancelled")  # noqa: E731
        return self.end_transfer(name, "closed", begun)

    def end_transfer(self, name: str, how: str, allowed: object) -> Json:
        """A transfer ends, once."""
        require(name in self.transfers, "not-found")
        transfer = self.transfers[name]
        if transfer["ended"] != how:
            require(allowed(self.transfer_status(transfer)), "illegal-state")  # type: ignore[operator]
            under_way = sum(self.totals(transfer, sku)["in_transit"] for sku in transfer["lines"])
            require(not under_way, "illegal-state")
            transfer["ended"] = how
        return self.transfer(name)

    # --- returns ----------------------------------------------------------------------------------

    def authorise_return(self, _: str, body: Json, now: int) -> Json:
        """A customer may send goods back."""
        name, asked = body["return_id"], (body.get("order"), by_sku(body["lines"]))
        if (known := self.returns.get(name)) is not None:
            require(known["asked"] == asked, "id-taken")
        else:
            lines = {sku: back_line(n) for sku, n in asked[1].items()}
            order = body.get("order")
            self.returns[name] = {"asked": asked, "order": order, "lines": lines, "closed": False}
        return self.return_(name)

    def return_(self, name: str) -> Json:
        """What an answer about a return has to say."""
        document = self.returns[name]
        lines = [
            {
                "sku": sku,
                **{n: line[n] for n in ("authorised", "received", "waived", "grades")},
                "dispositions": line["dispositions"],
                "awaited": max(0, line["authorised"] - line["received"] - line["waived"]),
                "excess": max(0, line["received"] + line["waived"] - line["authorised"]),
                "inspected": sum(line["grades"].values()),
                "open": sum(line["at"].values()),
                "at": [{"location": at, "quantity": n} for at, n in line["at"].items()],
            }
            for sku, line in document["lines"].items()
        ]
        status = "closed" if document["closed"] else back_status(lines)
        order = document["order"]
        return {"return_id": name, "status": status, "order": order, "lines": lines}

    def coming_back(self, name: str) -> Json:
        """A return that is not closed."""
        require(name in self.returns, "not-found")
        require(not self.returns[name]["closed"], "illegal-state", state="closed")
        return self.returns[name]

    def receive_return(self, name: str, body: Json, now: int) -> Json:
        """Goods arrived, also more than were expected."""
        document, (at, claimed) = self.coming_back(name), time_of(body, now)
        lines, notes = by_sku(body["lines"]), list[Json]()
        for sku, units in lines.items():
            stock = body["location"], sku
            line = document["lines"].setdefault(sku, back_line(0))
            line["received"] += units
            line["at"][stock[0]] = line["at"].get(stock[0], 0) + units
            notes += self.post(stock, at, now, {"returned": units})
            notes += self.ordered(document["order"], stock, 0, units)
        notes += self.skew((body["location"], next(iter(lines))), claimed, now)
        return {**self.return_(name), "notes": notes}

    def inspect_return(self, name: str, body: Json, now: int) -> Json:
        """Somebody looked at what was received, never at more."""
        document = self.coming_back(name)
        for sku, units in by_sku(body["lines"]).items():
            line = document["lines"].get(sku, back_line(0))
            left = line["received"] - sum(line["grades"].values())
            require(units <= left, "illegal-state")
        for one in body["lines"]:
            grades = document["lines"][one["sku"]]["grades"]
            grades[one["grade"]] = grades.get(one["grade"], 0) + one["quantity"]
        return self.return_(name)

    def disposition_return(self, name: str, body: Json, now: int) -> Json:
        """What becomes of units: where they lie, in order of arrival."""
        document, (at, claimed) = self.coming_back(name), time_of(body, now)
        taken: dict[tuple[str, str, str | None], int] = {}
        for one in body["lines"]:
            self.take_back(document, one, taken)
        notes: list[Json] = []
        for (sku, fate, location), units in taken.items():
            if location is not None and fate not in WAIVED:
                moved = {"returned": -units, TARGETS.get(fate, "gone"): units}
                notes += self.post((location, sku), at, now, moved)
                if fate == "return_to_customer":
                    notes += self.ordered(document["order"], (location, sku), 0, -units)
        placed = [(location, sku) for sku, _, location in taken if location is not None]
        notes += self.skew(placed[0], claimed, now) if placed else []
        return {**self.return_(name), "notes": notes}

    def take_back(
        self, document: Json, one: Json, taken: dict[tuple[str, str, str | None], int]
    ) -> None:
        """Units for one line: what is waived is first what never came."""
        sku, fate, missing = one["sku"], one["disposition"], one["quantity"]
        line = document["lines"].get(sku, back_line(0))
        awaited = max(0, line["authorised"] - line["received"] - line["waived"])
        sources: list[tuple[str | None, int]] = [*line["at"].items()]
        if "location" in one:
            sources = [(one["location"], line["at"].get(one["location"], 0))]
        elif fate in WAIVED:
            sources = [(None, awaited), *sources]
        for location, there in sources:
            units = min(missing, there)
            if not units:
                continue
            missing -= units
            taken[sku, fate, location] = taken.get((sku, fate, location), 0) + units
            line["dispositions"][fate] = line["dispositions"].get(fate, 0) + units
            if location is None:
                line["waived"] += units
            else:
                line["at"][location] -= units
        line["at"] = {at: n for at, n in line["at"].items() if n}
        require(not missing, "illegal-state")

    def close_return(self, name: str, _: Json, now: int) -> Json:
        """Nothing more is expected, once all that came is decided."""
        require(name in self.returns, "not-found")
        document = self.returns[name]
        left = sum(sum(line["at"].values()) for line in document["lines"].values())
        require(document["closed"] or not left, "illegal-state")
        document["closed"] = True
        return self.return_(name)

    # --- counts -----------------------------------------------------------------------------------

    def open_count(self, _: str, body: Json, now: int) -> Json:
        """Something shall be counted."""
        name, skus = body["count_id"], list(dict.fromkeys(body.get("skus", ())))
        rest = {n: body.get(n) for n in ("location", "kind", "blind", "approval_above")}
        asked = {**rest, "skus": sorted(skus)}
        if (known := self.documents.get(name)) is not None:
            require(known["asked"] == asked, "id-taken")
        else:
            self.documents[name] = {
                "asked": asked, "skus": skus, "lines": {}, "posted": False, "cancelled": False,
                "by": None,
            }  # fmt: skip
        return self.count_document(name)

    def count_document(self, name: str) -> Json:
        """What an answer about a count has to say."""
        document = self.documents[name]
        blind = document["asked"]["blind"] and not document["posted"]
        lines = []
        for (sku, bucket), line in document["lines"].items():
            known = None if blind else line["expected"]
            variance = None if known is None else line["counted"] - known
            told = {n: line[n] for n in ("counted", "approved")}
            lines.append({"sku": sku, "bucket": bucket, **told, "expected": known,
                          "variance": variance})  # fmt: skip
        entered = {sku for sku, _ in document["lines"]}
        left = [sku for sku in document["skus"] if sku not in entered]
        status = self.count_status(document)
        missing = left if document["skus"] else None
        return {"count_id": name, "status": status, "lines": lines, "missing": missing}

    def count_status(self, document: Json) -> str:
        """How far it has come."""
        if document["cancelled"] or document["posted"]:
            return "cancelled" if document["cancelled"] else "posted"
        lines = document["lines"].values()
        if not lines:
            return "open"
        return "approved" if all(line["approved"] for line in lines) else "entered"

    def counting(self, name: str) -> Json:
        """A count that is neither posted nor cancelled."""
        require(name in self.documents, "not-found")
        document = self.documents[name]
        require(not document["posted"] and not document["cancelled"], "illegal-state")
        return document

    def enter_count(self, name: str, body: Json, now: int) -> Json:
        """Figures: of a SKU and bucket the last one counts."""
        document, claims = self.counting(name), [now]
        location, blind = document["asked"]["location"], document["asked"]["blind"]
        for one in body["lines"]:
            claimed = micros(one["counted_at"]) if "counted_at" in one else now
            claims.append(claimed)
            bucket, at = one.get("bucket", "sellable"), min(claimed, now)
            expected = None if blind else self.level((location, one["sku"]), bucket, at)
            document["lines"][one["sku"], bucket] = {
                "counted": one["counted"], "at": at, "expected": expected, "approved": False,
            }  # fmt: skip
        notes = self.skew((location, body["lines"][0]["sku"]), max(claims), now)
        return {**self.count_document(name), "notes": notes}

    def approve_count(self, name: str, _: Json, now: int) -> Json:
        """Somebody stands for the figures."""
        document = self.counting(name)
        require(document["lines"], "illegal-state")
        for line in document["lines"].values():
            line["approved"] = True
        return self.count_document(name)

    def post_count(self, name: str, _: Json, now: int) -> Json:
        """The figures stand, all or none, each at its time."""
        require(name in self.documents, "not-found")
        document = self.documents[name]
        if document["posted"] and not document["cancelled"]:
            return self.count_document(name)
        require(document["lines"] and not document["cancelled"], "illegal-state")
        limit, notes = document["asked"]["approval_above"], list[Json]()
        for (sku, bucket), line in document["lines"].items():
            stock = document["asked"]["location"], sku
            line["expected"] = self.level(stock, bucket, line["at"])
            variance = abs(line["counted"] - line["expected"])
            require(limit is None or variance <= limit or line["approved"], "illegal-state")
        for (sku, bucket), line in document["lines"].items():
            stock = document["asked"]["location"], sku
            entry = {"stock": stock, "bucket": bucket, "at": line["at"]}
            notes += self.stand(name, entry, line["counted"], now, None)
        document["posted"] = True
        return {**self.count_document(name), "notes": notes}

    def cancel_count(self, name: str, _: Json, now: int) -> Json:
        """Nothing of it counts, posted or not."""
        require(name in self.documents, "not-found")
        document, notes = self.documents[name], list[Json]()
        if document["posted"] and not document["cancelled"]:
            for (sku, bucket), line in document["lines"].items():
                stock = document["asked"]["location"], sku
                self.end({"stock": stock, "bucket": bucket, "at": line["at"]})
                notes += self.judge(stock, now)
        document["cancelled"] = True
        return {**self.count_document(name), "notes": notes}


def back_line(authorised: int) -> Json:
    """One SKU of a return."""
    fresh: Json = {"grades": {}, "dispositions": {}, "at": {}}
    return {"authorised": authorised, "received": 0, "waived": 0, **fresh}


def back_status(lines: list[Json]) -> str:
    """The furthest step of a return that has begun, and whether units wait for it."""
    received, inspected = (sum(line[n] for line in lines) for n in ("received", "inspected"))
    awaited = any(line["awaited"] for line in lines)
    if any(line["dispositions"] for line in lines):
        left = any(line["open"] for line in lines) or (not received and awaited)
        return "partially_dispositioned" if left else "dispositioned"
    if inspected:
        return "partially_inspected" if inspected < received else "inspected"
    if received:
        return "partially_received" if awaited else "received"
    return "authorised"


__all__ = ["Model", "text_of"]
