"""A term of office by the clock: what extends it, what ends it, and what may do neither."""

from typing import Any

import pytest

from ledger.lease import Lease
from ledger.store.journal import StorageError
from tests.support.fake_head import FakeHead


@pytest.fixture
def head(monkeypatch: pytest.MonkeyPatch) -> FakeHead:
    """The head row, and the time that leases see."""
    head = FakeHead()
    monkeypatch.setattr("ledger.lease.monotonic", head.monotonic)
    return head


@pytest.fixture
def lease(head: FakeHead) -> Lease:
    """A lease of three seconds, acquired now in epoch 1."""
    journal: Any = head
    lease = Lease(journal, "first", 3_000)
    assert lease.acquire() is not None
    return lease


def test_a_lease_is_held_for_its_time(head: FakeHead, lease: Lease) -> None:
    """Renewal is due after a third of it, and after all of it another may be in office."""
    assert (True, False) == (lease.held, lease.renewal_due)
    head.time += 1.5
    assert (True, True) == (lease.held, lease.renewal_due)
    head.time += 1.5
    assert (False, True) == (lease.held, lease.renewal_due)
    assert 1 == lease.epoch


def test_an_extension_counts_from_when_it_was_asked_for(head: FakeHead, lease: Lease) -> None:
    """The database counted later, so it waits longer than we believe; an older one is no news."""
    asked = head.time + 2
    head.time += 4
    lease.extended(1, asked)
    assert lease.held
    lease.extended(1, asked - 1)
    assert lease.held
    head.time += 1

    assert not lease.held


def test_a_lost_lease_is_not_held_whoever_extends_it(head: FakeHead, lease: Lease) -> None:
    """A renewal that was under way when the term ended brings nothing back."""
    lease.lose()
    lease.extended(1, head.time)

    assert (None, False, False) == (lease.epoch, lease.held, lease.renewal_due)


def test_an_extension_of_another_epoch_changes_nothing(head: FakeHead, lease: Lease) -> None:
    """Neither an earlier one's after a fence, nor one's of a term that ended in between."""
    lease.fence()
    lease.extended(1, head.time + 60)
    head.time += 3
    assert (2, False) == (lease.epoch, lease.held)
    lease.lose()
    lease.acquire()
    lease.extended(2, head.time + 60)
    head.time += 3

    assert (3, False) == (lease.epoch, lease.held)


def test_who_cannot_resign_is_out_of_office_all_the_same(head: FakeHead, lease: Lease) -> None:
    """The lease runs out by itself; until then this process does not believe in it any more."""
    head.reachable = False
    with pytest.raises(StorageError):
        lease.resign()

    assert (None, False) == (lease.epoch, lease.held)
