"""One behaviour suite over `Channel` on a real server, with least privilege, and over its fake."""

import asyncio

import pytest

from subscribers.messages import MESSAGE_ID, ats_subject
from subscribers.sdk import Change, Key, Limits, PresentComplete, Replaced, Staleness
from subscribers.sdk.fake_ats import told_as
from subscribers.sdk.subscriber import Subscriber
from tests.integration.channels.conftest import PATIENCE_S, Seen, eventually, running
from tests.support.channel_bus import CHANNEL, QUICK, Bus, number


async def test_the_present_comes_first_then_the_marker_then_changes(bus: Bus) -> None:
    """Who joins knows everything that may be sold before the first change arrives."""
    for ats in range(3):
        await bus.tell("MUG", ats)
    await bus.tell("LAMP", 7)
    seen = Seen()
    async with bus.subscriber() as channel, running(channel.run(seen, seen.complete)):
        await eventually(lambda: bool(seen.present))
        present = seen.told()
        await bus.tell("MUG", 1)
        await eventually(lambda: len(seen.changes) == 3)

    assert {("MUG", 2), ("LAMP", 7)} == {*present}
    assert frozenset({Key("MUG"), Key("LAMP")}) == seen.present[0].keys
    assert ("MUG", 1) == seen.told()[-1]
    assert [True, True, False] == [change.present for change in seen.changes]


async def test_a_present_with_nothing_in_it_is_complete_at_once(bus: Bus) -> None:
    """A channel that sells nothing yet is not left waiting."""
    seen = Seen()
    async with bus.subscriber() as channel, running(channel.run(seen, seen.complete)):
        await eventually(lambda: bool(seen.present))

    assert ([], frozenset()) == (seen.changes, seen.present[0].keys)


async def test_a_number_is_handed_over_only_if_it_is_newer(bus: Bus) -> None:
    """The same number told again, or an older one, is passed over."""
    seen = Seen()
    async with bus.subscriber() as channel, running(channel.run(seen)):
        for index, (told, ats) in enumerate(((2, 20), (2, 20), (1, 10), (3, 30))):
            subject, headers, payload = told_as(number("MUG", ats, told))
            headers[MESSAGE_ID] = f"{index}"  # Or the server would see the repetition itself.
            await bus.tell_as(subject, headers, payload)
            await _has_seen(channel, seen, index + 1)
        passed_over = channel.passed_over

    assert ([("MUG", 20), ("MUG", 30)], 2) == (seen.told(), passed_over)


async def test_the_part_of_a_location_is_a_number_of_its_own(bus: Bus) -> None:
    """A SKU and its part at one location do not overtake each other."""
    await bus.tell("MUG", 5)
    await bus.tell("MUG", 3, location="ams-1")
    seen = Seen()
    async with bus.subscriber() as channel, running(channel.run(seen, seen.complete)):
        await eventually(lambda: bool(seen.present))

    assert {Key("MUG"): 5, Key("MUG", "ams-1"): 3} == {c.key: c.state.ats for c in seen.changes}


async def test_a_failing_key_waits_alone(bus: Bus) -> None:
    """An error is retried later with the same number, and others flow on meanwhile."""
    seen = Seen()
    seen.fails["MUG"] = 2
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await bus.tell("LAMP", 2)
        await eventually(lambda: len(seen.changes) == 4)
        await eventually(lambda: _is(bus, 0))

    assert [1, 2, 3] == [c.attempt for c in seen.changes if c.state.sku == "MUG"]
    assert ("LAMP", 2) in seen.told()[:3]
    assert [] == await bus.letters()


async def test_a_number_that_was_overtaken_while_it_waited_is_not_tried_again(bus: Bus) -> None:
    """The newest wins; what is obsolete is acknowledged without further ado."""
    seen = Seen()
    seen.fails["MUG"] = 1
    limits = Limits(tries_max=3, retry_min_ms=300)
    async with bus.subscriber(limits) as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await eventually(lambda: len(seen.changes) == 1)
        await bus.tell("MUG", 2)
        await eventually(lambda: len(seen.changes) == 2)
        await eventually(lambda: _is(bus, 0))

    assert [("MUG", 1), ("MUG", 2)] == seen.told()


