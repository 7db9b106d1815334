"""The rules of documents, read a second time: transfers, returns and counts over the facts."""

from collections import Counter

from tests.model.book import Document, Json, added_up, require
from tests.model.reference import ARRIVED, OUT, TARGETS, Facts


class Model(Facts):
    """Everything the API knows."""

    def begin(self, document: Document, _: Json) -> None:
        """Something shall be moved, sent back or counted; nothing is held for it."""
        for item, units in document.asked["lines"].items():
            self.add(document, item, asked=units)

    request_transfer = authorise_return = open_count = begin

    # --- transfers --------------------------------------------------------------------------------

    def dispatch_transfer(self, transfer: Document, body: Json) -> None:
        """Goods left, whatever was asked for."""
        rest = transfer.column("asked") - transfer.column("dispatched")
        given = added_up(body["lines"]) if "lines" in body else rest
        require(given, "illegal-state")
        for sku, units in given.items():
            self.add(transfer, sku, self.at, dispatched=units)
            self.add(self.stock, (transfer.asked["from"], sku), self.at, sellable=-units)
        self.skew((transfer.asked["from"], next(iter(given))))

    def receive_transfer(self, transfer: Document, body: Json) -> None:
        """Goods came to the end of their way, also such as nobody had sent."""
        start, end = transfer.asked["from"], transfer.asked["to"]
        rest = transfer.column("dispatched") - transfer.column(*ARRIVED)
        given = body.get("lines", [{"sku": sku, "received": units} for sku, units in rest.items()])
        require(given, "illegal-state")
        for line in given:
            came, sku = Counter({how: line.get(how, 0) for how in ARRIVED}), line["sku"]
            self.add(transfer, sku, self.at, **came)
            self.add(self.stock, (end, sku), self.at, sellable=came["received"])
            self.add(self.stock, (end, sku), self.at, damaged=came["damaged"])
            self.add(self.stock, (start, sku), self.at, quarantine=came["returned"])
        self.skew((end, given[0]["sku"]))

    def cancel_transfer(self, transfer: Document, _: Json) -> None:
        """Nothing shall be moved after all."""
        require(not +transfer.column("dispatched", *ARRIVED), "illegal-state")

    def close_transfer(self, transfer: Document, _: Json) -> None:
        """Nothing more is expected."""
        sent, came = transfer.column("dispatched"), transfer.column(*ARRIVED)
        require(sent + came and not sent - came, "illegal-state")

    # --- returns ----------------------------------------------------------------------------------

    def receive_return(self, back: Document, body: Json) -> None:
        """Goods arrived, also more than were expected."""
        for sku, units in added_up(body["lines"]).items():
            stock = body["location"], sku
            self.add(back, sku, received=units, open=units, **{f"at.{stock[0]}": units})
            self.add(self.stock, stock, self.at, returned=units)
            self.order(back.asked.get("order"), stock, "returned", units)
        self.skew((body["location"], body["lines"][0]["sku"]))

    def inspect_return(self, back: Document, body: Json) -> None:
        """Somebody looked at what was received, never at more."""
        for line in body["lines"]:
            grade = {f"grades.{line['grade']}": line["quantity"]}
            self.add(back, line["sku"], inspected=line["quantity"], **grade)
        require(not back.column("inspected") - back.column("received"), "illegal-state")

    def disposition_return(self, back: Document, body: Json) -> None:
        """What becomes of units where they lie, in order of arrival; some may never have come."""
        for one in body["lines"]:
            sku, fate, missing = one["sku"], one["disposition"], one["quantity"]
            line = back.lines().get(sku, Counter())
            places = [column for column in line if column.startswith("at.") and line[column]]
            places.sort(key=lambda place: back.since(sku, place))
            if "location" in one:
                places = [f"at.{one['location']}"]
            elif TARGETS.get(fate) == "returned":
                line["due"] = max(0, line["asked"] - line["received"] - line["waived"])
                places.insert(0, "due")
            for place in places:
                units = min(missing, line[place])
                missing -= units
                self.decide(back, sku, fate, place, units)
            require(not missing, "illegal-state")

    def decide(self, back: Document, sku: str, fate: str, place: str, units: int) -> None:
        """So many units of a return go some way."""
        stock, fates = (place.removeprefix("at."), sku), {f"dispositions.{fate}": units}
        if place == "due":
            self.add(back, sku, waived=units, **fates)
        elif units:
            self.add(back, sku, open=-units, **{place: -units}, **fates)
            self.add(self.stock, stock, self.at, returned=-units)
            self.add(self.stock, stock, self.at, **{TARGETS.get(fate, OUT): units})
            if fate == "return_to_customer":
                self.order(back.asked.get("order"), stock, "returned", -units)
            self.skew(stock)
            self.claimed = self.now  # It is said once.

    def close_return(self, back: Document, _: Json) -> None:
        """Nothing more is expected, once all that came is decided."""
        require(not +back.column("open"), "illegal-state")

    # --- counts -----------------------------------------------------------------------------------

    def enter_count(self, count: Document, body: Json) -> None:
        """Figures: of a SKU and bucket the last one counts."""
        for line in body["lines"]:
            claimed = line.get("counted_at", self.now)
            self.claimed, at = max(self.claimed, claimed), min(claimed, self.now)
            stock, bucket = (count.asked["location"], line["sku"]), line.get("bucket", "sellable")
            expected = None if count.asked["blind"] else self.level(stock, bucket, at)
            figure = {"type": "count", "stock": stock, "bucket": bucket, "at": at, "units": None}
            figure |= {"counted": line["counted"], "expected": expected, "approved": False}
            count.figures[line["sku"], bucket] = figure
        self.skew((count.asked["location"], body["lines"][0]["sku"]))

    def approve_count(self, count: Document, _: Json) -> None:
        """Somebody stands for the figures."""
        require(count.figures, "illegal-state")
        count.figures = {of: {**line, "approved": True} for of, line in count.figures.items()}

    def post_count(self, count: Document, _: Json) -> None:
        """The figures stand, all or none, each at its time."""
        require(count.figures, "illegal-state")
        limit = count.asked["approval_above"]
        for figure in count.figures.values():
            figure["expected"] = self.level(figure["stock"], figure["bucket"], figure["at"])
            far = limit is not None and abs(figure["counted"] - figure["expected"]) > limit
            require(figure["approved"] or not far, "illegal-state")
            self.restate(figure, figure["counted"])

    def cancel_count(self, count: Document, _: Json) -> None:
        """Nothing of it counts, posted or not."""
        for figure in count.figures.values() if count.made else ():
            self.restate(figure, None)
