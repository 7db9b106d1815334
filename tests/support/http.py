"""A client of the API for tests: keys made up as needed, answers taken apart."""

import itertools
from typing import Any

import httpx

from tests.support.servers import RunningService

_numbers = itertools.count(1)


class Api:
    """Speaks HTTP to one running service as its administrator."""

    def __init__(self, url: str, key: str) -> None:
        self.http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30.0
        )

    @classmethod
    def of(cls, service: RunningService) -> "Api":
        """The client of a service."""
        return cls(service.url, service.key)

    def close(self) -> None:
        """Closes its connections."""
        self.http.close()

    def post(
        self, path: str, body: object = None, *, key: str | None = None, **headers: str
    ) -> httpx.Response:
        """A command, under a new idempotency key where none is given."""
        sent = {"Idempotency-Key": key or new("key"), **headers}
        if isinstance(body, bytes):
            return self.http.post(path, content=body, headers=sent)
        return self.http.post(path, json=body, headers=sent)

    def get(self, path: str, **query: str | int) -> httpx.Response:
        """A question."""
        return self.http.get(path, params=query)

    def record(self, *movements: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        """Records facts, all or none, and returns the answer."""
        answer = self.post("/v1/movements", {"movements": list(movements)}, key=key)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def place(
        self, sku: str, quantity: int, *, reservation_id: str | None = None, **more: Any
    ) -> httpx.Response:
        """Asks for a promise on one stock at ams-1."""
        body = {
            "reservation_id": reservation_id or new("order"),
            "kind": "hard",
            "lines": [{"sku": sku, "location": "ams-1", "quantity": quantity}],
            **more,
        }
        return self.post("/v1/reservations", body)


def receive(sku: str, quantity: int | str = 10, **more: Any) -> dict[str, Any]:
    """A receipt at ams-1."""
    return {"type": "receive", "sku": sku, "location": "ams-1", "quantity": quantity, **more}


def sale(sku: str, quantity: int | str = 1, **more: Any) -> dict[str, Any]:
    """A sale at ams-1."""
    return {"type": "sale", "sku": sku, "location": "ams-1", "quantity": quantity, **more}


def new(word: str) -> str:
    """A name that no other test uses."""
    return f"{word}-{next(_numbers)}"