async def test_what_always_fails_becomes_a_dead_letter(bus: Bus) -> None:
    """After so many tries: with the reason, the attempts, headers and bytes as they came."""
    seen = Seen()
    seen.fails["MUG"] = 1_000
    state = number("MUG", 4, 1)
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 4)
        await eventually(lambda: _has_letters(bus, 1))
        await bus.tell("LAMP", 1)
        await eventually(lambda: ("LAMP", 1) in seen.told())
        await eventually(lambda: _is(bus, 0))
        dead_letters = channel.dead_letters

    letter = (await bus.letters())[0]
    assert (1, 3) == (dead_letters, sum(c.state.sku == "MUG" for c in seen.changes))
    assert ("channel-web", "RuntimeError: a bad day", 3) == (
        letter.consumer,
        letter.reason,
        letter.attempts,
    )
    subject, headers, payload = told_as(state)
    assert (subject, 1) == (letter.subject, letter.sequence)
    assert headers.items() <= letter.headers.items()
    assert payload[-20:] == letter.payload[-20:]


async def test_a_handler_whose_own_work_was_cancelled_has_failed(bus: Bus) -> None:
    """Nobody asked the subscriber to end: it is tried again, becomes a letter, and others go on."""
    seen = Seen()

    async def handle(change: Change) -> None:
        await seen(change)
        if change.state.sku == "MUG":
            work = asyncio.get_running_loop().create_future()
            work.cancel()
            await work

    async with bus.subscriber() as channel, running(channel.run(handle)):
        await bus.tell("MUG", 1)
        await eventually(lambda: _has_letters(bus, 1))
        await bus.tell("LAMP", 1)
        await eventually(lambda: ("LAMP", 1) in seen.told())

    (letter,) = await bus.letters()
    assert (3, "CancelledError: ") == (letter.attempts, letter.reason)


async def test_a_subscriber_that_is_cancelled_ends(bus: Bus) -> None:
    """In the middle of its work, which is no failure of the handler."""
    await bus.tell("MUG", 1)
    begun = asyncio.Event()

    async def handle(_: Change) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with bus.subscriber() as channel:
        work = asyncio.create_task(channel.run(handle))
        await begun.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(work, PATIENCE_S)

    assert [] == await bus.letters()


async def test_a_number_after_a_dead_letter_is_tried_afresh(bus: Bus) -> None:
    """Giving one number up does not condemn the key."""
    seen = Seen()
    seen.fails["MUG"] = 3
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await eventually(lambda: _has_letters(bus, 1))
        await bus.tell("MUG", 2)
        await eventually(lambda: ("MUG", 2) in seen.told())

    assert [1, 2, 3, 1] == [change.attempt for change in seen.changes]


async def test_what_nobody_can_read_becomes_a_dead_letter_untried(bus: Bus) -> None:
    """A garbled message delays nothing and is not lost."""
    seen = Seen()
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell_as(ats_subject(CHANNEL, "MUG"), {"Odd": "header"}, b"\xff no JSON")
        await bus.tell("LAMP", 1)
        await eventually(lambda: ("LAMP", 1) in seen.told())
        await eventually(lambda: _has_letters(bus, 1))

    letter = (await bus.letters())[0]
    assert (0, b"\xff no JSON", "header") == (
        letter.attempts,
        letter.payload,
        letter.headers["Odd"],
    )


async def test_nothing_is_acknowledged_before_its_dead_letter_is_stored(bus: Bus) -> None:
    """While no letter can be left, the message stays the server's, and others flow on."""
    await bus.refuse_letters(refuse=True)
    seen = Seen()
    seen.fails["MUG"] = 3
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await eventually(lambda: len(seen.changes) == 3)
        await bus.tell("LAMP", 1)
        await eventually(lambda: ("LAMP", 1) in seen.told())
        await eventually(lambda: _is(bus, 1))
        await bus.refuse_letters(refuse=False)
        await eventually(lambda: _has_letters(bus, 1))
        await eventually(lambda: _is(bus, 0))


async def test_a_replayed_letter_goes_to_the_handler_and_is_gone(bus: Bus) -> None:
    """Once the cause is mended, what was given up is handled, once."""
    seen = Seen()
    seen.fails["MUG"] = 3
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await eventually(lambda: _has_letters(bus, 1))
        fates = await asyncio.wait_for(bus.replay(), PATIENCE_S)

    assert ["handled"] == fates
    assert ([], 4) == (await bus.letters(), len(seen.changes))


async def test_a_replayed_letter_that_fails_stays_a_letter(bus: Bus) -> None:
    """One try, no second letter: an operator asked, and learns the answer."""
    seen = Seen()
    seen.fails["MUG"] = 4
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await eventually(lambda: _has_letters(bus, 1))
        fates = await asyncio.wait_for(bus.replay(), PATIENCE_S)

    assert (["failed again"], 1, 4) == (fates, len(await bus.letters()), len(seen.changes))


