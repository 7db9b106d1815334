"""Where one scenario takes place: SKUs, places and documents of its own on a shared service."""

from decimal import Decimal
from typing import Any, Final, Self

import httpx
import psycopg
from msgspec import Struct, field

from ledger.domain.values import Instant
from tests.integration.scenarios.days import DAY, HOUR, MINUTE, written
from tests.integration.scenarios.peers.scenario import Entry, Scenario
from tests.support.http import Api, new
from tests.support.turned import TurnedService

SECOND: Final = MINUTE // 60
WITHOUT_UNIT: Final = "unit"


class Recorded(Struct, frozen=True):
    """A fact that later ones may name."""

    movement_id: str
    sku: str
    location: str
    quantity: Any


class Document(Struct):
    """A promise, a transfer or an order, under the name a scenario gives it."""

    id: str
    parts: list[str] = field(default_factory=list)  # An order's promises, by name.
    wanted: Any = None
    lines: list[Any] = field(default_factory=list)  # An order's lines, as asked for.
    movement: dict[str, Any] = field(default_factory=dict)  # Of a transfer: what goes where.
    services: list[Any] = field(default_factory=list)  # Of a promise: lines without any stock.


class Refusal(Struct, frozen=True):
    """Why a command was refused."""

    code: str
    status: int
    facts: dict[str, Any]


