"""Commands between processes: one is the active writer, the other passes on what it gets."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import nats
import pytest
from nats.errors import OutboundBufferLimitError

from api.auth import Authenticator
from api.commands import Answer, Call, Operations
from api.desk import Desk
from api.forwarding import SUBJECT, Bus, Forwarder, Server
from api.metrics import HttpMetrics
from api.operations import OPERATIONS
from api.problems import Problem
from api.runtime.natsd import EmbeddedNats
from api.schemas.drafts import RECORD
from ledger.clock import monotonic
from ledger.domain.commands import PlaceReservation, RecordMovements
from ledger.domain.outcomes import ReconciliationState
from ledger.domain.refusals import InsufficientStock, Shortfall
from ledger.settings import Settings, load_settings
from ledger.submission import Accepted, NoWriter, Overloaded, Reply, Submission
from projections.reconciliations.comparison import PROPOSALS_MAX
from subscribers.tasks import ended
from tests.support.fake_port import FakePort
from tests.support.reconciled import found, proposal
from tests.support.waiting import eventually

KEY = "a-key-for-the-tests"
BEARER = f"Bearer {KEY}"
PLACE = (
    b'{"reservation_id":"order-1","kind":"hard",'
    b'"lines":[{"sku":"MUG","location":"ams-1","quantity":1}]}'
)


class Process:
    """What an API process has between HTTP and its writer."""

    def __init__(self, settings: Settings, port: FakePort) -> None:
        self.port = port
        self.operations = Operations(settings, port, HttpMetrics(), OPERATIONS)
        self.bus = Bus(settings)
        self.forwarder = Forwarder(settings, self.bus)
        self.desk = Desk(self.operations, self.forwarder, self.bus)
        self.server = Server(settings, self.bus, Authenticator(settings))
        self._serving: asyncio.Task[Any] | None = None

    async def start(self) -> None:
        """Starts its parts and returns once it is on the bus."""
        self.operations.start()
        await self.forwarder.start()
        await self.bus.start()
        self.port.start()
        self._serving = asyncio.create_task(self.server.run(self.operations))
        await eventually(lambda: self.bus.is_connected)
        await eventually(lambda: self.server.serving == self.port.active)

    async def stop(self) -> None:
        """Ends them."""
        assert self._serving is not None
        await ended(self._serving)
        await self.server.stop()
        await asyncio.to_thread(self.port.stop)
        await self.bus.stop()

    async def place(
        self, body: bytes = PLACE, *, key: str = "key-1", authorization: str = BEARER
    ) -> Answer:
        """Carries a command out as an HTTP handler would."""
        call = Call("admin", key, "correlation-1", "http", monotonic() + 5.0)
        return await self.desk.carry_out("reservations.place", "", call, authorization, body)


@pytest.fixture
def settings(nats_server: EmbeddedNats) -> Settings:
    """Two processes share them."""
    return load_settings({}, nats_url=nats_server.url, admin_key=KEY)


@pytest.fixture
async def active(settings: Settings) -> AsyncIterator[Process]:
    """The process whose writer holds the lease."""
    process = Process(settings, FakePort())
    await process.start()
    yield process
    await process.stop()


@pytest.fixture
async def other(settings: Settings) -> AsyncIterator[Process]:
    """A process whose writer does not."""
    port = FakePort()
    port.active = False
    process = Process(settings, port)
    await process.start()
    yield process
    await process.stop()


async def test_a_reconciliation_is_recorded_by_the_active_writer(
    active: Process, other: Process
) -> None:
    """Whoever compared the list hands over what it came to, proposals included."""
    draft = found("erp-1", *(proposal(f"SKU-{number}", 1) for number in range(PROPOSALS_MAX)))

    def recorded(submission: Submission) -> Reply:
        assert submission.command == draft
        state = ReconciliationState(reconciliation_id="erp-1", recorded=draft.found, position=1)
        return Accepted(state)

    active.port.answering = recorded
    call = Call("admin", "key-1", "correlation-1", "http", monotonic() + 5.0)
    body = msgspec.json.encode(draft)
    answer = await other.desk.carry_out(RECORD, "", call, BEARER, body)

    assert 201 == answer.status


async def test_a_command_is_carried_out_by_the_active_writer(
    active: Process, other: Process
) -> None:
    """The process that got it answers as if it had done it itself."""
    answer = await other.place()

    assert 201 == answer.status
    assert "order-1" == msgspec.json.decode(answer.body)["reservation_id"]
    assert [] == other.port.submitted
    submitted = active.port.submitted[0]
    assert ("admin", "key-1", "correlation-1") == (
        submitted.principal,
        submitted.command_id,
        submitted.correlation_id,
    )


async def test_many_commands_share_messages_and_each_gets_its_own_answer(
    active: Process, other: Process
) -> None:
    """What waits goes out together; nothing is mixed up, nor made up where one asks again."""
    bodies = [PLACE.replace(b"order-1", b"order-%d" % number) for number in range(500)]
    answers = await asyncio.gather(
        *(other.place(body, key=f"key-{number}") for number, body in enumerate(bodies))
    )

    ids = [msgspec.json.decode(answer.body)["reservation_id"] for answer in answers]
    assert [f"order-{number}" for number in range(500)] == ids
    assert 500 == len({one.command_id for one in active.port.submitted})


async def test_a_refusal_comes_back_as_one(active: Process, other: Process) -> None:
    """Status, code and numbers are those of the writer's process."""
    shortfall = Shortfall("MUG", "ams-1", 1, 0)
    active.port.answering = lambda _: InsufficientStock((shortfall,))
    answer = await other.place()

    assert (409, "insufficient-stock") == (answer.status, answer.code)
    assert 1 == msgspec.json.decode(answer.body)["shortfalls"][0]["requested"]


