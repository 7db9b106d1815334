"""Credentials of channels from issue to revocation, over HTTP and on a real message server."""

import asyncio
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from nats.errors import Error as NatsError
from nats.js.errors import NotFoundError

from api.runtime.processes import is_alive, wait_until
from api.schemas.fields import rfc3339
from ledger.clock import SystemClock, monotonic
from subscribers.messages import ATS_STREAM, durable_of, sync_subject
from tests.support.broker import SECOND, connected, login, until
from tests.support.broker import tell as told_to
from tests.support.figures import Tell
from tests.support.http import Api, new
from tests.support.servers import RunningService

CUT_OFF_S: Final = 5.0
PATIENCE_S: Final = 30.0


class Channel:
    """A channel of a running service."""

    def __init__(self, api: Api, service: RunningService) -> None:
        self.api = api
        self.service = service
        self.name = new("web")
        defined = api.http.put(
            f"/v1/channels/{self.name}",
            json={"locations": ["ams-1"], "rules": {}},
            headers={"Idempotency-Key": new("key")},
        )
        assert defined.status_code == 200, defined.text

    @property
    def path(self) -> str:
        """Where its credentials are."""
        return f"/v1/channels/{self.name}/credentials"

    @property
    def bus(self) -> str:
        """Where the message server is."""
        return str(self.service.runtime()["nats"])

    def issue(self, **body: Any) -> dict[str, Any]:
        """A new credential, in force."""
        answer = self.api.post(self.path, body)
        assert answer.status_code == 201, answer.text
        assert "true" == answer.headers["Access-In-Force"]
        issued: dict[str, Any] = answer.json()
        return issued

    def login(self, issued: dict[str, Any]) -> dict[str, Any]:
        """How its holder logs in."""
        return login(self.name, issued["credentials"])

    def revoke(self, issued: dict[str, Any]) -> httpx.Response:
        """Let him in no more."""
        return self.api.post(f"{self.path}/{issued['credential_id']}/revoke")

    async def told(self, *skus: str) -> None:
        """Numbers for it."""
        async with connected(self.bus, **self.service.bus_login()) as (client, _):
            await told_to(client.jetstream(), self.name, *skus)

    async def can_read(self, issued: dict[str, Any]) -> bool:
        """Whether the credential gets in, and to its durable."""
        try:
            async with connected(self.bus, **self.login(issued)) as (client, _):
                await client.jetstream().consumer_info(ATS_STREAM, durable_of(self.name))
        except NotFoundError:
            return True
        except (NatsError, OSError):
            return False
        return True


@pytest.fixture
def api(running_service: RunningService) -> Iterator[Api]:
    """A client of the shared service."""
    api = Api.of(running_service)
    yield api
    api.close()


@pytest.fixture
def channel(api: Api, running_service: RunningService) -> Channel:
    """A channel of this test's own."""
    return Channel(api, running_service)


async def test_a_credential_reads_what_its_channel_is_told(channel: Channel) -> None:
    """From the first moment: when the answer comes, account and durable are there."""
    issued = channel.issue()
    await channel.told("MUG", "LAMP")

    async with connected(channel.bus, **channel.login(issued)) as (client, errors):
        pulling = await client.jetstream().pull_subscribe_bind(
            consumer=durable_of(channel.name), stream=ATS_STREAM
        )
        told = await pulling.fetch(2, timeout=5)
        for message in told:
            await message.ack_sync()
        assert ["MUG", "LAMP"] == [message.subject.rpartition(".")[2] for message in told]
        assert [] == errors


async def test_a_revoked_credential_is_cut_off_at_once_and_for_good(
    channel: Channel, tell: Tell
) -> None:
    """Who is connected within five seconds, also after the server's end; others stay connected."""
    lost, kept = channel.issue(), channel.issue()
    async with (
        connected(channel.bus, **channel.login(lost)) as (client, _),
        connected(channel.bus, **channel.login(kept)) as (other, _),
    ):
        before = monotonic()
        answer = await asyncio.to_thread(channel.revoke, lost)
        assert (200, "true") == (answer.status_code, answer.headers["Access-In-Force"])
        await until(lambda: not client.is_connected, within_s=CUT_OFF_S)
        tell(f"cut off {(monotonic() - before) * 1_000:.0f} ms after the request")
        assert other.is_connected
    assert (False, True) == (await channel.can_read(lost), await channel.can_read(kept))

    pid = channel.service.pids()["nats"]
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not is_alive(pid), timeout_s=PATIENCE_S)
    seen: list[bool] = []

    async def again() -> bool:
        seen.append(await channel.can_read(lost))
        return await channel.can_read(kept)

    await until(again, within_s=PATIENCE_S)
    assert not any([*seen, await channel.can_read(lost)])


