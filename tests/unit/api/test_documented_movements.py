"""What the pages show as a movement can be sent as one."""

import re
from pathlib import Path
from typing import Final

import pytest

from api.schemas.movements import ITEM, movement_of

_DOCS: Final = Path(__file__).parents[3] / "docs"
_MOVEMENT: Final = re.compile(r'(\{"type": "[a-z_]+"[^{}]*\})')
_STAND_INS: Final = {"ID": '"m-1"', "N": "1", "SKU": '"MUG"', "LOCATION": '"ams-1"'}

SHOWN: Final = [
    (page.name, text)
    for page in sorted(_DOCS.glob("*.md"))
    for text in _MOVEMENT.findall(page.read_text())
]


def test_the_pages_show_some() -> None:
    """Otherwise nothing would be looked at."""
    assert {"cancel", "correct", "sale_void", "count"} <= {text.split('"')[3] for _, text in SHOWN}


@pytest.mark.parametrize(("page", "text"), SHOWN, ids=[text for _, text in SHOWN])
def test_a_movement_of_the_pages_has_all_it_needs(page: str, text: str) -> None:
    """Words in capitals stand for values."""
    written = re.sub(r"(?<=: )[A-Z]+(?=[,}])", lambda word: _STAND_INS[word[0]], text)

    movement = movement_of(ITEM.decode(written), "$", None)

    assert ("MUG", "ams-1") == (movement.sku, movement.location), page
