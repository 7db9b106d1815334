"""The demo as a newcomer runs it."""

import re
import subprocess
import sys
import time

import pytest

from api.demo import day as d
from tests.support.servers import REPOSITORY

SEED = 11


@pytest.fixture(scope="module")
def told() -> tuple[str, float]:
    """What `demo --once` prints, and how long it takes."""
    began = time.monotonic()
    command = [sys.executable, "-m", "api.cli.main", "demo", "--once", "--seed", str(SEED)]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert 0 == result.returncode, result.stdout[-2_000:] + result.stderr[-2_000:]
    return result.stdout, time.monotonic() - began


def test_it_ends_well_within_a_minute(told: tuple[str, float]) -> None:
    """A newcomer's patience is short."""
    assert told[1] < 60


def test_the_flash_sale_promises_what_is_there_and_no_more(told: tuple[str, float]) -> None:
    """Everybody else is told so."""
    assert f"{d.FLASH_LEFT:>7}  got one\n" in told[0]
    assert f"{d.FLASH_BUYERS - d.FLASH_LEFT:>7}  were told: insufficient-stock\n" in told[0]
    assert "Now: 20 on hand, 5 reserved, 15 available." in told[0]


def test_three_answers_about_one_moment_are_those_of_the_day(told: tuple[str, float]) -> None:
    """Before the report, after it, and as it was known then."""
    day = d.retail_day(SEED)
    sku = day.most_missed()
    levels = [day.level(sku, d.ISLAND, d.QUESTION_AT, unseen=u) for u in (False, True, False)]

    assert f"How many {sku} were there at 15:00?" in told[0]
    answered = re.findall(r"^ +(\d+)  (?:answered|as it was known)", told[0], re.MULTILINE)
    assert levels == [int(level) for level in answered]


def test_a_promise_breaks_and_mends(told: tuple[str, float]) -> None:
    """The late fact is recorded, what it broke is named, and cleared by the ferry."""
    assert "promise_broken of hotel-fjord, 3 x ARMCHAIR short at texel-3" in told[0]
    assert "Conflicts open now: 0." in told[0]


def test_the_channel_missed_nothing(told: tuple[str, float]) -> None:
    """Every position, once, in order."""
    assert "none missing, none twice" in told[0]
