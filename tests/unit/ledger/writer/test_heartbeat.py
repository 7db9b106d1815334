"""The heartbeat: when it renews a lease, and when it must not."""

import logging
import threading
from typing import Any

import pytest

from ledger.lease import Lease
from ledger.settings import Settings
from ledger.writer.heartbeat import Heartbeat
from tests.support.fake_head import FakeHead

PATIENCE_S = 30.0
SETTINGS = Settings(database_url="postgresql://nowhere", lease_ms=3_000, stuck_writer_ms=10_000)


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> FakeHead:
    """The head row that leases and heartbeats ask, and the time that they see."""
    head = FakeHead()
    monkeypatch.setattr("ledger.lease.monotonic", head.monotonic)
    monkeypatch.setattr("ledger.writer.heartbeat.monotonic", head.monotonic)
    monkeypatch.setattr("ledger.writer.heartbeat.Journal", lambda *_: head)
    return head


@pytest.fixture
def lease(head: FakeHead) -> Lease:
    """A lease of three seconds, acquired in epoch 1 and due for renewal since just now."""
    journal: Any = head
    lease = Lease(journal, "first", SETTINGS.lease_ms)
    lease.acquire()
    head.time += 1.5
    return lease


@pytest.fixture
def heart(lease: Lease) -> Heartbeat:
    """A heartbeat of that lease, whose writer has just got somewhere."""
    return Heartbeat(SETTINGS, lease)


def test_a_beat_renews_a_lease_that_is_due(head: FakeHead, lease: Lease, heart: Heartbeat) -> None:
    """And a lease that is not, it leaves alone: appends renew it, too."""
    heart.beat()
    heart.beat()
    assert [1] == head.renewals
    head.time += 2
    assert lease.held
    heart.beat()

    assert [1, 1] == head.renewals


def test_the_first_beat_in_office_asks_at_once(
    head: FakeHead, lease: Lease, heart: Heartbeat
) -> None:
    """So there is a connection before one is needed: to make one takes time, or is impossible."""
    lease.acquire()
    assert not lease.renewal_due
    heart.beat()
    heart.beat()

    assert [2] == head.renewals


def test_a_stand_by_has_no_heartbeat(head: FakeHead, lease: Lease, heart: Heartbeat) -> None:
    """It has nothing to renew, and does not even connect."""
    lease.lose()
    heart.beat()

    assert [] == head.renewals


def test_a_beat_that_hears_the_epoch_is_over_changes_nothing(
    head: FakeHead, lease: Lease, heart: Heartbeat
) -> None:
    """The writer's thread finds out by itself, with its batches in its hands."""
    head.acquire("second", 3_000)
    heart.beat()
    assert (1, True, True) == (lease.epoch, lease.held, lease.renewal_due)
    head.time += 1.5

    assert (1, False) == (lease.epoch, lease.held)


def test_a_renewal_that_comes_back_to_a_lost_lease_is_dropped(
    head: FakeHead, lease: Lease, heart: Heartbeat
) -> None:
    """The term ended while the answer was on its way: nobody is in office by it."""
    head.meanwhile = lease.lose
    heart.beat()

    assert [1] == head.renewals
    assert (None, False) == (lease.epoch, lease.held)


def test_a_beat_without_an_answer_is_followed_by_another(
    head: FakeHead, lease: Lease, heart: Heartbeat
) -> None:
    """A lost packet costs one beat of four, not the office."""
    head.reachable = False
    heart.beat()
    assert lease.renewal_due
    head.reachable = True
    heart.beat()

    assert [1, 1] == head.renewals
    assert not lease.renewal_due


def test_a_writer_that_stands_still_has_no_heartbeat(
    head: FakeHead, lease: Lease, heart: Heartbeat, caplog: pytest.LogCaptureFixture
) -> None:
    """A stand-by gets its chance; the operator is told, once; and work brings the beat back."""
    head.time += 11
    with caplog.at_level(logging.ERROR):
        heart.beat()
        heart.beat()
    assert [] == head.renewals
    assert ["the writer has stood still for 10000 ms: let another begin"] == caplog.messages
    heart.progressed()
    heart.beat()

    assert [1] == head.renewals
    assert lease.held


def test_a_heartbeat_has_stopped_when_no_beat_is_under_way(
    head: FakeHead, heart: Heartbeat
) -> None:
    """Whoever resigns after that is not put back into office by a renewal that comes late."""
    asked, answered = threading.Event(), threading.Event()
    order: list[str] = []

    def answer_late() -> None:
        asked.set()
        assert answered.wait(PATIENCE_S)
        order.append("answered")

    def stop() -> None:
        heart.stop()
        order.append("stopped")

    head.meanwhile = answer_late
    heart.start()
    assert asked.wait(PATIENCE_S)
    stopping = threading.Thread(target=stop)
    stopping.start()
    answered.set()
    stopping.join(PATIENCE_S)

    assert ["answered", "stopped"] == order
