"""The active writer is stopped and comes back: another has taken over, and the epoch keeps it out.

What is stopped is a process (SIGSTOP), or the wire to the database, at the moment of an append.
"""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
import pytest

from ledger.clock import monotonic
from ledger.submission import Accepted, NoWriter
from tests.faults.conftest import Drive
from tests.faults.driving import PATIENCE_S, api_urls, assert_clean, eventually, in_office
from tests.faults.writing import Caller, office, receive
from tests.support.checker import books_of, check
from tests.support.figures import Tell
from tests.support.proxy import Proxy, postgres_proxy
from tests.support.servers import Database, RunningService

ROUNDS: Final = 3
FENCE: Final = (
    "and epoch = coalesce(p_epoch, epoch)",
    "and position = coalesce(p_expected, position)",
)
"""What `ledger.append` asks of the head row."""

TAKE_OVER_S: Final = 2.0
"""The promise on a machine that has time for it; the lease says what is asserted."""


class Desk:
    """A client of both API processes, who knows which of them has the active writer."""

    def __init__(self, service: RunningService) -> None:
        """Ask with the admin's key."""
        self._service = service
        self._key = service.key
        pids = service.pids()
        urls = api_urls(service, 2)
        self.urls = {pids["api"]: urls[0], pids["api-2"]: urls[1]}

    def post(self, url: str, path: str, key: str, body: dict[str, Any]) -> httpx.Response:
        """One command, waited for as long as it takes."""
        headers = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": key}
        return httpx.post(
            f"{url}{path}", json=body, headers=headers, timeout=PATIENCE_S, trust_env=False
        )

    def receive(self, url: str, key: str, sku: str) -> None:
        """One unit comes in, at last."""
        movement = {"type": "receive", "sku": sku, "location": "ams-1", "quantity": 1}
        body = {"movements": [movement]}
        eventually(
            lambda: self.post(url, "/v1/movements", key, body).status_code == 201, "an answer"
        )

    def reserve(self, url: str, key: str, sku: str) -> int:
        """The status of asking for one unit."""
        line = {"sku": sku, "location": "ams-1", "quantity": 1}
        body = {"reservation_id": f"order-{key}", "kind": "hard", "lines": [line]}
        return self.post(url, "/v1/reservations", key, body).status_code


@pytest.fixture
def service(service_factory: Callable[..., RunningService]) -> RunningService:
    """Two API processes."""
    return service_factory("--api-processes", "2")


@pytest.mark.timeout(300)
def test_a_stopped_writer_is_replaced_and_does_no_harm_when_it_wakes(
    service: RunningService, tell: Tell
) -> None:
    """Another writer answers under the next epoch; whoever asks the woken one gets the new state.

    The stopped writer believes that a stock is empty. A unit comes in through the new one, and
    a request that has been waiting in the old one's socket all along must be granted.
    """
    desk = Desk(service)
    for number in range(ROUNDS):
        sku = f"LAMP {number}"
        epoch, stopped = in_office(service)
        other = next(url for pid, url in desk.urls.items() if pid != stopped)
        assert desk.reserve(desk.urls[stopped], f"s-{number}-0", sku) == 409
        with ThreadPoolExecutor(1) as background:
            os.kill(stopped, signal.SIGSTOP)
            began = monotonic()
            try:
                waiting = background.submit(desk.reserve, desk.urls[stopped], f"s-{number}-1", sku)
                desk.receive(other, f"s-{number}-2", sku)
                took = monotonic() - began
                after = in_office(service)
            finally:
                os.kill(stopped, signal.SIGCONT)
            granted = waiting.result()

        tell(f"acknowledged by another writer after {took:.2f} s (promise: {TAKE_OVER_S} s)")
        assert epoch < after[0]
        assert stopped != after[1]
        assert 201 == granted
        assert after == in_office(service)


@pytest.mark.timeout(300)
def test_a_writer_stopped_under_load_loses_and_doubles_nothing(
    service: RunningService, drive: Drive
) -> None:
    """Wherever in its batch it was stopped: what it wakes up with is not written any more."""
    driver = drive(service, *api_urls(service, 2))
    epochs = []
    for _ in range(ROUNDS):
        epoch, stopped = in_office(service)
        os.kill(stopped, signal.SIGSTOP)
        try:
            driver.acknowledged()
            epochs.append((epoch, in_office(service)[0]))
        finally:
            os.kill(stopped, signal.SIGCONT)
        driver.acknowledged()

    assert_clean(service, driver.finish())
    assert all(before < after for before, after in epochs)


# --- the same at the writer, at exactly one moment ----------------------------------------------


@pytest.fixture
def wire(database: Database) -> Iterator[tuple[Proxy, str]]:
    """A wire to this test's database that can stall."""
    proxy, url = postgres_proxy(database.service_url)
    yield proxy, url
    proxy.stop()


def overtaken(database: Database, wire: tuple[Proxy, str]) -> tuple[Caller, Any]:
    """An append stalls, another writer takes over and writes, the append arrives.

    Returns the caller, and what the stalled writer answered.
    """
    proxy, url = wire
    caller = Caller()
    with office(url, caller):
        caller.ask("k-0", receive(1))
        held = proxy.stall_request(holding=b'"command_id":"k-1"')
        attempt = caller.send("k-1", receive(10, sku="LAMP"))
        assert held.wait(PATIENCE_S)
        with office(database.service_url, caller):
            caller.ask("k-2", receive(1))
            proxy.resume()
            late = caller.reply_to("k-1", attempt)
            caller.ask("k-1", receive(10, sku="LAMP"))
    return caller, late


def test_an_append_that_arrives_after_the_take_over_writes_nothing(
    database: Database, wire: tuple[Proxy, str]
) -> None:
    """Its epoch is over: the caller is sent on, and the new writer records the command once."""
    caller, late = overtaken(database, wire)

    assert isinstance(late, NoWriter)
    assert [] == check(caller.entries, books_of(database.owner_url))


def test_control_without_the_epoch_the_old_writer_writes_into_the_new_ones_past(
    database: Database, wire: tuple[Proxy, str]
) -> None:
    """Where the function compares neither epoch nor head, the checker sees time go back."""
    sql = "select pg_get_functiondef('ledger.append'::regproc)"
    fenced = database.execute(sql)[0][0]
    unfenced = fenced
    for check_of_the_head in FENCE:
        unfenced = unfenced.replace(check_of_the_head, "")
    assert len(unfenced) == len(fenced) - sum(map(len, FENCE))
    database.execute(unfenced)
    caller, late = overtaken(database, wire)

    assert isinstance(late, Accepted)
    found = {finding.kind for finding in check(caller.entries, books_of(database.owner_url))}
    assert "order" in found
