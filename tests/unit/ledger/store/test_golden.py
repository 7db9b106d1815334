"""What was stored once is read for ever."""

from pathlib import Path

import pytest

from ledger.store.mapper import EVENT_TYPES, Mapper
from tests.unit.ledger.store.goldens import FOLDER, body_of

BODIES = sorted(FOLDER.glob("*.json"))


def test_every_tag_has_a_golden_body() -> None:
    """A new event is released together with a stored row of it: `just golden`."""
    assert sorted(EVENT_TYPES) == sorted({path.stem for path in BODIES} & set(EVENT_TYPES))


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.stem)
def test_a_golden_body_is_still_read(path: Path) -> None:
    """Fields may have been added since, with a default; what was stored keeps its meaning."""
    stored = path.read_bytes().strip()

    body = Mapper().body(path.stem, stored)

    assert stored == Mapper.encode(body.meta, body.event)


@pytest.mark.parametrize("tag", sorted(EVENT_TYPES))
def test_an_example_of_today_is_read_back_whole(tag: str) -> None:
    """Every field of every event survives being stored."""
    stored = body_of(EVENT_TYPES[tag])
    body = Mapper().body(tag, stored)

    assert stored == Mapper.encode(body.meta, body.event)
