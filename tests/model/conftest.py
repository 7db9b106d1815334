"""How many examples the machine plays, and from which seed.

`MODEL_SEED` replays a run, `MODEL_EXAMPLES` and `MODEL_STEPS` say how long it is, and with
`MODEL_SHRINK=1` a run that fails looks for the shortest way to fail, which may take minutes.
"""

import os
from typing import Final

import pytest

from tests.support.figures import Tell

EXAMPLES: Final = 200
STEPS: Final = 30
COMMANDS: Final = 40_000


@pytest.fixture
def seed(tell: Tell) -> int:
    """What this run draws from; the same seed draws the same commands."""
    found = int(os.environ.get("MODEL_SEED", "0"))
    tell(f"MODEL_SEED={found}")
    return found


@pytest.fixture
def examples() -> int:
    """How many examples are played."""
    return int(os.environ.get("MODEL_EXAMPLES", str(EXAMPLES)))


@pytest.fixture
def steps() -> int:
    """How many steps each example has."""
    return int(os.environ.get("MODEL_STEPS", str(STEPS)))


@pytest.fixture
def shrink() -> bool:
    """Whether a failure is made as short as can be."""
    return os.environ.get("MODEL_SHRINK") == "1"


@pytest.fixture
def commands() -> int:
    """How many commands are decided without a server."""
    return int(os.environ.get("MODEL_COMMANDS", str(COMMANDS)))
