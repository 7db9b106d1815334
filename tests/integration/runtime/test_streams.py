"""`inventory-ledger streams` against a running service, and what the service says of its copies."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from typing import Any

import httpx
import nats
import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from api.runtime.processes import wait_until
from subscribers.messages import ATS_STREAM, EVENTS_STREAM, STOCK_STREAM
from subscribers.sdk import Change, Channel, PresentComplete
from tests.integration.channels.conftest import eventually
from tests.support.servers import RunningService

PATIENCE_S = 60
EVENTS = 5


@pytest.fixture(scope="module")
def service(service_factory: Callable[..., RunningService]) -> RunningService:
    """A service that has told some events."""
    service = service_factory()
    for number in range(EVENTS):
        movement = {"type": "receive", "sku": f"MUG-{number}", "location": "ams-1", "quantity": 10}
        answer = httpx.post(
            f"{service.url}/v1/movements",
            json={"movements": [movement]},
            headers=service.headers(**{"Idempotency-Key": f"day-{number}"}),
        )
        assert 201 == answer.status_code
    assert wait_until(lambda: relay(service)["told_position"] == EVENTS, timeout_s=PATIENCE_S)
    return service


def relay(service: RunningService) -> dict[str, Any]:
    """What readiness says of the relay; the service is ready whatever that is."""
    answer = httpx.get(f"{service.url}/health/ready")
    assert 200 == answer.status_code
    return answer.json()["relay"] or {"told_position": 0}


def streams(service: RunningService, *arguments: str) -> Result:
    """The command, as people run it."""
    where = ["--data-dir", str(service.data_dir)]
    return CliRunner().invoke(main, ["streams", *arguments, *where])


def lose(service: RunningService, stream: str, sequence: int) -> str:
    """Take a message out of a stream, as a damaged file would; returns its subject."""

    async def delete() -> str:
        runtime = service.runtime()
        client = await nats.connect(runtime["nats"], user_credentials=runtime["nats_credentials"])
        message = await client.jetstream().get_msg(stream, sequence)
        await client.jetstream().delete_msg(stream, sequence)
        await client.close()
        assert message.subject is not None
        return message.subject

    return asyncio.run(delete())


def last_of(service: RunningService, stream: str) -> int:
    """The number of a stream's last message."""

    async def look() -> int:
        runtime = service.runtime()
        client = await nats.connect(runtime["nats"], user_credentials=runtime["nats_credentials"])
        state = (await client.jetstream().stream_info(stream)).state
        await client.close()
        return state.last_seq

    return asyncio.run(look())


def test_status_says_which_copies_there_are_and_how_the_relay_is(service: RunningService) -> None:
    """For people and for programs."""
    told = json.loads(streams(service, "status", "--json").output)

    assert (EVENTS, "following", EVENTS) == (
        told["head"],
        told["relay"]["state"],
        told["relay"]["told"],
    )
    assert EVENTS == next(s for s in told["streams"] if s["stream"] == EVENTS_STREAM)["messages"]
    assert "relay: following" in streams(service, "status").output


def test_a_lost_state_is_found_by_check_and_told_again_by_repair(service: RunningService) -> None:
    """Exit 1 while anything differs, 0 as soon as it does not. Which is told first is chance."""
    assert 0 == streams(service, "check").exit_code
    sku = lose(service, STOCK_STREAM, 1).rpartition(".")[2]

    found = streams(service, "check")
    mended = streams(service, "repair")

    assert 1 == found.exit_code
    assert f"{STOCK_STREAM}: stock/ams-1/{sku}" in found.output
    assert 0 == mended.exit_code, mended.output
    assert 0 == streams(service, "check").exit_code


def test_a_lost_number_of_a_channel_is_found_by_check_and_told_again_by_repair(
    service: RunningService,
) -> None:
    """Also where the teller itself has not looked yet."""
    sells = {"locations": ["ams-1"]}
    headers = service.headers(**{"Idempotency-Key": "web"})
    httpx.put(f"{service.url}/v1/channels/web", json=sells, headers=headers).raise_for_status()
    assert wait_until(lambda: told(service) == EVENTS, timeout_s=PATIENCE_S)
    teller = service.pids()["teller"]
    os.kill(teller, signal.SIGSTOP)
    try:
        subject = lose(service, ATS_STREAM, 1)
        found = streams(service, "check")
    finally:
        os.kill(teller, signal.SIGCONT)
    mended = streams(service, "repair")

    assert 1 == found.exit_code
    assert f"{ATS_STREAM}: {subject}: missing from the stream" in found.output
    assert 0 == mended.exit_code, mended.output
    assert 0 == streams(service, "check").exit_code
    assert told(service) == EVENTS


