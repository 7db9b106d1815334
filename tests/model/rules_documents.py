"""What may happen to documents: transfers, returns and counts, in any order."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.model import drawing as draw
from tests.model.answers import differs, plain, shown
from tests.model.client import Answer
from tests.model.machine import kept
from tests.model.rules import LedgerMachine

Goods = list[tuple[int, int]]


class WholeMachine(LedgerMachine):
    """Documents beside facts and promises."""

    @property
    def lists(self) -> bool:
        """Whether this example also reads the lists, which are long by and by."""
        return int(self.name) % 5 == 0

    def sku(self, index: int) -> str:
        """One of the SKUs."""
        return self.stocks[2 * index][1]

    def goods(self, drawn: Goods | None) -> dict[str, Any]:
        """Lines, if any are drawn."""
        if not drawn:
            return {}
        return {"lines": [{"sku": self.sku(sku), "quantity": n} for sku, n in drawn]}

    def document(self, kind: str, pick: int) -> str:
        """The id of a document, begun or not."""
        return f"{kind}{self.name}-{(0, 0, 0, 1)[pick % 4]}"

    def check_lines(self, answer: Answer) -> None:
        """The stocks of the SKUs that a document is about."""
        lines = answer.body.get("lines", ()) if answer.status < 300 else ()
        skus = [line["sku"] for line in lines] or [self.sku(0)]
        self.check(*(stock for stock in self.stocks if stock[1] in skus))

    @initialize(goods=draw.goods, figures=draw.figures, blind=st.booleans(), more=draw.picks)
    @kept
    def begin(self, goods: Goods, figures: Any, blind: bool, more: int) -> None:
        """One document of each kind is under way; sometimes a catalog says more."""
        self.request_transfer(0, goods)
        self.authorise_return(1, goods)
        self.open_count(0, blind, None)
        if more % 2:
            self.dispatch_transfer(0, goods, ("day", 5))
            self.receive_return(0, goods, ("day", 6))
            self.enter_count(0, figures)
        if more % 3 == 0:
            self.define_sku(0, 4, "each")
            self.define_location(0, strict=True)

    # --- catalog ----------------------------------------------------------------------------------

    @rule(sku=draw.skus, factor=st.sampled_from((4, 6)), unit=st.sampled_from(("each", "pair")))
    @kept
    def define_sku(self, sku: int, factor: int, unit: str) -> None:
        """A SKU comes in cases."""
        body = {"base_unit": unit, "packs": {"case": factor}}
        if unit == "each" or self.sku(sku) in self.model.packs:
            self.command("defineSku", self.sku(sku), body)

    @rule(place=draw.skus, strict=st.booleans())
    @kept
    def define_location(self, place: int, strict: bool) -> None:
        """Only the warehouse may say some things."""
        told = ("scrap", "opening", "adjust")
        authority = {fact: ["wms"] for fact in told} if strict else {}
        self.command("defineLocation", self.stocks[place][0], {"authority": authority})

    # --- transfers --------------------------------------------------------------------------------

    @rule(pick=draw.picks, goods=draw.goods)
    @kept
    def request_transfer(self, pick: int, goods: Goods) -> None:
        """Goods shall be moved."""
        ends = [place for place, _ in self.stocks[:2]][:: 1 if pick % 2 else -1]
        name = self.document("t", pick // 2)
        body = {"transfer_id": name, "from": ends[0], "to": ends[1], **self.goods(goods)}
        self.command("requestTransfer", "", body)

    @rule(pick=draw.picks, goods=draw.some_goods, when=draw.claims)
    @kept
    def dispatch_transfer(self, pick: int, goods: Goods | None, when: Any) -> None:
        """Goods have left."""
        body = {**self.goods(goods), **self.at(when)}
        self.check_lines(self.command("dispatchTransfer", self.document("t", pick), body))

    @rule(pick=draw.picks, arrived=draw.arrivals, when=draw.claims)
    @kept
    def receive_transfer(self, pick: int, arrived: Any, when: Any) -> None:
        """Goods have come, or not."""
        body: dict[str, Any] = self.at(when)
        kinds = ("received", "damaged", "lost", "returned")
        lines = [
            {"sku": self.sku(sku), **dict(zip(kinds, units, strict=True))}
            for sku, *units in arrived or ()
        ]
        body |= {"lines": lines} if lines else {}
        self.check_lines(self.command("receiveTransfer", self.document("t", pick), body))

    @rule(pick=draw.picks, how=st.sampled_from(("cancel", "close", "close")))
    @kept
    def end_transfer(self, pick: int, how: str) -> None:
        """Nothing more is expected of a transfer."""
        self.command(f"{how}Transfer", self.document("t", pick), {})

    # --- returns ----------------------------------------------------------------------------------

    @rule(pick=draw.picks, goods=draw.goods)
    @kept
    def authorise_return(self, pick: int, goods: Goods) -> None:
        """A customer may send goods back."""
        order = {"order": f"x{self.name}-{pick % 3}"} if pick % 4 else {}
        body = {"return_id": self.document("r", pick // 4), **self.goods(goods), **order}
        self.command("authoriseReturn", "", body)

    @rule(pick=draw.picks, goods=draw.goods, when=draw.claims)
    @kept
    def receive_return(self, pick: int, goods: Goods, when: Any) -> None:
        """Goods have come back."""
        body = {"location": self.stocks[pick % 2][0], **self.goods(goods), **self.at(when)}
        self.check_lines(self.command("receiveReturn", self.document("r", pick), body))

    @rule(pick=draw.picks, goods=draw.goods)
    @kept
    def inspect_return(self, pick: int, goods: Goods) -> None:
        """Somebody looks at them."""
        lines = [{**line, "grade": "ab"[pick % 2]} for line in self.goods(goods)["lines"]]
        self.command("inspectReturn", self.document("r", pick), {"lines": lines})

    @rule(pick=draw.picks, goods=draw.goods, fate=draw.dispositions, when=draw.claims)
    @kept
    def disposition_return(self, pick: int, goods: Goods, fate: str, when: Any) -> None:
        """Somebody decides what becomes of them."""
        lines = [{**line, "disposition": fate} for line in self.goods(goods)["lines"]]
        if pick % 4 == 0:
            lines = [{**line, "location": self.stocks[0][0]} for line in lines]
        body = {"lines": lines, **self.at(when)}
        self.check_lines(self.command("dispositionReturn", self.document("r", pick), body))

    @rule(pick=draw.picks)
    @kept
    def close_return(self, pick: int) -> None:
        """Nothing more is expected of a return."""
        self.command("closeReturn", self.document("r", pick), {})

    # --- counts -----------------------------------------------------------------------------------

    @rule(pick=draw.picks, blind=st.booleans(), limit=st.sampled_from((None, 2)))
    @kept
    def open_count(self, pick: int, blind: bool, limit: int | None) -> None:
        """Something shall be counted."""
        body = {"count_id": self.document("n", pick), "location": self.stocks[pick % 2][0]}
        skus = [self.sku(0), self.sku(1)] if pick % 4 == 0 else []
        more = {"kind": ("cycle", "full")[pick % 2], "blind": blind, "approval_above": limit}
        self.command("openCount", "", {**body, **more, "skus": skus})

    @rule(pick=draw.picks, figures=draw.figures)
    @kept
    def enter_count(self, pick: int, figures: Any) -> None:
        """Figures are taken down."""
        lines: list[dict[str, Any]] = []
        for sku, counted, when, bucket in figures:
            line = {"sku": self.sku(sku), "counted": counted, "bucket": bucket}
            if at := self.at(when):
                line["counted_at"] = at["occurred_at"]
            lines.append(line)
        self.command("enterCount", self.document("n", pick), {"lines": lines})

    @rule(pick=draw.picks, verb=st.sampled_from(("approve", "post", "post", "cancel")))
    @kept
    def finish_count(self, pick: int, verb: str) -> None:
        """Figures are stood for, stand, or do not count."""
        self.check_lines(self.command(f"{verb}Count", self.document("n", pick), {}))

    # --- the end ----------------------------------------------------------------------------------

    def check_orders(self) -> None:
        """What orders sold and took back is the sum of what was told of them."""
        lines = self.model.orders.lines()
        for order in {order for order, _ in lines}:
            query = {"order": order, **self.min_position}
            answer = self.client.call("listOrders", query=query)
            for item in answer.body["items"]:
                line = lines[order, item["sku"]]
                sums = {name: line[name] for name in ("sold", "returned")}
                assert not (d := differs(sums, item)), self.told(d, answer, query)

    def check_rules(self) -> None:
        """Fences, limits and definitions read as they were answered."""
        self.model.now = self.moments.next()
        for stock in self.stocks[:1]:
            query = {"location": stock[0], "sku": stock[1], **self.min_position}
            free, held = self.model.fence(stock, self.web)
            answer = self.client.call("listFences", query=query)
            expected = [{"free": free, "held": held}] if free or held else []
            listed = [item for item in answer.body["items"] if item["free"] or item["held"]]
            assert not (d := differs(expected, listed)), self.told(d, answer, query)
            answer = self.client.call("listBackorderLimits", query=query)
            limit = self.model.limits.get(stock, 0)
            found = [item["limit"] for item in answer.body["items"] if item["limit"]]
            assert found == ([limit] if limit else []), self.told(limit, answer, query)
        for kind, known in (("Sku", self.model.packs), ("Location", self.model.authority)):
            for name, said in known.items():
                answer = self.client.call(f"get{kind}", name, query=self.min_position)
                found = answer.body["packs" if kind == "Sku" else "authority"]
                assert said == found, self.told(said, answer, name)
            if self.lists:
                assert self.client.call(f"list{kind}s", query=self.min_position).status == 200

    def check_documents(self) -> None:
        """Every document reads as it was answered, alone and in its list."""
        for kind in ("Transfer", "Return", "Count"):
            known = self.model.documents[kind.lower()]
            for name, document in known.items():
                answer = self.client.call(f"get{kind}", name, query=self.min_position)
                wanted = shown(document, self.model)
                if kind == "Count" and wanted["missing"] is None:
                    del wanted["missing"]  # A full count lists what nobody counted.
                found = plain(answer.body)
                assert not (d := differs(wanted, found)), self.told(d, answer, name)
            if not self.lists:
                continue
            query = {"limit": 1_000, **self.min_position}
            listed = self.client.call(f"list{kind}s", query=query)
            ids = {item[f"{kind.lower()}_id"] for item in listed.body["items"]}
            assert known.keys() <= ids, self.told(known.keys(), listed, kind)

    def teardown(self) -> None:
        """Documents, and then everything else."""
        if self.sound:
            self.check_documents()
            self.check_orders()
            self.check_rules()
        super().teardown()
