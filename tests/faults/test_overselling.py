"""A flash sale: more buyers than units, two API processes, and not one unit too many."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import pytest

from ledger.domain.stock import Stock
from ledger.submission import Accepted
from tests.faults.driving import PATIENCE_S, api_urls
from tests.faults.writing import Caller, breaches, office, receive, reserve
from tests.support.figures import Tell
from tests.support.servers import Database, RunningService

UNITS: Final = 10_000
BUYERS: Final = 500
INSUFFICIENT: Final = (409, "insufficient-stock")


class Buyer:
    """Holds one unit after another, over one connection, until there is none left."""

    def __init__(self, url: str, key: str, name: str, sku: str) -> None:
        """Buy at one of the API processes."""
        self._host, _, port = url.removeprefix("http://").rpartition(":")
        self._port = int(port)
        self._key = key
        self._name = name
        self._sku = sku

    async def run(self) -> Counter[tuple[int, str]]:
        """Statuses and problem codes of everything that was answered."""
        found: Counter[tuple[int, str]] = Counter()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        while not found[INSUFFICIENT]:
            writer.write(self._request(f"{self._name}-{found.total()}"))
            found[await _answer(reader)] += 1
        writer.close()
        await writer.wait_closed()
        return found

    def _request(self, name: str) -> bytes:
        line = {"sku": self._sku, "location": "ams-1", "quantity": 1}
        body = json.dumps({"reservation_id": name, "kind": "hard", "lines": [line]}).encode()
        return (
            b"POST /v1/reservations HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer %s\r\nIdempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s"
            % (self._key.encode(), name.encode(), len(body), body)
        )


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    body = json.loads(await reader.readexactly(length))
    status = int(head.split()[1])
    return status, "" if status < 300 else str(body["type"]).rpartition(":")[2]


async def sell_out(service: RunningService, sku: str) -> Counter[tuple[int, str]]:
    """All buyers at once, every other one at the other process."""
    urls = api_urls(service, 2)
    names = [f"{sku}-{number}" for number in range(BUYERS)]
    buyers = [Buyer(urls[n % 2], service.key, name, sku) for n, name in enumerate(names)]
    async with asyncio.timeout(PATIENCE_S):
        answers = await asyncio.gather(*(buyer.run() for buyer in buyers))
    return sum(answers, Counter())


@pytest.fixture(scope="module")
def service(service_factory: Callable[..., RunningService]) -> RunningService:
    """Two API processes; a machine that is busy may take its time."""
    return service_factory("--api-processes", "2", environ={"LEDGER_COMMAND_DEADLINE_MS": "60000"})


@pytest.fixture
def desk(service: RunningService) -> Iterator[httpx.Client]:
    """A client of the first process."""
    with httpx.Client(
        base_url=service.url,
        headers={"Authorization": f"Bearer {service.key}"},
        timeout=PATIENCE_S,
        trust_env=False,
    ) as client:
        yield client


def post(desk: httpx.Client, path: str, key: str, body: dict[str, Any]) -> httpx.Response:
    """One command."""
    return desk.post(path, json=body, headers={"Idempotency-Key": key})


def stock(desk: httpx.Client, sku: str, position: int) -> dict[str, Any]:
    """What is said of a stock once a position has been read."""
    found = desk.get(
        "/v1/stock", params={"sku": sku, "location": "ams-1", "min_position": position}
    )
    item: dict[str, Any] = found.json()["items"][0]
    return item


@pytest.mark.timeout(0)  # Any number of runs; each has an end of its own.
async def test_ten_thousand_units_are_promised_ten_thousand_times(
    service: RunningService, desk: httpx.Client, runs: int, tell: Tell
) -> None:
    """500 buyers at once over two processes: the rest is told `insufficient-stock`."""
    for run in range(runs):
        sku = f"FLASH-{run}"
        facts = {"type": "receive", "sku": sku, "location": "ams-1", "quantity": UNITS}
        assert post(desk, "/v1/movements", sku, {"movements": [facts]}).status_code == 201
        began = asyncio.get_running_loop().time()
        answers = await sell_out(service, sku)
        took = asyncio.get_running_loop().time() - began
        tell(f"run {run}: {dict(answers)} in {took:.1f} s")

        assert {(201, ""): UNITS, INSUFFICIENT: BUYERS} == answers
        head = post(desk, "/v1/movements", f"{sku}-end", {"movements": [facts]}).json()["position"]
        item = stock(desk, sku, head)
        assert (UNITS, 2 * UNITS) == (item["reserved"], item["on_hand"])


def test_two_lines_of_one_sku_are_added_up(service: RunningService, desk: httpx.Client) -> None:
    """Six and six of ten are twelve: refused, with the sum; five and five are granted."""
    line = {"sku": "MUG", "location": "ams-1"}
    facts = {"type": "receive", **line, "quantity": 10}
    assert post(desk, "/v1/movements", "mugs", {"movements": [facts]}).status_code == 201

    def two_lines_of(quantity: int) -> httpx.Response:
        lines = [{**line, "quantity": quantity}] * 2
        name = f"order-{quantity}"
        body = {"reservation_id": name, "kind": "hard", "lines": lines}
        return post(desk, "/v1/reservations", name, body)

    refused, granted = two_lines_of(6), two_lines_of(5)

    assert 409 == refused.status_code
    assert [{**line, "requested": 12, "available": 10}] == refused.json()["shortfalls"]
    assert 201 == granted.status_code
    assert 10 == sum(each["granted"] for each in granted.json()["lines"])


def test_control_a_ledger_that_forgets_its_holds_oversells(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Available units that ignore what is held: the count and the auditor both see it."""
    monkeypatch.setattr(Stock, "free_for", lambda stock, channel: stock.sellable)
    monkeypatch.setattr(Stock, "available", property(lambda stock: stock.sellable))
    caller = Caller()
    with office(database.service_url, caller):
        caller.ask("k-0", receive(10))
        replies = [caller.ask(f"k-{n}", reserve(f"order-{n}")) for n in range(1, 16)]

    assert 15 == sum(isinstance(reply, Accepted) for reply in replies)
    assert 3 in {breach.law for breach in breaches(database.service_url)}
