"""kill -9 of everything, again and again, while a driver goes on asking."""

from collections.abc import Callable

import pytest

from tests.faults.conftest import Drive
from tests.faults.driving import api_urls, assert_clean, in_office
from tests.faults.killing import API_PROCESSES, Killer
from tests.faults.telling import attested
from tests.support.figures import Tell
from tests.support.servers import RunningService

VICTIMS = ("api", "postgres", "backend", "nats", "projector", "relay", "notary")


@pytest.mark.timeout(0)  # Any number of cycles; every wait inside has its own end.
def test_whoever_is_killed_nothing_is_lost_doubled_or_made_up(
    service_factory: Callable[..., RunningService],
    drive: Drive,
    seed: int,
    cycles: int,
    tell: Tell,
) -> None:
    """Writer, API, postmaster, backend, message server, projector, relay, notary: in the seed's
    order while commands go on; afterwards journal, ledger, stream and projections agree.
    """
    service = service_factory(
        "--api-processes", str(API_PROCESSES), environ={"LEDGER_RESTART_BACKOFF_MAX_MS": "400"}
    )
    driver = drive(service, *api_urls(service, API_PROCESSES))
    killer = Killer(service, seed, {"notary": lambda: attested(service)})
    for victim in killer.plan(VICTIMS, cycles):
        killer.kill(victim)
        driver.acknowledged()
    entries = driver.finish()

    head = assert_clean(service, entries)
    epoch, _ = in_office(service)
    tell(f"{cycles} x {len(VICTIMS)} kills, {len(entries)} lines, {head} events, epoch {epoch}")