async def test_a_replayed_letter_never_undoes_a_newer_number(bus: Bus) -> None:
    """State is applied only if it is newer, wherever it comes from."""
    seen = Seen()
    seen.fails["MUG"] = 3
    async with bus.subscriber() as channel, running(channel.run(seen)):
        await bus.tell("MUG", 1)
        await eventually(lambda: _has_letters(bus, 1))
        await bus.tell("MUG", 2)
        await eventually(lambda: ("MUG", 2) in seen.told())
        fates = await asyncio.wait_for(bus.replay(), PATIENCE_S)

    assert (["overtaken by a newer number"], []) == (fates, await bus.letters())
    assert ("MUG", 2) == seen.told()[-1]


async def test_the_iterator_acknowledges_on_the_next_step(bus: Bus) -> None:
    """What is being looked at has not been acknowledged: a crash brings it again."""
    await bus.tell("MUG", 1)
    async with bus.subscriber() as channel:
        changes = channel.ats()
        first = await anext(changes)
        await eventually(lambda: _is(bus, 1))
        upcoming = asyncio.ensure_future(anext(changes))
        await eventually(lambda: _is(bus, 0))
        await bus.tell("LAMP", 2)
        second = await asyncio.wait_for(upcoming, PATIENCE_S)

    assert [("MUG", 1), ("LAMP", 2)] == [(c.state.sku, c.state.ats) for c in (first, second)]


async def test_the_iterator_lets_errors_out_and_what_failed_comes_again(bus: Bus) -> None:
    """Nothing is retried and nothing given up behind the back of whoever iterates."""
    await bus.tell("MUG", 1)
    async with bus.subscriber() as channel:
        with pytest.raises(RuntimeError, match="a bad day"):
            await _iterate_into_trouble(channel)
        again = await anext(channel.ats())

    assert ("MUG", 1, True) == (again.state.sku, again.state.ats, again.present)
    assert [] == await bus.letters()


async def test_a_new_generation_is_read_from_its_beginning(bus: Bus) -> None:
    """Numbers of another copy of the ledger count anew, and the marker says which keys remain."""
    for ats in (5, 6, 7):
        await bus.tell("MUG", ats)
    await bus.tell("LAMP", 1)
    seen = Seen()
    async with bus.subscriber() as channel, running(channel.run(seen, seen.complete)):
        await eventually(lambda: len(seen.present) == 1)
        await bus.begin_generation(2)
        await bus.tell("MUG", 3)
        await eventually(lambda: bool(seen.present[1:]) and ("MUG", 3) in seen.told())
        await eventually(lambda: _is(bus, 0))

    assert [1, 2] == sorted({complete.generation for complete in seen.present})
    assert Key("LAMP") not in seen.present[-1].keys
    assert 2 == seen.changes[-1].generation


async def test_who_joins_last_replaces_the_one_before(bus: Bus) -> None:
    """Two subscribers of one channel would each get a part; the earlier one ends and says why."""
    await bus.tell("MUG", 1)
    first, second = Seen(), Seen()
    async with bus.subscriber() as earlier, bus.subscriber() as later:
        ended = asyncio.create_task(earlier.run(first, first.complete))
        await eventually(lambda: bool(first.present))
        async with running(later.run(second, second.complete)):
            with pytest.raises(Replaced):
                await asyncio.wait_for(ended, PATIENCE_S)
            await eventually(lambda: bool(second.present))
            await bus.tell("MUG", 2)
            await eventually(lambda: second.told() == [("MUG", 1), ("MUG", 2)])

    assert [("MUG", 1)] == first.told()


async def test_staleness_is_the_age_of_the_oldest_number_not_acknowledged(bus: Bus) -> None:
    """It grows while a handler is slow, and is told to whoever keeps metrics."""
    told: list[Staleness] = []
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(change: Change) -> None:
        begun.set()
        await go_on.wait()

    async with bus.subscriber(QUICK, told.append) as channel, running(channel.run(slow)):
        await bus.tell("MUG", 1)
        await begun.wait()
        early = channel.staleness.oldest_s
        await eventually(lambda: channel.staleness.oldest_s > early)
        await eventually(lambda: any(s.oldest_s > early for s in told))
        go_on.set()
        await eventually(lambda: channel.staleness.oldest_s == 0)
        await eventually(lambda: told[-1].oldest_s == 0)