def test_a_subscriber_is_given_no_part_of_the_present_as_the_whole(
    service: RunningService,
) -> None:
    """Its stream is lost, or begins anew: a handler that believed less would sell less."""
    issued = httpx.post(
        f"{service.url}/v1/channels/web/credentials",
        json={"credential_id": "shop"},
        headers=service.headers(**{"Idempotency-Key": "shop"}),
    )
    presents: list[int] = []

    async def present(complete: PresentComplete) -> None:
        presents.append(len(complete.keys))

    async def sell(_: Change) -> None:
        """Nothing to do."""

    async def follow() -> None:
        runtime = service.runtime()
        login = {"user_credentials": runtime["nats_credentials"]}
        client = await nats.connect(runtime["nats"], **login)
        async with Channel(
            runtime["nats"], channel="web", credentials=issued.json()["credentials"]
        ) as shop:
            running = asyncio.create_task(shop.run(sell, present))
            await eventually(lambda: len(presents) == 1)
            await client.jetstream().delete_stream(ATS_STREAM)
            await eventually(lambda: len(presents) == 2)
            command = ("regenerate", "--yes", "--reason", "a new start")
            await asyncio.to_thread(streams, service, *command)
            await eventually(lambda: len(presents) == 3)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await client.close()

    asyncio.run(follow())

    assert [EVENTS] * 3 == presents


def told(service: RunningService) -> int:
    """How many numbers the stream of channels holds."""

    async def count() -> int:
        runtime = service.runtime()
        client = await nats.connect(runtime["nats"], user_credentials=runtime["nats_credentials"])
        info = await client.jetstream().stream_info(ATS_STREAM)
        await client.close()
        return info.state.messages

    return asyncio.run(count())


def test_the_last_state_of_a_new_generation_is_missed_like_any_other(
    service: RunningService,
) -> None:
    """What the last message says of itself is no measure of what was told."""
    assert 0 == streams(service, "regenerate", "--yes").exit_code
    assert 0 == streams(service, "check").exit_code
    last = last_of(service, STOCK_STREAM)
    lost = [lose(service, STOCK_STREAM, sequence) for sequence in (last, last - 1)]

    found = streams(service, "check")

    assert 1 == found.exit_code, found.output
    assert all(f"stock/ams-1/{subject.rpartition('.')[2]}" in found.output for subject in lost)
    assert 0 == streams(service, "repair").exit_code
    assert 0 == streams(service, "check").exit_code


def test_a_hole_among_the_events_halts_loudly_until_it_is_repaired(
    service: RunningService,
) -> None:
    """Health, metrics and the log say so; the repaired stream is of the same generation."""
    lose(service, EVENTS_STREAM, 2)
    generation = relay(service)["generation"]
    os.kill(service.pids()["relay"], signal.SIGKILL)
    assert wait_until(lambda: relay(service)["state"] == "halted", timeout_s=PATIENCE_S)
    assert "ledger_relay_halted 1.0" in httpx.get(f"{service.url}/metrics").text
    before = streams(service, "check")

    mended = streams(service, "repair")

    assert "position 2: missing from the stream" in before.output
    assert 0 == mended.exit_code, mended.output
    assert wait_until(lambda: relay(service)["state"] == "following", timeout_s=PATIENCE_S)
    assert 0 == streams(service, "check").exit_code
    assert generation == relay(service)["generation"]
    assert "relay HALTED" in service.log.read_text()


def test_a_new_generation_is_told_from_the_first_event(service: RunningService) -> None:
    """Asked for with a word why; the next number, in every copy."""
    before = relay(service)["generation"]

    begun = streams(service, "regenerate", "--yes", "--reason", "a new start")

    assert 0 == begun.exit_code, begun.output
    assert before + 1 == relay(service)["generation"]
    assert "a new start" in streams(service, "status").output
    assert 0 == streams(service, "check").exit_code
    metrics = httpx.get(f"{service.url}/metrics").text
    assert f"ledger_relay_generation {before + 1}.0" in metrics
    assert "ledger_relay_halted 0.0" in metrics


def test_a_new_generation_is_not_begun_by_mistake(service: RunningService) -> None:
    """Whoever says nothing has not agreed."""
    before = relay(service)["generation"]

    assert 1 == streams(service, "regenerate").exit_code

    assert before == relay(service)["generation"]