async def test_overload_comes_back_with_retry_after(active: Process, other: Process) -> None:
    """Back-pressure reaches the caller of the other process, too."""
    active.port.answering = lambda _: Overloaded()
    answer = await other.place()

    assert (503, "overloaded") == (answer.status, answer.code)
    assert ("Retry-After", "1") in answer.headers


async def test_the_active_process_checks_the_credential_itself(
    active: Process, other: Process
) -> None:
    """Whoever can write to the subject still needs a key."""
    answer = await other.place(authorization="Bearer wrong")

    assert (401, "unauthenticated") == (answer.status, answer.code)
    assert [] == active.port.submitted


async def test_a_lost_lease_is_not_the_callers_problem(active: Process, other: Process) -> None:
    """Without a writer the command waits, and is sent again under the same key."""
    attempts: list[str] = []

    def refuse_once(submission: Submission) -> Reply:
        attempts.append(submission.command_id)
        if len(attempts) == 1:
            return NoWriter()
        return active.port.accept(submission)

    active.port.answering = refuse_once
    answer = await other.place()

    assert 201 == answer.status
    assert ["key-1", "key-1"] == attempts


async def test_a_command_follows_the_lease(active: Process, other: Process) -> None:
    """It is carried out wherever the active writer is by then, here included."""
    active.port.active = False
    asyncio.get_running_loop().call_soon(setattr, other.port, "active", True)
    answer = await other.place()

    assert 201 == answer.status
    assert 1 == len(other.port.submitted)


async def test_who_waits_for_a_silent_writer_asks_again_once_another_takes_over(
    settings: Settings,
) -> None:
    """Not only when its attempt is over, which here would be long after the caller's deadline."""
    patient = msgspec.structs.replace(settings, lease_ms=20_000)
    said, port = threading.Event(), FakePort()
    silent, other = Process(patient, FakePort()), Process(patient, port)

    def answer_late(submission: Submission) -> Reply:
        said.wait()
        return NoWriter()

    silent.port.answering, port.active = answer_late, False
    await silent.start()
    await other.start()
    asked = asyncio.create_task(other.place())
    await eventually(lambda: bool(silent.port.submitted))
    silent.port.active, port.active = False, True
    answer = await asked
    said.set()
    for process in (silent, other):
        await process.stop()

    assert 201 == answer.status
    assert 1 == len(port.submitted)


async def test_without_any_writer_the_answer_is_no_writer(settings: Settings) -> None:
    """At the deadline, and with the advice to try again."""
    port = FakePort()
    port.active = False
    process = Process(settings, port)
    await process.start()
    call = Call("admin", "key-1", "correlation-1", "http", monotonic() + 0.2)
    answer = await process.desk.carry_out("reservations.place", "", call, BEARER, PLACE)
    await process.stop()

    assert (503, "no-writer") == (answer.status, answer.code)
    assert ("Retry-After", "1") in answer.headers


async def test_without_the_bus_the_active_process_goes_on(
    active: Process, other: Process, nats_server: EmbeddedNats
) -> None:
    """It needs nobody; and the other one is back as soon as the bus is."""
    nats_server.stop()
    await eventually(lambda: not active.bus.is_connected and not other.bus.is_connected)
    alone = await active.place()
    nats_server.start()
    await eventually(lambda: active.bus.is_connected and other.bus.is_connected)
    again = await other.place()

    assert (201, 201) == (alone.status, again.status)
    assert ("Idempotent-Replayed", "true") in again.headers