async def test_whoever_keeps_metrics_may_fail(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged; numbers are handed over as before, and staleness is told again."""
    told: list[Staleness] = []

    def fail(staleness: Staleness) -> None:
        told.append(staleness)
        raise RuntimeError("no metrics today")

    seen = Seen()
    async with bus.subscriber(QUICK, fail) as channel, running(channel.run(seen)):
        await eventually(lambda: len(told) > 1)
        await bus.tell("MUG", 1)
        await eventually(lambda: ("MUG", 1) in seen.told())

    assert "nobody could be told how stale it is" in caplog.text


async def test_stop_ends_a_subscriber_that_waits(bus: Bus) -> None:
    """Stopping needs no further message, and acknowledges what was handled."""
    await bus.tell("MUG", 1)
    seen = Seen()
    async with bus.subscriber() as channel:
        work = asyncio.create_task(channel.run(seen, seen.complete))
        await eventually(lambda: bool(seen.present))
        channel.stop()
        await asyncio.wait_for(work, PATIENCE_S)
        await eventually(lambda: _is(bus, 0))


async def test_handlers_work_side_by_side_but_never_on_one_key(bus: Bus) -> None:
    """As many as allowed, each on a key of its own: order within a key is kept."""
    at_work: set[str] = set()
    together: list[frozenset[str]] = []
    go_on = asyncio.Event()

    async def handle(change: Change) -> None:
        assert change.state.sku not in at_work
        at_work.add(change.state.sku)
        together.append(frozenset(at_work))
        if len(at_work) == 2:
            go_on.set()
        await go_on.wait()
        at_work.discard(change.state.sku)

    limits = Limits(handlers_max=2, retry_min_ms=10, tries_max=1)
    async with bus.subscriber(limits) as channel, running(channel.run(handle)):
        for ats in range(5):
            await bus.tell("MUG", ats)
            await bus.tell("LAMP", ats)
        await eventually(lambda: _is(bus, 0))

    assert frozenset({"MUG", "LAMP"}) in together
    assert [] == await bus.letters()


async def test_the_marker_waits_for_a_number_that_has_to_be_retried(bus: Bus) -> None:
    """Complete means handed over with success, or given up: not merely delivered."""
    await bus.tell("MUG", 1)
    await bus.tell("LAMP", 2)
    seen = Seen()
    seen.fails["MUG"] = 2
    at_marker: list[int] = []

    async def complete(_: PresentComplete) -> None:
        at_marker.append(len(seen.changes))

    async with bus.subscriber() as channel, running(channel.run(seen, complete)):
        await eventually(lambda: bool(at_marker))

    assert [4] == at_marker


async def test_the_marker_is_told_until_somebody_takes_it(bus: Bus) -> None:
    """What follows from a complete present is not left undone because of one bad moment."""
    tries: list[PresentComplete] = []

    async def fails_twice(present: PresentComplete) -> None:
        tries.append(present)
        if len(tries) < 3:
            raise asyncio.CancelledError if len(tries) == 2 else RuntimeError("a bad day")

    seen = Seen()
    async with bus.subscriber() as channel, running(channel.run(seen, fails_twice)):
        await eventually(lambda: channel.present is not None)

    assert 3 == len(tries)


async def test_no_more_is_taken_in_than_the_limit_allows(bus: Bus) -> None:
    """A slow handler makes the server wait, not memory grow; all comes through in the end."""
    for sku in range(40):
        await bus.tell(f"SKU-{sku}", sku)
    seen = Seen()
    limits = Limits(unacknowledged_max=7, heartbeat_ms=200, pull_ms=2_000)
    async with bus.subscriber(limits) as channel, running(channel.run(seen, seen.complete)):
        await eventually(lambda: bool(seen.present))

    assert 40 == len(seen.changes) == len({c.key for c in seen.changes})


async def test_one_number_can_be_asked_for_at_any_time(bus: Bus) -> None:
    """Also without following: the last one told, or none."""
    await bus.tell("MUG", 1)
    await bus.tell("MUG", 9)
    await bus.tell("MUG", 4, location="ams-1")
    async with bus.subscriber() as channel:
        found = [await channel.get("MUG"), await channel.get("MUG", "ams-1")]
        missing = await channel.get("LAMP")

    assert [9, 4] == [state.ats for state in found if state is not None]
    assert missing is None


async def _iterate_into_trouble(channel: Subscriber) -> None:
    async for _ in channel.ats():
        raise RuntimeError("a bad day")


async def _has_seen(channel: Subscriber, seen: Seen, count: int) -> None:
    await eventually(lambda: channel.passed_over + len(seen.changes) >= count)


async def _is(bus: Bus, unacknowledged: int) -> bool:
    return await bus.unacknowledged() == unacknowledged


async def _has_letters(bus: Bus, count: int) -> bool:
    return len(await bus.letters()) == count
