"""Figures that a test says while it passes: seeds, rates, tables."""

from collections.abc import Callable
from typing import TypeAlias

Tell: TypeAlias = Callable[[str], None]
"""Says a figure, in the test's output and in the summary of the run."""
