"""Tellers killed, stopped and doubled, streams damaged: what was told is in the stream, in line."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import nats.js.errors
import psycopg
import pytest
from nats.aio.msg import Msg

from ledger.settings import Settings, to_environ
from projections.availability.log import SQL
from subscribers import messages
from subscribers.ats_audit import other_values
from subscribers.copies import emptied
from subscribers.durables import Filling, make_anew
from subscribers.messages import ats_subject
from subscribers.streams import GENERATION_KEY, STREAMS, ensure, is_filling
from tests.integration.telling.shop import PATIENCE_S, Shop, channel, eventually, received, sold
from tests.support.servers import REPOSITORY
from tests.support.told_checker import check_line

_TELLER: Final = """
import threading
from ledger.settings import load_settings
from subscribers.teller import run
run(load_settings(), threading.Event())
"""
_KILLED: Final = (
    """
import os, signal
from subscribers.ats_stream import AtsStream

async def killed(self, rows):
    if rows:
        os.kill(os.getpid(), signal.SIGKILL)

AtsStream.tell = killed
"""
    + _TELLER
)

_SILENT: Final = (
    """
import os, signal
from subscribers.ats_stream import AtsStream

async def silent(self, rows):
    self._stream.sequence += len(rows)
    if rows and rows[-1].told == 4:
        os.kill(os.getpid(), signal.SIGKILL)

async def neither(self, rows, through):
    pass

AtsStream.tell, AtsStream.tell_again = silent, neither
"""
    + _TELLER
)
_DIES_KNOWN_TO_NOBODY: Final = (
    """
import os, signal
from subscribers.ats_stream import AtsStream

settle = AtsStream.settle

async def killed(self):
    unanswered = self._stream.acknowledged < self._stream.sequence
    await settle(self)
    if unanswered:
        os.kill(os.getpid(), signal.SIGKILL)

AtsStream.settle = killed
"""
    + _TELLER
)
_STOPPED: Final = (
    """
import os, signal
from subscribers.ats_stream import AtsStream

tell = AtsStream.tell

async def stopped(self, rows):
    if rows and rows[-1].ats == 9:
        os.kill(os.getpid(), signal.SIGSTOP)
    await tell(self, rows)

AtsStream.tell = stopped
"""
    + _TELLER
)
_UNFENCED: Final = (
    """
from subscribers.fenced import FencedStream
fenced = FencedStream._wire
FencedStream._wire = lambda *a: fenced(*a).replace(b"Nats-Expected", b"Free-Expected").replace(
    b"Nats-Msg-Id", b"Free-Msg-Id")
FencedStream._judge = staticmethod(lambda sequence, answer: None)
"""
    + _STOPPED
)
_STREAM_SEQUENCES: Final = """
select l.told, s.sequence from telling.channel_log l
  left join lateral ({}) s on true order by l.told
"""

Start = Callable[..., Any]
StartProcess = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start_process(settings: Settings) -> Iterator[StartProcess]:
    """Tellers as processes of their own; killed with the test."""
    processes: list[subprocess.Popen[bytes]] = []
    environ = os.environ | to_environ(settings)

    def start(code: str = _TELLER) -> "subprocess.Popen[bytes]":
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=REPOSITORY,
                env=environ,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait(PATIENCE_S)


async def listening(shop: Shop, *, stored: bool = False) -> list[int]:
    """The numbers of everything that is told from now on, or of what the stream has taken."""
    heard: list[int] = []

    async def hear(message: Msg) -> None:
        state = messages.decode(message.data).data
        assert isinstance(state, messages.AtsState)
        heard.append(state.told)

    if stored:
        await shop.js.subscribe("inventory.ats.>", cb=hear, ordered_consumer=True)
    else:
        await shop.client.subscribe("inventory.ats.>", cb=hear)
    await shop.client.flush()
    return heard


def is_stopped(pid: int) -> bool:
    """Whether a process has been stopped, and is not only slow."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def forge(shop: Shop, *statements: str) -> None:
    """Do what only a superuser can."""
    with psycopg.connect(shop.database.owner_url) as connection:
        connection.execute("set session_replication_role = replica")
        for statement in statements:
            connection.execute(statement.encode())


async def test_what_a_killed_teller_kept_is_told_by_the_next(
    shop: Shop, start_process: StartProcess, start_teller: Start
) -> None:
    """Killed between the commit and the first message: nothing is lost, nothing told twice."""
    heard = await listening(shop)
    shop.happens(channel(), received(10), received(4, "LAMP"))
    assert -signal.SIGKILL == start_process(_KILLED).wait(PATIENCE_S)
    kept = shop.log("told, ats")
    start_teller()
    await shop.hears(10)
    await shop.hears(4, "LAMP")
    shop.happens(sold(1))
    await shop.hears(9)

    assert [(1, 4), (2, 10)] == sorted(kept)
    assert [1, 2, 3] == heard