async def test_a_large_body_fits_into_no_message(active: Process, other: Process) -> None:
    """What the bus cannot carry is refused with the limit, not tried for ever."""
    limit = other.bus.payload_bytes_max
    with pytest.raises(Problem, match="does not fit"):
        await other.place(b" " * limit)


async def test_a_service_on_the_bus_sends_the_same_bodies(
    active: Process, settings: Settings
) -> None:
    """One JSON object is a command; status, headers and body come back as JSON."""
    assert settings.nats_url is not None
    client = await nats.connect(settings.nats_url)
    fact = {"type": "receive", "sku": "MUG", "location": "ams-1", "quantity": 1}
    request = {
        "operation": "movements.record",
        "authorization": BEARER,
        "idempotency_key": "key-7",
        "correlation_id": "wms-1",
        "body": {"movements": [fact]},
    }

    async def ask(**changes: Any) -> dict[str, Any]:
        payload = msgspec.json.encode({**request, **changes})
        reply = await client.request(SUBJECT, payload, timeout=10)
        answer: dict[str, Any] = msgspec.json.decode(reply.data)
        return answer

    recorded = await ask()
    strange = await ask(operation="movements.forget")
    unknown = await ask(authorization=None)
    extra = await ask(colour="red")
    keyless = await ask(idempotency_key="a b")
    await client.close()

    assert 201 == recorded["status"]
    assert "wms-1" == recorded["headers"]["X-Correlation-ID"]
    assert "recorded" == recorded["body"]["results"][0]["status"]
    assert ("nats", RecordMovements) == (
        active.port.submitted[0].source,
        type(active.port.submitted[0].command),
    )
    statuses = [one["status"] for one in (strange, unknown, extra, keyless)]
    assert [404, 401, 400, 400] == statuses


async def test_a_raw_body_reaches_the_active_process_untouched(
    active: Process, other: Process
) -> None:
    """The forwarding process reads no bodies: the writer's does, and names what is wrong."""
    answer = await other.place(b'{"reservation_id": 7}')
    assert (400, "malformed") == (answer.status, answer.code)
    await other.place()

    assert PlaceReservation is type(active.port.submitted[-1].command)


async def test_nothing_leaves_after_the_bus_has_come_back(
    active: Process, other: Process, nats_server: EmbeddedNats
) -> None:
    """Its callers have other answers by then: what cannot be sent at once is not sent at all."""
    request = {
        "operation": "reservations.place",
        "authorization": BEARER,
        "idempotency_key": "key-of-the-past",
        "body": msgspec.Raw(PLACE),
    }
    payload = msgspec.json.encode(request)
    about_to_leave = b"PUB %s _INBOX.nobody %d\r\n%s\r\n" % (
        SUBJECT.encode(),
        len(payload),
        payload,
    )
    client = other.bus.client
    client._pending.append(about_to_leave)
    client._pending_data_size += len(about_to_leave)
    nats_server.stop()
    await eventually(lambda: not active.bus.is_connected and not other.bus.is_connected)
    with pytest.raises(OutboundBufferLimitError):
        await client.publish(SUBJECT, payload, "_INBOX.nobody")
    trying = asyncio.create_task(other.place())
    nats_server.start()
    await eventually(lambda: active.bus.is_connected and other.bus.is_connected)
    answer = await trying

    assert 201 == answer.status
    assert ["key-1"] == [one.command_id for one in active.port.submitted]


async def test_a_long_name_fits_into_no_message_either(active: Process, other: Process) -> None:
    """Everything a caller can make long counts, or it would take its neighbours along."""
    del active
    call = Call("admin", "key-1", "correlation-1", "http", monotonic() + 5.0)
    name = "x" * other.bus.payload_bytes_max
    with pytest.raises(Problem, match="does not fit"):
        await other.desk.carry_out("reservations.confirm", name, call, BEARER, b"")


async def test_a_command_that_breaks_the_door_takes_nobody_along(
    active: Process, other: Process
) -> None:
    """An operation of a newer version, say: it has its answer, and so have those beside it."""
    del active
    call = Call("admin", "key-2", "correlation-1", "http", monotonic() + 5.0)
    strange, ordinary = await asyncio.gather(
        other.desk.carry_out("movements.forget", "", call, BEARER, b"{}"), other.place()
    )

    assert (500, 201) == (strange.status, ordinary.status)
