"""How many may ask what if, at a time."""

from types import SimpleNamespace
from typing import Any

import pytest

from api.controllers.what_if import _turn
from api.problems import Problem


async def test_one_more_than_may_ask_at_a_time_is_told_to_come_back() -> None:
    """A place is free again as soon as somebody has done, however that ended."""
    backend: Any = SimpleNamespace(what_ifs=0, settings=SimpleNamespace(what_ifs_at_once_max=1))

    async with _turn(backend):
        with pytest.raises(Problem, match="1 of these questions") as refused:
            await _fail_in_turn(backend)
    assert ("overloaded", 503, 1) == (
        refused.value.code,
        refused.value.status,
        refused.value.retry_after_s,
    )
    with pytest.raises(ZeroDivisionError):
        await _fail_in_turn(backend)
    assert 0 == backend.what_ifs


async def _fail_in_turn(backend: Any) -> None:
    async with _turn(backend):
        assert 1 == backend.what_ifs
        raise ZeroDivisionError
