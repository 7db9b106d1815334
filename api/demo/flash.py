"""The flash sale: more buyers than lamps, all at once, over many connections."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from msgspec import Struct

from api.demo.client import Client, Unexpected
from api.demo.day import FLASH, FLASH_BUYERS, FLASH_LEFT, WAREHOUSE

CONNECTIONS: Final = 32
PAID: Final = 100
CHANGED_THEIR_MIND: Final = 15
_HOLD: Final = dt.timedelta(minutes=15)


class FlashSale(Struct, frozen=True):
    """How it went: who got one, who was told no and why, and the last position."""

    granted: int
    refused: Counter[str]
    position: int


async def flash_sale(connect: Callable[[], Client]) -> FlashSale:
    """Everybody asks for one lamp; some of the lucky pay, some change their mind."""
    async with _clients(connect, CONNECTIONS) as clients:
        now = dt.datetime.fromisoformat((await clients[0].ask("/v1/stock?limit=1"))["as_of"])
        expires_at = (now + _HOLD).isoformat()
        buyers = [f"flash-{n + 1:03}" for n in range(FLASH_BUYERS)]
        answers = await _each(clients, buyers, lambda c, buyer: _reserve(c, buyer, expires_at))
        lucky = sorted(buyer for buyer, (status, _) in answers.items() if status == 201)
        refused = Counter(_code(document) for status, document in answers.values() if status != 201)
        payers, fickle = lucky[:PAID], lucky[PAID : PAID + CHANGED_THEIR_MIND]
        done = {
            **await _each(clients, payers, lambda c, buyer: _then(c, buyer, "fulfil")),
            **await _each(clients, fickle, lambda c, buyer: _then(c, buyer, "release")),
        }
        return FlashSale(len(lucky), refused, max(doc["position"] for _, doc in done.values()))


def left_on_hand() -> int:
    """Lamps still in the warehouse afterwards."""
    return FLASH_LEFT - PAID


def left_reserved() -> int:
    """Lamps promised to those who have not paid yet."""
    return FLASH_LEFT - PAID - CHANGED_THEIR_MIND


_Result = tuple[int, dict[str, Any]]


async def _reserve(client: Client, buyer: str, expires_at: str) -> _Result:
    body = {
        "reservation_id": buyer,
        "channel": "web",
        "kind": "soft",
        "expires_at": expires_at,
        "lines": [{"sku": FLASH, "location": WAREHOUSE, "quantity": 1}],
    }
    return await client.tell("/v1/reservations", body, buyer)


async def _then(client: Client, buyer: str, verb: str) -> _Result:
    status, document = await client.tell(f"/v1/reservations/{buyer}/{verb}", {}, f"{buyer}.{verb}")
    if status != 200:
        raise Unexpected(f"{verb} {buyer}: {status} {document.get('detail')}")
    return status, document


async def _each(
    clients: list[Client], buyers: list[str], act: Callable[[Client, str], Any]
) -> dict[str, _Result]:
    """All buyers at once: every connection takes the next one as soon as it is free."""
    waiting = iter(buyers)
    answers: dict[str, _Result] = {}

    async def serve(client: Client) -> None:
        for buyer in waiting:
            answers[buyer] = await act(client, buyer)

    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(serve(client))
    return answers


@asynccontextmanager
async def _clients(connect: Callable[[], Client], count: int) -> AsyncIterator[list[Client]]:
    clients = [connect() for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()


def _code(problem: dict[str, Any]) -> str:
    return str(problem["type"]).rpartition(":")[2]
