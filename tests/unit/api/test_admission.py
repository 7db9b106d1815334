"""Who lets channels in has the keys for it."""

import pytest

from api.admission import Admission
from api.problems import Problem
from ledger.clock import SystemClock
from ledger.settings import Settings


async def test_without_the_keys_nobody_is_let_in_and_the_operator_learns_why() -> None:
    """A message server of somebody else's: its operator makes the credentials, or gives keys."""
    admission = Admission(Settings(nats_url="nats://bus.example"), None, SystemClock())

    with pytest.raises(Problem, match="NATS_KEYS") as refused:
        admission.new_user()
    assert (409, "illegal-state") == (refused.value.status, refused.value.code)
    assert not await admission.in_force(1)
