"""Looking codes up only where that may find something, and never from memory for too long."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from api import spelling
from api.spelling import LOOKED_S, Spelling
from projections.catalog.queries import Kept


class Catalog:
    """What is defined, how far it has been read, and which codes were looked up."""

    def __init__(self) -> None:
        self.position = 7
        self.kept: dict[str, str] = {}
        self.looks: list[list[str]] = []
        self.waits: list[int] = []
        self.now = 0.0

    async def look(self, _: Any, codes: Sequence[str]) -> Kept:
        """Stands in for the query."""
        self.looks.append(list(codes))
        found = {code: self.kept[code] for code in codes if code in self.kept}
        return Kept(self.position, bool(self.kept), found)

    async def wait(self, _: Any, projection: str, position: int, timeout_s: float) -> int:
        """Stands in for the wait: everything is there after it."""
        assert ("catalog", 2.0) == (projection, timeout_s)
        self.waits.append(position)
        self.position, self.kept = position, {"upx": "UPX"}
        return position


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """A catalog without a database."""
    found = Catalog()
    monkeypatch.setattr(spelling, "kept_codes", found.look)
    monkeypatch.setattr(spelling, "wait_for", found.wait)
    monkeypatch.setattr(spelling, "monotonic", lambda: found.now)
    return found


def kept(known: Spelling, *codes: str, position: int = 0) -> dict[str, str]:
    """What becomes of codes."""
    return dict(asyncio.run(known.kept(codes, position)))


def reader() -> Spelling:
    """One that knows nothing yet."""
    pool: Any = None
    return Spelling(pool, 2.0)


def test_a_ledger_without_such_skus_is_asked_once_in_a_while(catalog: Catalog) -> None:
    """Not again for what was reached by then; again after a moment, and for what comes later."""
    known = reader()

    for position in (0, 0, 7):
        assert {} == kept(known, "upx", position=position)
    assert 1 == len(catalog.looks)

    catalog.now += LOOKED_S
    catalog.kept = {"upx": "UPX"}
    assert {"upx": "UPX"} == kept(known, "upx")


def test_a_definition_that_has_to_be_reflected_is_waited_for(catalog: Catalog) -> None:
    """What was looked up before it counts for nothing."""
    known = reader()
    kept(known, "upx")

    assert {"upx": "UPX"} == kept(known, "upx", position=8)
    assert [8] == catalog.waits


def test_where_there_are_such_skus_every_question_looks(catalog: Catalog) -> None:
    """Each code once."""
    catalog.kept = {"upx": "UPX"}
    known = reader()

    assert [{"upx": "UPX"}, {}] == [kept(known, "upx", "mug", "upx"), kept(known, "mug")]
    assert [["upx", "mug"], ["mug"]] == catalog.looks


def test_what_is_written_in_one_way_only_is_not_looked_up(catalog: Catalog) -> None:
    """Digits have no capitals, and what is no code has no form that is kept."""
    assert {} == kept(reader(), "4006381333931", "a\x00b", "")
    assert [] == catalog.looks
