"""`inventory-ledger verify` over a ledger, its projections and its stream."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from click.testing import CliRunner, Result

from api.cli import stream_audit
from api.cli.verify import command
from api.runtime.natsd import EmbeddedNats
from api.runtime.processes import wait_until
from ledger.settings import Settings
from subscribers.messages import CHECKPOINTS_STREAM, EVENTS_STREAM
from subscribers.relay import Health, run
from tests.support.audited import Audited

PATIENCE_S = 30.0


@pytest.fixture
def told(audited: Audited, nats_server: EmbeddedNats, tmp_path: Path) -> Iterator[str]:
    """The URL of a stream that holds the whole ledger, while its relay still runs."""
    settings = Settings(
        database_url=audited.database.service_url,
        nats_url=nats_server.url,
        data_dir=str(tmp_path / "data"),
        poll_ms=20,
    )
    stop = threading.Event()
    relay = threading.Thread(target=run, args=(settings, stop, Health()))
    relay.start()
    yield nats_server.url
    stop.set()
    relay.join(PATIENCE_S)
    assert not relay.is_alive()


def verify(audited: Audited, nats_url: str | None, *options: str) -> Result:
    """Run the command on the two servers."""
    urls = ["--database-url", audited.database.service_url]
    if nats_url is not None:
        urls += ["--nats-url", nats_url]
    return CliRunner().invoke(command, [*urls, *options])


def document(result: Result) -> dict[str, object]:
    """What `--json` printed."""
    parsed: dict[str, object] = json.loads(result.stdout)
    return parsed


def found(result: Result) -> list[tuple[int, int]]:
    """Law and position of every breach, as `--json` printed them."""
    parsed = json.loads(result.stdout)
    return [(breach["law"], breach["position"]) for breach in parsed["breaches"]]


def test_a_ledger_that_nobody_touched_passes(audited: Audited, told: str) -> None:
    """Exit 0, and the figures of what was compared."""
    result = verify(audited, told, "--json")

    assert 0 == result.exit_code, result.output
    answer = document(result)
    assert (True, audited.head, []) == (answer["ok"], answer["position"], answer["breaches"])
    assert isinstance(answer["checked"], dict)
    assert audited.head == answer["checked"]["stream"]


def test_the_sentences_say_the_same(audited: Audited, told: str) -> None:
    """Results go to standard output, for people."""
    result = verify(audited, told)

    assert 0 == result.exit_code, result.output
    assert f"Verified up to position {audited.head:,}" in result.stdout
    assert "Every law holds. No difference." in result.stdout


def test_without_a_bus_the_stream_is_not_compared_and_that_is_said(audited: Audited) -> None:
    """Nothing is passed over in silence."""
    result = verify(audited, None)

    assert 0 == result.exit_code, result.output
    assert "The stream was not compared" in result.stdout


def test_a_message_missing_from_the_stream_is_found(audited: Audited, told: str) -> None:
    """Its position is named, and where subscribers get it from."""
    assert 0 == verify(audited, told).exit_code

    async def delete() -> None:
        client = await nats.connect(told)
        await client.jetstream().delete_msg(EVENTS_STREAM, 42)
        await client.close()

    asyncio.run(delete())

    result = verify(audited, told, "--json")
    assert 1 == result.exit_code
    assert [(15, 42)] == found(result)
    assert "the projections follow from it" in verify(audited, told).stdout


def test_a_stream_compared_beside_the_log_is_compared_all_the_same(
    audited: Audited, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long logs have another process for it; what it finds is in the same answer."""
    assert 0 == verify(audited, told).exit_code
    monkeypatch.setattr(stream_audit, "BESIDE_EVENTS_MIN", 0)

    async def delete() -> None:
        client = await nats.connect(told)
        await client.jetstream().delete_msg(EVENTS_STREAM, 42)
        await client.close()

    asyncio.run(delete())

    result = verify(audited, told, "--json")
    assert [(15, 42)] == found(result), result.output
    assert audited.head == json.loads(result.stdout)["checked"]["stream"]


