"""kill -9 on the way from the ledger to three channels, while stock, promises and rules change."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Final

import psycopg
import pytest

from tests.faults.conftest import Drive
from tests.faults.driving import (
    assert_clean,
    eventually,
    projected,
    verified,
)
from tests.faults.killing import strike, strike_role
from tests.faults.telling import (
    CHANNELS,
    Desk,
    Listener,
    differences,
    empty_database,
    log_of,
    rows,
    told,
    watched_tail,
)
from tests.support.figures import Tell
from tests.support.servers import Cluster, RunningService
from tests.support.told_checker import check_effects, check_log, last_rows

CYCLES: Final = int(os.environ.get("CHANNEL_CYCLES", "20"))
SUBSCRIBER: Final = "subscriber"
VICTIMS: Final = ("nats", "relay", "teller", "projector", SUBSCRIBER)
WORK_MAX: Final = 25
"""A victim has done up to so much since its last death: events, values or effects."""

ALSO: Final = 0.4
"""How often somebody else dies at the same moment."""

FORGED: Final = (
    "update telling.channel_log set ats = ats + 1"
    " where told = (select max(told) from telling.channel_log)"
)
UNFORGED: Final = FORGED.replace("+ 1", "- 1")


class Striker:
    """Kills who is at work on the way to channels; subscribers are started again by us."""

    def __init__(
        self,
        service: RunningService,
        listeners: Sequence[Listener],
        tail: Callable[[], int],
        random: Random,
    ) -> None:
        """`tail` says how far the stream of events is."""
        self._service = service
        self._listeners = listeners
        self._random = random
        self._work: dict[str, Callable[[], int]] = {
            "nats": tail,
            "relay": tail,
            "teller": lambda: told(service),
            "projector": lambda: projected(service),
            **{one.channel: one.done for one in listeners},
        }
        self._last: dict[str, int] = {}
        self.kills = 0

    def plan(self, cycles: int) -> list[list[str]]:
        """Who dies, cycle by cycle: everybody equally often, some of them in company."""
        order = [VICTIMS[n % len(VICTIMS)] for n in range(cycles)]
        self._random.shuffle(order)
        return [
            [victim, *(self._random.sample(VICTIMS, 1) if self._random.random() < ALSO else [])]
            for victim in order
        ]

    def strike(self, victims: Sequence[str]) -> None:
        """Wait until they have done some work, and kill them at once."""
        named = {self._random.choice(CHANNELS) if v == SUBSCRIBER else v: v for v in victims}
        for name in named:
            work, goal = self._work[name], self._random.randrange(1, WORK_MAX)
            before = self._last.get(name, 0)
            eventually(lambda w=work, g=before + goal: w() >= g, f"work of {name}")  # type: ignore[misc]
        for name in named:
            self._kill(name)
            self._last[name] = self._work[name]()
            self.kills += 1
        for one in self._listeners:
            if one.channel in named:
                one.start()

    def _kill(self, name: str) -> None:
        for one in self._listeners:
            if one.channel == name:
                strike(one.pid)
                one.kill()
                return
        eventually(lambda: strike_role(self._service, name), f"a living {name}")


@pytest.fixture
def open_listeners(
    postgres_cluster: Cluster, tmp_path: Path
) -> Iterator[Callable[..., list[Listener]]]:
    """Subscribers of all channels, each on a database of its own; ended with the test."""
    with ExitStack() as stack:

        def start(service: RunningService, desk: Desk) -> list[Listener]:
            stack.callback(desk.close)
            found = []
            for channel in CHANNELS:
                desk.define(channel, "begin")
                credentials = desk.credentials(channel, tmp_path)
                database = stack.enter_context(empty_database(postgres_cluster))
                found.append(Listener(channel, service, credentials, database))
                stack.callback(found[-1].close)
            return found

        yield start


@pytest.mark.timeout(0)  # Any number of cycles; every wait inside has its own end.
def test_whoever_is_killed_channels_end_with_the_present_and_did_everything_once(
    service_factory: Callable[..., RunningService],
    open_listeners: Callable[..., list[Listener]],
    drive: Drive,
    seed: int,
    tell: Tell,
) -> None:
    """Message server, relay, teller, projector and subscribers die, sometimes two at once. Then
    streams, channel log and ledger agree, and three subscribers with them. Controls: a forged row
    is found, and a subscriber without its inbox does things again.
    """
    service = service_factory(environ={"LEDGER_RESTART_BACKOFF_MAX_MS": "400"})
    desk = Desk(service)
    listeners = open_listeners(service, desk)
    for one in listeners:
        one.start()
    driver = drive(service, channels=CHANNELS)
    with watched_tail(service) as tail:
        striker = Striker(service, listeners, tail, Random(f"channels/{seed}"))
        for victims in striker.plan(CYCLES):
            striker.strike(victims)
            driver.acknowledged()
    entries = driver.finish()
    for channel in CHANNELS:
        desk.define(channel, "end")
    _come_to_agree(service, desk, listeners)

    head = assert_clean(service, [*entries, *desk.entries])
    log, done = log_of(service), sum(one.done() for one in listeners)
    assert [] == check_log(log)
    told_them = f"{head} events, {len(log)} values, {done} effects"
    tell(f"{CYCLES} cycles, {striker.kills} kills; {told_them}")
    _assert_a_forged_row_is_found(service, desk, listeners)
    _assert_a_forgetful_one_does_it_again(service, listeners[0])


def _come_to_agree(service: RunningService, desk: Desk, listeners: Sequence[Listener]) -> None:
    """Promises run out, and what is on its way arrives; then there is no difference left."""
    found: list[str] = []

    def agree() -> bool:
        pending = "select count(*) from projections.stock_holds"
        if rows(service, pending)[0][0] == 0:
            found[:] = differences(service, desk, listeners)
            return not found
        return False

    try:
        eventually(agree, "agreement")
    except AssertionError as never:
        raise AssertionError("\n".join(found) or "promises never ran out") from never


def _assert_a_forged_row_is_found(
    service: RunningService, desk: Desk, listeners: Sequence[Listener]
) -> None:
    """By the auditor, and by these very checks."""
    _as_superuser(service, FORGED)
    code, said = verified(service)
    seen = differences(service, desk, listeners)
    _as_superuser(service, UNFORGED)

    assert code == 1, said
    assert "Law 16" in said, said
    assert seen


def _as_superuser(service: RunningService, statement: str) -> None:
    with psycopg.connect(service.runtime()["database"]) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(statement.encode())


def _assert_a_forgetful_one_does_it_again(service: RunningService, listener: Listener) -> None:
    """The control of the effects: all that is present comes again, and nobody remembers it."""
    log = [row for row in log_of(service) if row.channel == listener.channel]
    assert [] == check_effects(log, listener.effects())
    listener.kill()
    goal = listener.done() + len(last_rows(log))
    listener.start(forgetful=True)
    eventually(lambda: listener.done() >= goal, "effects")

    assert any("happened 2 times" in one for one in check_effects(log, listener.effects()))
