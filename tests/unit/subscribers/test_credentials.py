"""Credentials are looked at before anybody connects: what is wrong with them is said."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import RawCredentials

from subscribers.access.keys import new_user
from subscribers.access.tokens import credentials_file
from subscribers.messages import CloudEvent
from subscribers.sdk import Channel, Events, NotAdmitted, Present, Stocks, present
from subscribers.sdk.credentials import login_with

NOWHERE = "nats://127.0.0.1:9"
TOKEN = "e30.e30.c2ln"
WHOLE = credentials_file(TOKEN, new_user())
SEED = WHOLE.splitlines()[-2]


def test_without_credentials_nothing_is_said() -> None:
    """The server decides whom it lets in."""
    assert {} == login_with(None)


def test_a_text_is_taken_as_it_is() -> None:
    """The client is told that it is none of a file's names."""
    login = login_with(WHOLE)

    assert isinstance(login["user_credentials"], RawCredentials)
    assert WHOLE == str(login["user_credentials"])


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_handed_on_by_its_name(tmp_path: Path, kind: type[str | Path]) -> None:
    """So that the client finds the newer one when it connects again."""
    path = tmp_path / "web.creds"
    path.write_text(WHOLE)

    assert {"user_credentials": str(path)} == login_with(kind(path))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds no credentials"),
        (b"\xff\x00garbage", "holds no credentials"),
        (WHOLE.partition("-----BEGIN USER")[0].encode(), "holds no credentials"),
        (WHOLE.partition(SEED)[0].encode(), "holds no credentials"),
        (WHOLE.replace(TOKEN, "garbage").encode(), "holds damaged credentials"),
        (WHOLE.replace(SEED, "garbage").encode(), "holds damaged credentials"),
        (WHOLE.replace(SEED, SEED[:9] + SEED[8:-1]).encode(), "holds damaged credentials"),
        (WHOLE.replace("\n", "\r\n").encode(), "holds damaged credentials"),
    ],
)
def test_a_damaged_file_is_refused_by_its_name(tmp_path: Path, content: bytes, why: str) -> None:
    """Half a file, another kind of file, a letter that fell out."""
    path = tmp_path / "web.creds"
    path.write_bytes(content)

    with pytest.raises(NotAdmitted, match=f"the credentials file .*/web.creds {why}"):
        login_with(path)


def test_a_file_that_cannot_be_read_is_refused_by_its_name(tmp_path: Path) -> None:
    """It is not there, or is none."""
    with pytest.raises(NotAdmitted, match=r"missing\.creds cannot be read: No such"):
        login_with("missing.creds")
    with pytest.raises(NotAdmitted, match="cannot be read: Is a directory"):
        login_with(tmp_path)
    with pytest.raises(NotAdmitted, match="cannot be read: embedded null byte"):
        login_with("\0")


def test_a_damaged_text_is_refused_without_being_told() -> None:
    """It may hold a secret all the same."""
    with pytest.raises(NotAdmitted) as damaged:
        login_with(WHOLE.replace(TOKEN, "garbage"))
    with pytest.raises(NotAdmitted) as no_text:
        login_with(f"web:\n{WHOLE}")

    assert "the text given as credentials holds damaged credentials" == str(damaged.value)
    assert SEED not in str(no_text.value)


async def _open_channel(**login: Any) -> None:
    async with Channel(NOWHERE, channel="web", **login):
        raise AssertionError("it was admitted")


async def _follow(**login: Any) -> None:
    await Events(NOWHERE, **login).run(_nothing)


async def _follow_stocks(**login: Any) -> None:
    await Stocks(NOWHERE, **login).run(_nothing, _nothing)


async def _read_present(**login: Any) -> None:
    await present(NOWHERE, **login)


async def _nothing(_: CloudEvent | Present) -> None:
    return


@pytest.mark.parametrize("way", [_open_channel, _follow, _follow_stocks, _read_present])
async def test_nobody_connects_with_a_file_that_is_not_there(
    way: Callable[..., Awaitable[None]],
) -> None:
    """However one follows; else he would wait for ever for what does not come."""
    with pytest.raises(NotAdmitted, match=r"missing\.creds"):
        await asyncio.wait_for(way(credentials="missing.creds"), 5)