async def test_a_second_teller_waits_for_the_first(shop: Shop, start_teller: Start) -> None:
    """And goes on where it stopped."""
    heard = await listening(shop)
    first = start_teller()
    await first.is_in("following")
    second = start_teller()
    await second.is_in("standing-by")
    shop.happens(channel(), received(10))
    await shop.hears(10)
    first.stop()
    await second.is_in("following")
    shop.happens(sold(1))
    await shop.hears(9)

    assert [1, 2] == heard


async def test_a_stopped_teller_is_followed_and_says_nothing_when_it_wakes(
    shop: Shop, start_process: StartProcess, start_teller: Start
) -> None:
    """Its office is another's by then, and the stream, further on, takes no word of it."""
    await ensure(shop.js)
    heard = await listening(shop, stored=True)
    stopped = start_process()
    shop.happens(channel(), received(100))
    await shop.hears(100)
    stopped.send_signal(signal.SIGSTOP)
    second = start_teller()
    await second.is_in("following")
    shop.happens(sold(1))
    await shop.hears(99)
    stopped.send_signal(signal.SIGCONT)
    for left in range(98, 88, -1):
        shop.happens(sold(1))
        await shop.hears(left)

    await eventually(lambda: heard[-1] == 12)
    assert sorted(set(heard)) == heard
    assert [(n,) for n in range(1, 13)] == shop.log("told")


async def test_the_log_says_where_the_stream_has_what_was_sent_in_vain_at_first(
    shop: Shop, start_process: StartProcess, start_teller: Start
) -> None:
    """What is sent again is fewer values than before, and so each of them comes earlier: known even
    where who sent it again was killed as soon as the stream had it.
    """
    silent = start_process(_SILENT)
    shop.happens(channel(), received(10), received(4, "LAMP"))
    await eventually(lambda: len(shop.log()) == 2)
    shop.happens(sold(1), received(3, "VASE"))
    assert -signal.SIGKILL == silent.wait(PATIENCE_S)
    assert -signal.SIGKILL == start_process(_DIES_KNOWN_TO_NOBODY).wait(PATIENCE_S)
    start_teller()
    await shop.hears(3, "VASE")

    query = _STREAM_SEQUENCES.format(SQL["sequence_of"].decode())
    said = dict(shop.database.execute(query))
    line = {told: sequence for sequence, told, _ in await shop.line()}
    assert {1: 1, 3: 2, 4: 3} == line
    assert line == {told: said[told] for told in line}


@pytest.mark.parametrize("code", [_STOPPED, _UNFENCED], ids=["fenced", "control"])
async def test_a_teller_that_was_stopped_with_a_message_in_its_hand_keeps_it(
    shop: Shop, start_process: StartProcess, start_teller: Start, code: str
) -> None:
    """Others have told it and newer ones by then; the control, without a fence, tells it again."""
    await shop.keep_all()
    stopped = start_process(code)
    shop.happens(channel(), received(10))
    await shop.hears(10)
    shop.happens(sold(1))
    await eventually(lambda: len(shop.log()) == 2 and is_stopped(stopped.pid))
    second = start_teller()
    await shop.hears(9)
    shop.happens(sold(1))
    await shop.hears(8)
    stopped.send_signal(signal.SIGCONT)
    if code == _UNFENCED:
        await shop.hears(9)
    for left in range(7, 3, -1):
        shop.happens(sold(1))
        await shop.hears(left)
    second.stop()

    line = [(told, ("web", "MUG", ""), sequence) for sequence, told, _ in await shop.line()]
    found = check_line(line)
    assert bool(found) == (code == _UNFENCED), found


@pytest.mark.parametrize("lost", ["some", "all", "stream"])
async def test_what_a_stream_has_lost_is_told_again(
    shop: Shop, start_teller: Start, lost: str
) -> None:
    """The same values under the same numbers, found by comparing all of them."""
    teller = start_teller()
    shop.happens(channel(by_location=True), *(received(5, f"SKU-{n}") for n in range(50)))
    await shop.hears(5, "SKU-49", at="ams-1")
    shop.happens(sold(1, "SKU-7"))
    await shop.hears(4, "SKU-7", at="ams-1")
    teller.stop()
    before = await shop.told("SKU-7")
    match lost:
        case "some":
            for n in (7, 11, 49):
                subject = ats_subject("web", f"SKU-{n}")
                await shop.js.purge_stream(messages.ATS_STREAM, subject=subject)
        case "all":
            await shop.js.purge_stream(messages.ATS_STREAM)
        case _:
            await shop.js.delete_stream(messages.ATS_STREAM)
    start_teller()

    async def complete() -> bool:
        with suppress(nats.js.errors.NotFoundError):
            return (await shop.js.stream_info(messages.ATS_STREAM)).state.messages == 100
        return False

    await eventually(complete)
    assert before == await shop.told("SKU-7")
    shop.happens(sold(1, "SKU-7"))
    await shop.hears(3, "SKU-7")