async def test_a_server_that_lost_its_accounts_gets_them_again(
    service_factory: Any, tmp_path: Path
) -> None:
    """What is revoked is revoked by the ledger; the server's files are a copy of that."""
    home = tmp_path / "home"
    service: RunningService = service_factory(data_dir=home)
    api = Api.of(service)
    channel = Channel(api, service)
    lost, kept = channel.issue(), channel.issue()
    assert 200 == channel.revoke(lost).status_code
    api.close()
    service.stop()
    shutil.rmtree(home / "nats-accounts")

    channel.service = service_factory(data_dir=home)
    await until(lambda: channel.can_read(kept), within_s=PATIENCE_S)
    assert not await channel.can_read(lost)


async def test_a_credential_ends_at_its_time(channel: Channel) -> None:
    """The server needs nobody to tell it: connected or not, it is over."""
    issued = channel.issue(expires_at=rfc3339(SystemClock().now() + 3 * SECOND))
    async with connected(channel.bus, **channel.login(issued)) as (client, _):
        await until(lambda: not client.is_connected, within_s=3 + CUT_OFF_S)

    assert not await channel.can_read(issued)
    listed = channel.api.get(channel.path, min_position=issued["position"]).json()["items"]
    assert ["expired"] == [one["status"] for one in listed]


async def test_a_channel_that_asks_gets_the_present_once_more(channel: Channel) -> None:
    """Its durable is made anew: the last value of everything comes, whatever was acknowledged."""
    issued = channel.issue()
    await channel.told("MUG", "LAMP")
    durable = durable_of(channel.name)
    async with connected(channel.bus, **channel.login(issued)) as (client, errors):
        js = client.jetstream()
        pulling = await js.pull_subscribe_bind(consumer=durable, stream=ATS_STREAM)
        for message in await pulling.fetch(2, timeout=5):
            await message.ack_sync()
        asked = await client.request(sync_subject(channel.name), b'{"session": "s"}', timeout=5)

        assert b'"values":2' in asked.data
        again = await pulling.fetch(2, timeout=5)
        assert ["MUG", "LAMP"] == [message.subject.rpartition(".")[2] for message in again]
        assert [] == errors


async def test_nothing_waits_for_a_channel_that_nobody_reads(channel: Channel) -> None:
    """With its last credential its durable goes; with the next one it comes again."""
    issued = channel.issue()
    channel.revoke(issued)
    async with connected(channel.bus, **channel.service.bus_login()) as (client, _):
        js = client.jetstream()
        with pytest.raises(NotFoundError):
            await js.consumer_info(ATS_STREAM, durable_of(channel.name))
        channel.issue()

        assert await js.consumer_info(ATS_STREAM, durable_of(channel.name))


def test_a_secret_is_answered_once_and_kept_nowhere(channel: Channel) -> None:
    """The ledger has the public key; the same call again is told that there was a secret."""
    key = new("key")
    issued = channel.api.post(channel.path, {"credential_id": "till"}, key=key)
    again = channel.api.post(channel.path, {"credential_id": "till"}, key=key)

    assert (201, "no-store") == (issued.status_code, issued.headers["Cache-Control"])
    assert (409, "urn:inventory-ledger:problem:idempotency-conflict") == (
        again.status_code,
        again.json()["type"],
    )
    assert "not given twice" in again.json()["detail"]
    secret = issued.json()["credentials"].partition("SEED-----\n")[2].split()[0]
    assert secret.startswith("SU")
    public = issued.json()["public_key"]
    answers = [
        channel.api.get("/v1/events", limit=1000).text,
        channel.api.get(channel.path, min_position=issued.json()["position"]).text,
    ]
    assert all(public in text and secret not in text for text in answers)
    home = channel.service.data_dir
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [] == [path for path in files if secret.encode() in path.read_bytes()]


def test_credentials_are_listed_with_what_became_of_them(channel: Channel) -> None:
    """Those of the channel, and of no other."""
    first, second = channel.issue(credential_id="first"), channel.issue(credential_id="second")
    position = channel.revoke(first).json()["position"]

    listed = channel.api.get(channel.path, min_position=position).json()
    assert [("first", "revoked"), ("second", "valid")] == [
        (one["credential_id"], one["status"]) for one in listed["items"]
    ]
    assert second["public_key"] == listed["items"][1]["public_key"]
    assert position <= listed["position"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/channels/nobody/credentials", {}, 404),
        ("{path}/nobody/revoke", {}, 404),
        ("{path}", {"credential_id": "taken"}, 409),
        ("{path}", {"credential_id": "a b"}, 400),
        ("{path}", {"expires_at": "2001-01-01T00:00:00Z"}, 400),
        ("{path}", {"public_key": "UA"}, 400),
    ],
)
def test_what_cannot_be_is_refused(
    channel: Channel, path: str, body: dict[str, Any], status: int
) -> None:
    """No channel, no credential, an id that is taken, a time that is over."""
    channel.issue(credential_id="taken")

    answer = channel.api.post(path.format(path=channel.path), body)
    assert status == answer.status_code, answer.text


def test_to_revoke_twice_is_to_revoke_once(channel: Channel) -> None:
    """The second says when the first was."""
    issued = channel.issue()
    first, second = channel.revoke(issued), channel.revoke(issued)

    assert (200, 200) == (first.status_code, second.status_code)
    assert first.json()["revoked_at"] == second.json()["revoked_at"]
