"""A small flash sale over HTTP, with channels that listen: every value is worked out once more."""

from pathlib import Path

from api.bench.flash import FlashSale, Listened, judged, timed
from api.bench.recount import Row, Verdict
from api.bench.whole_service import running
from tests.support.figures import Tell

CHANNELS = 9
RATE = 80.0
SECONDS = 3.0
CARELESS = Path(__file__).parents[2] / "support" / "careless"


def _sold(scratch: Path, tell: Tell, **environment: str) -> tuple[Verdict, Listened, list[Row]]:
    with running(scratch / "data", **environment) as service:
        sale = FlashSale(service, scratch, channels=CHANNELS, hot=2_000)
        sale.open()
        with sale.listening(clients=1) as listened:
            outcome = sale.crowd(RATE, SECONDS)
        rows, heard = service.events(), listened.heard
        assert [] == sale.unheard(listened)
        window = (outcome.begun_at, outcome.ended_at)
        millis = timed(rows, heard, window, sale.hot_positions()).newest
    tell(f"{len(millis)} values, {len(rows)} events: p50 {millis[len(millis) // 2]:.1f} ms")
    return judged(rows, heard), listened, rows


def test_no_channel_hears_more_than_its_rules_allow(tmp_path: Path, tell: Tell) -> None:
    """Each with credentials and rules of its own; every value is what the ledger's rows make."""
    verdict, listened, rows = _sold(tmp_path, tell)

    assert (0, 0, []) == (verdict.above, verdict.different, verdict.first)
    assert {one.channel for one in listened.heard} == set(listened.reports[0].joins)
    assert len(listened.reports[0].joins) == CHANNELS
    assert verdict.checked > len(rows) / 4


def test_a_rule_that_the_teller_forgets_is_found(tmp_path: Path, tell: Tell) -> None:
    """Or the test above would prove nothing."""
    verdict, _, _ = _sold(tmp_path, tell, PYTHONPATH=str(CARELESS))

    assert verdict.above > 0