@pytest.mark.parametrize(
    "change",
    [
        "update telling.place set told = told - 1; delete from telling.channel_log where told = 2",
        "update telling.channel_log set ats = ats + 1",
    ],
)
async def test_a_stream_of_another_past_stops_the_teller(
    shop: Shop, start_teller: Start, change: str
) -> None:
    """Ahead of the log, or saying something else: until there is a new generation."""
    teller = start_teller()
    shop.happens(channel(), received(10))
    await shop.hears(10)
    shop.happens(sold(1))
    await shop.hears(9)
    teller.stop()
    forge(shop, *change.split("; "))
    again = start_teller()
    await again.is_in("halted")

    again.stop()
    await shop.js.delete_stream(messages.ATS_STREAM)
    declared = next(one for one in STREAMS if one.name == messages.ATS_STREAM)
    await shop.js.add_stream(declared.evolve(metadata={GENERATION_KEY: "2"}))
    start_teller()
    await shop.hears(9)

    assert (2, 1) == shop.log("generation, told")[-1]


async def test_a_generation_that_begins_meanwhile_is_told_by_the_teller_at_work(
    shop: Shop, start_teller: Start
) -> None:
    """People empty the stream under the next number; nobody has to wait for the next sale."""
    start_teller()
    shop.happens(channel(), received(10))
    await shop.hears(10)
    await shop.at_rest()

    await emptied(shop.js, messages.ATS_STREAM, 2)

    await shop.hears(10)
    assert (2, 1) == shop.log("generation, told")[-1]


async def test_what_is_lost_while_nothing_happens_is_told_again(
    shop: Shop, start_teller: Start
) -> None:
    """Nobody has to restart a teller: it sees that values are gone, and which."""
    start_teller()
    shop.happens(channel(), received(10), received(3, sku="LAMP"))
    await shop.hears(3, "LAMP")
    await shop.at_rest()
    last = await shop.js.get_last_msg(messages.ATS_STREAM, ats_subject("web", "MUG"))
    assert last.seq is not None
    await shop.js.delete_msg(messages.ATS_STREAM, last.seq)

    await shop.hears(10)


async def test_nobody_is_given_a_part_of_the_present_as_the_whole(
    shop: Shop, start_teller: Start
) -> None:
    """A stream that was made anew holds nothing at first: who joins then would sell nothing."""
    await ensure(shop.js)
    with pytest.raises(Filling):
        await make_anew(shop.js, "web")
    start_teller()
    shop.happens(channel(), received(10), received(3, sku="LAMP"))
    await shop.at_rest()
    await eventually(lambda: _is_filled(shop))
    assert 2 == (await make_anew(shop.js, "web")).values

    await shop.js.delete_stream(messages.ATS_STREAM)
    await ensure(shop.js)
    with pytest.raises(Filling):
        await make_anew(shop.js, "web")
    start_teller()
    await eventually(lambda: _is_filled(shop))
    assert 2 == (await make_anew(shop.js, "web")).values


async def _is_filled(shop: Shop) -> bool:
    return not await is_filling(shop.js)


async def test_an_audit_names_what_the_stream_has_lost(
    shop: Shop, settings: Settings, start_teller: Start
) -> None:
    """Value by value, missing or another; and nothing where nothing is wrong."""
    teller = start_teller()
    shop.happens(channel(), *(received(5, f"SKU-{n}") for n in range(20)))
    await shop.hears(5, "SKU-19")
    await shop.at_rest()
    teller.stop()
    assert settings.nats_url is not None

    async def found() -> list[tuple[str, str]]:
        url = str(settings.nats_url)
        wrong = other_values(url, shop.database.service_url)
        return [(one.told.sku, one.what) async for one in wrong]

    assert [] == await found()
    await shop.js.purge_stream(messages.ATS_STREAM, subject=ats_subject("web", "SKU-3"))
    await shop.js.publish(ats_subject("web", "SKU-4"), b"{}")
    missing, other = "missing from the stream", "the stream holds another value"
    assert [("SKU-3", missing), ("SKU-4", other)] == await found()
