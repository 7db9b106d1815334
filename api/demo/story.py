"""Plays the day against the running service and tells what the service answers."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from msgspec import Struct

from api.demo import day as d
from api.demo.client import Client, Unexpected
from api.demo.flash import CHANGED_THEIR_MIND, PAID, flash_sale

Say: TypeAlias = Callable[[str], None]
Record: TypeAlias = Callable[[d.Chapter, str], Awaitable[Any]]
"""Sends a chapter, showing how far it is, and returns what became of it (a tally)."""

_RULE: Final = "─" * 78
_PLACES: Final = (d.WAREHOUSE, *d.SHOPS)


class Past(Struct, frozen=True):
    """Three answers about one past moment."""

    sku: str
    before: int
    after: int
    as_known_before: int
    known_at: int


class Story:
    """The chapters, in order; each says what happened and returns what a test may check."""

    def __init__(self, day: d.Day, client: Client, say: Say) -> None:
        """Take the day, somebody to ask, and where to tell it."""
        self._day = day
        self._client = client
        self._say = say
        self.position = 0

    def opening(self, url: str) -> None:
        """Where and when this happens."""
        self._say(f"\nA RETAIL DAY, made up from seed {self._day.seed}\n{_RULE}")
        self._say(
            f"{d.WEEKDAY}. Three shops, a warehouse for the web and a marketplace,\n"
            f"{len(d.ARTICLES)} articles. Everything below goes through the HTTP API at {url}.\n"
        )

    async def trading_day(self, record: Record) -> None:
        """Deliveries, then what everybody with a line sells."""
        units = sum(m["quantity"] for deed in self._day.deliveries for m in deed.movements)
        self._at(6 * 60, f"vans bring {units:,} units to {', '.join(_PLACES)}")
        await self._recorded(record, self._day.deliveries, "deliveries")
        self._at(9 * 60, "the shops open; the web never closed")
        self._at(d.LINE_LOST, f"{d.ISLAND} loses its line and goes on selling, on paper")
        await self._recorded(record, self._day.trading, "the day's sales")
        lines = sum(len(deed.movements) for deed in self._day.trading)
        self._at(
            18 * 60, f"closing time: {len(self._day.trading)} orders, {lines:,} lines so far\n"
        )

    async def promise_of_the_rare(self) -> None:
        """The marketplace is promised what the ledger believes to be on the island."""
        line = {"sku": d.RARE, "location": d.ISLAND, "quantity": d.RARE_PROMISED}
        body = {
            "reservation_id": "hotel-fjord",
            "channel": "marketplace",
            "kind": "hard",
            "lines": [line],
        }
        status, document = await self._client.tell("/v1/reservations", body, "hotel-fjord")
        self._expect(status == 201, document)
        self._say(
            f"The marketplace sells {d.RARE_PROMISED} x {d.RARE} out of {d.ISLAND}, where the "
            f"ledger knows of {d.RARE_DELIVERED}.\nThe promise is made: order hotel-fjord.\n"
        )

    async def flash_sale(self, connect: Callable[[], Client]) -> None:
        """More buyers than goods; nobody is promised what is not there."""
        self._say(f"THE FLASH SALE\n{_RULE}")
        self._say(f"{d.FLASH_LEFT} x {d.FLASH} in {d.WAREHOUSE}, {d.FLASH_BUYERS} buyers at once:")
        sale = await flash_sale(connect)
        self.position = max(self.position, sale.position)
        self._say(f"  {sale.granted:>5}  got one")
        for code, count in sale.refused.items():
            self._say(f"  {count:>5}  were told: {code}")
        self._say(f"  {PAID:>5}  paid, and their lamps left")
        self._say(f"  {CHANGED_THEIR_MIND:>5}  changed their mind, and their lamps are free again")
        lamp = await self._stock(d.FLASH, d.WAREHOUSE)
        self._say(
            f"Now: {lamp['on_hand']} on hand, {lamp['reserved']} reserved, "
            f"{lamp['available']} available.\n"
        )

    async def late_report(self, record: Record) -> Past:
        """The island's line is back; the past changes, and what was known about it does not."""
        sku, moment = self._day.most_missed(), d.instant(d.QUESTION_AT)
        self._say(f"THE SHOP THAT WAS OFFLINE\n{_RULE}")
        known_at = self.position
        before = await self._on_hand_at(sku, moment)
        await self._recorded(record, self._day.unseen, f"{d.ISLAND} reports")
        after = await self._on_hand_at(sku, moment)
        as_known = await self._on_hand_at(sku, moment, known_at)
        lines = sum(len(deed.movements) for deed in self._day.unseen)
        self._say(f"{d.ISLAND} is back and reports {lines} lines sold since 11:10, at their times.")
        self._say(f"How many {sku} were there at {d.clock(d.QUESTION_AT)}?")
        self._say(f"  {before:>5}  answered before the report")
        self._say(f"  {after:>5}  answered now                    (as_of {moment})")
        self._say(
            f"  {as_known:>5}  as it was known then, asked now (known_at position {known_at})\n"
        )
        return Past(sku, before, after, as_known, known_at)

    async def broken_promise(self) -> None:
        """A fact is never refused: what it broke is named, and ends when its cause ends."""
        for conflict in await self._open_conflicts():
            self._say(
                f"The report broke a promise: {conflict['kind']} of "
                f"{conflict.get('reservation_id')}, {conflict['short']} x {conflict['sku']} "
                f"short at {conflict['location']}."
            )
        self._expect(len(await self._open_conflicts()) == 1, {"detail": "one broken promise"})
        movement = {"type": "receive", "sku": d.RARE, "location": d.ISLAND, "quantity": 3}
        body = {"movements": [{**movement, "reference": "ferry-18"}]}
        status, document = await self._client.tell("/v1/movements", body, "ferry-18")
        self._expect(status == 201, document)
        self.position = max(self.position, document["position"])
        still_open = len(await self._open_conflicts())
        self._say(f"The evening ferry brings 3 more. Conflicts open now: {still_open}.\n")

    async def balances(self) -> None:
        """What is available, by article and place."""
        self._say(f"BALANCES (available, at position {self.position:,})\n{_RULE}")
        self._say(" " * 12 + "".join(f"{place:>10}" for place in _PLACES))
        page = await self._client.ask(f"/v1/stock?limit=1000&min_position={self.position}")
        available = {(i["sku"], i["location"]): i["available"] for i in page["items"]}
        for sku in d.ARTICLES:
            cells = "".join(f"{available[sku, place]:>10,}" for place in _PLACES)
            self._say(f"{sku:<12}{cells}")
        self._say("")

    async def _recorded(self, record: Record, deeds: tuple[d.Deed, ...], what: str) -> None:
        tally = await record(d.Chapter(deeds), what)
        self.position = max(self.position, tally.position)

    async def _on_hand_at(self, sku: str, moment: str, known_at: int | None = None) -> int:
        then = f"&as_of={moment}" + (f"&known_at={known_at}" if known_at else "")
        return int((await self._stock(sku, d.ISLAND, then))["on_hand"])

    async def _stock(self, sku: str, location: str, then: str = "") -> dict[str, Any]:
        path = f"/v1/stock?sku={sku}&location={location}&min_position={self.position}{then}"
        item: dict[str, Any] = (await self._client.ask(path))["items"][0]
        return item

    async def _open_conflicts(self) -> list[dict[str, Any]]:
        path = f"/v1/conflicts?status=open&min_position={self.position}"
        items: list[dict[str, Any]] = (await self._client.ask(path))["items"]
        return items

    def _at(self, minute: int, sentence: str) -> None:
        self._say(f"{d.clock(minute)}  {sentence}")

    def _expect(self, holds: bool, document: dict[str, Any]) -> None:
        if not holds:
            raise Unexpected(str(document.get("detail", document)))