class Shop:
    """Everything a scenario has done so far, and the means to do and to see more."""

    def __init__(self, service: TurnedService, scenario: Scenario, number: int = 0) -> None:
        """Open in a day of its own, after all that happened on this service before."""
        self.api = Api.of(service)
        self.clock = service.clock
        self.scenario = scenario
        self.position = 0
        self.facts: dict[str, Recorded] = {}
        self.promises: dict[str, Document] = {}
        self.orders: dict[str, Document] = {}
        self.transfers: dict[str, Document] = {}
        self.backorder: dict[tuple[str, str], int] = {}
        self.refusals: list[Refusal] = []
        self.said: list[str] = []  # What was asked about services: heard, named, not recorded.
        self.instant: Instant = 0
        self.late = False
        self._number = number
        self._steps = 0
        first: int = min([0, *(entry.get("day", 0) for entry in scenario.entries())])
        self._day_0: Instant = (self.clock.now() // DAY + 2 - first) * DAY + 12 * HOUR
        self.clock.turn_to(self._day_0 + first * DAY)
        self.scales = self._scales()
        self.locations = self._locations()
        self._database: str = service.runtime()["database"]
        self._row: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        """Open."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close; nobody keeps a row of a shop that is closed."""
        self.let_go_of_row()
        self.api.close()

    # --- names ----------------------------------------------------------------------------------

    def named(self, word: str) -> str:
        """A word of the scenario, as nobody else uses it."""
        number = f".{self._number}" if self._number else ""
        return f"{self.scenario.id}{number}:{word}"

    def sku(self, entry: Entry) -> str:
        """The SKU of an entry."""
        return self.named(entry.get("sku", self.scenario.defaults["sku"]))

    def location(self, entry: Entry) -> str:
        """The location of an entry."""
        return self.named(entry.get("loc", self.scenario.defaults["loc"]))

    def promise_id(self, word: str) -> str:
        """The id of a promise, also of one that was never made."""
        return self.promises[word].id if word in self.promises else self.named(word)

    # --- quantities -----------------------------------------------------------------------------

    def units(self, sku: str, quantity: Any) -> int | str:
        """A quantity as requests carry it: whole, or a text where the SKU has a scale."""
        if self.scales.get(sku):
            return str(quantity)
        assert quantity == int(quantity), f"{quantity} of {sku}, which comes in whole units"
        return int(quantity)

    def define_units(self) -> None:
        """Tell the catalog of SKUs that come in parts."""
        for sku, scale in self.scales.items():
            uoms = {e["uom"] for e in self.scenario.entries() if "uom" in e and self.sku(e) == sku}
            assert len(uoms) <= 1, f"{sku} comes in several units: {uoms}"
            if scale or uoms:
                base = uoms.pop() if uoms else WITHOUT_UNIT
                body = {"base_unit": base, "scale": scale}
                self.done(self.put(f"/v1/skus/{sku}", body))

    # --- time -----------------------------------------------------------------------------------

    def step(self, entry: Entry) -> None:
        """Let the time of an entry come; what lies back stays where it is."""
        self._steps += 1
        minutes = entry.get("at", 0)
        day = entry.get("day", 0) * DAY
        self.instant = self._day_0 + day + minutes * MINUTE + self._steps * SECOND
        self.late = self.instant < self.clock.now()
        if not self.late:
            self.clock.turn_to(self.instant)

    def wait(self, minutes: int) -> None:
        """Let time pass, for everything that comes, too."""
        self._day_0 += minutes * MINUTE
        self.clock.turn_to(self.clock.now() + minutes * MINUTE)

    def day_of(self, instant: Instant) -> int:
        """The scenario's number of a day."""
        return (instant - self._day_0 + 12 * HOUR) // DAY

    # --- speaking -------------------------------------------------------------------------------

    def post(self, path: str, body: Entry) -> dict[str, Any] | None:
        """A command's answer; none where it is refused, and the refusal is remembered."""
        return self._heard(self.api.post(path, body))

    def put(self, path: str, body: Entry) -> dict[str, Any] | None:
        """The same for a definition."""
        key = {"Idempotency-Key": new("key")}
        return self._heard(self.api.http.put(path, json=body, headers=key))

    def done(self, answer: dict[str, Any] | None) -> dict[str, Any]:
        """The answer of a command that must not be refused."""
        assert answer is not None, self.refusals[-1]
        return answer

    def record(self, kind: str, entry: Entry, **more: Any) -> dict[str, Any] | None:
        """One fact at the entry's place and time; later entries may name it by its `ref`."""
        fact = self.fact(kind, entry, **more)
        answer = self.post("/v1/movements", {"movements": [fact]})
        if answer is not None and "ref" in entry:
            quantity = entry.get("qty", entry.get("delta"))
            known = Recorded(fact["movement_id"], fact["sku"], fact["location"], quantity)
            self.facts[entry["ref"]] = known
        return answer

    def fact(self, kind: str, entry: Entry, **more: Any) -> Entry:
        """A movement as requests carry it."""
        fact = {
            "type": kind,
            "sku": self.sku(entry),
            "location": self.location(entry),
            "movement_id": new("fact"),
            **self.when(),
            **more,
        }
        if "uom" in entry:
            fact["uom"] = entry["uom"]
        return fact

    def when(self) -> Entry:
        """The business time of a fact that comes late; else it is simply now."""
        return {"occurred_at": written(self.instant)} if self.late else {}

    def ask(self, path: str, **query: str | int) -> dict[str, Any]:
        """An answer that knows of all that was done here."""
        answer = self.api.get(path, min_position=self.position, **query)
        assert answer.status_code == httpx.codes.OK, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def _heard(self, answer: httpx.Response) -> dict[str, Any] | None:
        assert answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR, answer.text
        body: dict[str, Any] = answer.json()
        if answer.is_success:
            self.position = max(self.position, body["position"])
            return body
        code = body["type"].rpartition(":")[2]
        self.refusals.append(Refusal(code, answer.status_code, body))
        return None

    # --- a row that somebody keeps --------------------------------------------------------------

    @property
    def row_is_kept(self) -> bool:
        """Whether somebody keeps a row to himself right now."""
        return self._row is not None

    def keep_row(self, sku: str, location: str) -> None:
        """Let somebody else's transaction take the row of a stock's present balances."""
        self._row = psycopg.connect(self._database)
        found = self._row.execute(
            "select from projections.stock where sku = %s and location = %s for update",
            (sku, location),
        )
        assert 1 == found.rowcount

    def let_go_of_row(self) -> None:
        """That transaction ends without having changed anything."""
        if self._row is not None:
            self._row.close()
            self._row = None

    # --- what the scenario speaks of ------------------------------------------------------------

    def _scales(self) -> dict[str, int]:
        scales: dict[str, int] = {self.sku({}): 0}
        for entry in self.scenario.entries():
            sku = self.sku(entry)
            scales.setdefault(sku, 0)
            for name in ("qty", "delta", "on_hand", "reserved"):
                if isinstance(value := entry.get(name), Decimal):
                    exponent = value.as_tuple().exponent
                    assert isinstance(exponent, int), f"{value} is no quantity"
                    scales[sku] = max(scales[sku], -exponent)
        return scales

    def _locations(self) -> set[str]:
        words = {self.scenario.defaults["loc"]}
        for entry in self.scenario.entries():
            words |= {entry[name] for name in ("loc", "from", "to", "collect_at") if name in entry}
            words |= set(entry.get("locs", ()))
        return words