def test_an_altered_reference_is_found_by_the_stream(audited: Audited, told: str) -> None:
    """No law and no projection knows a reference; the tree and what subscribers were told do."""
    assert 0 == verify(audited, told).exit_code
    position = audited.position_of("stock.sold.v1", 5)

    audited.forge(
        "update ledger.events set state = replace(convert_from(state, 'UTF8'), 'ref-',"
        " 'fer-')::bytea where position = %s",
        position,
    )

    result = verify(audited, told, "--json")
    assert 1 == result.exit_code
    assert [(17, position), (17, position), (15, position)] == found(result)


def test_a_checkpoint_that_was_told_otherwise_is_found(audited: Audited, told: str) -> None:
    """With a line below it that changes nothing about whose it is: subscribers have it without."""

    async def is_told() -> bool:
        client = await nats.connect(told)
        state = (await client.jetstream().stream_info(CHECKPOINTS_STREAM)).state
        await client.close()
        return state.last_seq == 1

    assert 0 == verify(audited, told).exit_code
    assert wait_until(lambda: asyncio.run(is_told()), timeout_s=PATIENCE_S)
    assert 0 == verify(audited, told).exit_code

    audited.forge("update proof.checkpoints set note = note || '— other AAAAAAAA' || chr(10)")

    result = verify(audited, told, "--json")
    assert (1, [(15, audited.head)]) == (result.exit_code, found(result))


def test_two_swapped_events_of_one_item_are_found(audited: Audited, told: str) -> None:
    """Even where every law still holds, the order that was told does not."""
    assert 0 == verify(audited, told).exit_code
    position = audited.position_of("reservation.placed.v1", 3)

    for before, after in (
        (position - 1, 900_000),
        (position, position - 1),
        (900_000, position),
    ):
        audited.forge("update ledger.events set position = %s where position = %s", after, before)

    result = verify(audited, told, "--json")
    assert 1 == result.exit_code
    assert {position - 1, position} <= {at for _, at in found(result)}


def test_a_forged_projection_says_rebuild(audited: Audited, told: str) -> None:
    """Whoever reads the answer knows what to do next."""
    audited.forge("update projections.stock set sellable = sellable + 1 where sku = 'MUG'")

    result = verify(audited, told)
    assert 1 == result.exit_code
    assert "Law 12 at position" in result.stdout
    assert "rebuild all" in result.stdout


def test_a_forged_log_says_keep_the_evidence(audited: Audited, told: str) -> None:
    """Rebuilding from a forged log would destroy what shows that it is forged."""
    assert 0 == verify(audited, told).exit_code
    audited.forge("delete from ledger.events where position = 100")

    result = verify(audited, told)
    assert 1 == result.exit_code
    assert "Law 10 at position 100" in result.stdout
    assert "Rebuild nothing" in result.stdout


def test_a_body_that_nobody_can_read_does_not_end_the_audit(audited: Audited, told: str) -> None:
    """Both halves of the audit name the position."""
    assert 0 == verify(audited, told).exit_code
    audited.forge("update ledger.events set state = %s where position = 100", b"\xff{")

    result = verify(audited, told, "--json")
    assert 1 == result.exit_code, result.output
    assert (17, 100) == found(result)[0]


def test_a_bus_that_does_not_answer_is_said_in_one_line(audited: Audited) -> None:
    """No traceback for an operator's problem."""
    started = time.monotonic()
    result = verify(audited, "nats://127.0.0.1:1")

    assert 1 == result.exit_code
    assert "cannot verify" in result.output
    assert started + PATIENCE_S > time.monotonic()


def test_bad_usage_is_told_apart(audited: Audited) -> None:
    """Exit 2."""
    assert 2 == verify(audited, None, "--everything").exit_code
