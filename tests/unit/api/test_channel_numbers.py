"""What docs/channels.md works out by hand is what the service comes to."""

import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from api.schemas.channels import Rules, rules_answer, rules_of
from ledger.domain.availability import Shelf, Sku, ats, band_of
from ledger.domain.channel import canonical
from ledger.domain.refusals import Malformed

DOCUMENT: Final = Path(__file__).resolve().parents[3] / "docs" / "channels.md"
ROW: Final = re.compile(r"^\| `(\{.*?\})` \| `(\{.*\})` \| (\d+) s \| (\d+) \|$", re.MULTILINE)
MUG: Final = Sku("MUG", "A", {"case": 12, "box": 4})
ROWS: Final = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))


def _rules(text: str) -> Any:
    return canonical(rules_of(msgspec.json.decode(text, type=Rules)))


def _shelf(location: str, stock: int | dict[str, int]) -> Shelf:
    return Shelf(location, **({"sellable": stock} if isinstance(stock, int) else stock))


def test_the_document_has_worked_numbers() -> None:
    """A table that is not found would prove nothing."""
    assert 15 < len(ROWS)


@pytest.mark.parametrize(("stock", "text", "stale_for", "told"), ROWS)
def test_a_worked_number_is_right(stock: str, text: str, stale_for: str, told: str) -> None:
    """Stock and rules as they are written there, by the same steps."""
    shelves = [_shelf(*one) for one in msgspec.json.decode(stock).items()]
    rules = _rules(text)

    assert int(told) == ats(MUG, shelves, rules, band_of(rules, int(stale_for))).ats


@pytest.mark.parametrize(
    ("percent", "basis_points", "answered"),
    [
        (0, 0, 0),
        (2, 200, 2),
        ("2.5", 250, "2.5"),
        ("2.50", 250, "2.5"),
        ("0.05", 5, "0.05"),
        ("100.00", 10_000, 100),
        ("007", 700, 7),
    ],
)
def test_a_percentage_is_exact(percent: int | str, basis_points: int, answered: int | str) -> None:
    """In hundredths of a per cent, and back in the shortest form."""
    rules = rules_of(msgspec.convert({"buffers": [{"percent": percent}]}, Rules))

    assert basis_points == rules.buffers[0].basis_points
    assert answered == rules_answer(rules).buffers[0].percent


@pytest.mark.parametrize("percent", ["100.01", "999", 2.5, "2.555", "-1", ".5", ""])
def test_what_is_no_percentage_is_refused(percent: Any) -> None:
    """Above a hundred, finer than a hundredth, or a float."""
    with pytest.raises((Malformed, msgspec.ValidationError)):
        rules_of(msgspec.convert({"buffers": [{"percent": percent}]}, Rules))
