"""`inventory-ledger channels`: credentials for people who have a terminal."""

import asyncio
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from api.cli.main import main
from subscribers.messages import inbox_of
from tests.support.broker import connected
from tests.support.http import Api, new
from tests.support.servers import RunningService


def call(service: RunningService, *arguments: str) -> Result:
    """One call for a running service."""
    home = str(service.data_dir)
    return CliRunner().invoke(main, ["channels", "--data-dir", home, *arguments])


@pytest.fixture
def channel(api: Api) -> str:
    """A channel of this test's own."""
    name = new("shop")
    defined = api.http.put(
        f"/v1/channels/{name}", json={"kinds": ["store"]}, headers={"Idempotency-Key": new("key")}
    )
    assert defined.status_code == 200, defined.text
    asked = {"min_position": defined.json()["position"]}
    assert api.http.get(f"/v1/channels/{name}", params=asked).status_code == 200
    return name


async def test_a_file_is_issued_that_logs_in(
    running_service: RunningService, channel: str, tmp_path: Path
) -> None:
    """It is for its owner only, and no secret stands on the screen."""
    path = tmp_path / "channel.creds"
    arguments = ("issue", channel, "--expires", "90d", "-o", str(path))
    issued = await asyncio.to_thread(call, running_service, *arguments)

    assert (0, "") == (issued.exit_code, issued.stdout), issued.output
    assert f"for {channel}" in issued.stderr
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    url = running_service.runtime()["nats"]
    login = {"user_credentials": str(path), "inbox_prefix": inbox_of(channel)}
    async with connected(url, **login) as (client, _):
        assert client.is_connected


def test_what_cannot_be_kept_is_not_issued(
    running_service: RunningService, channel: str, tmp_path: Path
) -> None:
    """The file is there before anybody is asked: a secret is told once and never lost."""
    there = tmp_path / "there.creds"
    there.write_text("mine")
    for path in (there, tmp_path / "missing" / "new.creds"):
        refused = call(running_service, "issue", channel, "-o", str(path))
        assert 2 == refused.exit_code
        assert "nothing was issued" in " ".join(refused.stderr.split())

    assert "mine" == there.read_text()
    assert [] == json.loads(call(running_service, "show", channel).stdout)["credentials"]


def test_a_refused_request_leaves_no_file(running_service: RunningService, tmp_path: Path) -> None:
    """An empty one would only stand in the way of the next attempt."""
    path = tmp_path / "new.creds"

    assert 1 == call(running_service, "issue", "nobody", "-o", str(path)).exit_code
    assert not path.exists()


def test_a_rotation_leaves_one_credential(running_service: RunningService, channel: str) -> None:
    """The new one is printed before the others end."""
    call(running_service, "issue", channel, "--id", "first")
    call(running_service, "issue", channel, "--id", "second")
    rotated = call(running_service, "issue", channel, "--id", "third", "--rotate")

    assert "-----BEGIN NATS USER JWT-----" in rotated.stdout
    assert ["first", "second"] == [
        line.split()[1] for line in rotated.stderr.splitlines() if line.startswith("revoked")
    ]
    shown = json.loads(call(running_service, "show", channel).stdout)
    assert {"first": "revoked", "second": "revoked", "third": "valid"} == {
        one["credential_id"]: one["status"] for one in shown["credentials"]
    }


def test_channels_are_listed_and_credentials_revoked(
    running_service: RunningService, channel: str
) -> None:
    """A line a channel; to revoke takes the names that `show` prints."""
    call(running_service, "issue", channel, "--id", "only")

    assert f"{channel}\t" in call(running_service, "list").stdout
    assert 0 == call(running_service, "revoke", channel, "only").exit_code
    shown = json.loads(call(running_service, "show", channel).stdout)
    assert ["revoked"] == [one["status"] for one in shown["credentials"]]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["issue", "nobody"], 1, "nobody"),
        (["revoke", "{channel}", "nothing"], 1, "nothing"),
        (["show", "nobody"], 1, "nobody"),
        (["issue", "{channel}", "--expires", "soon"], 2, "'soon' is no time"),
        (["issue", "{channel}", "--expires", "2027-01-31T00:00:00"], 2, "is no time"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    running_service: RunningService, channel: str, arguments: list[str], code: int, said: str
) -> None:
    """Exit 1 where the service says no, 2 where the words are wrong."""
    result = call(running_service, *(one.format(channel=channel) for one in arguments))

    assert code == result.exit_code
    assert said in result.output
    assert "Traceback" not in result.output
