"""Where files made by others lie, beside the repository."""

from pathlib import Path
from typing import Final

import pytest

DATA: Final = Path(__file__).resolve().parents[4] / "shared" / "data"
SCENARIOS: Final = DATA / "peer_scenarios.json"
SHIPMENTS: Final = DATA / "us_warehouse_shipments.parquet"

needs_scenarios = pytest.mark.skipif(
    not SCENARIOS.exists(), reason="the scenarios of ../shared/data are not here"
)
needs_shipments = pytest.mark.skipif(
    not SHIPMENTS.exists(), reason="the shipments of ../shared/data are not here"
)
