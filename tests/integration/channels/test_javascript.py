"""A subscriber in another language, which knows nothing but what is published."""

import asyncio
import json
import shutil
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from nats.aio.client import Client

from subscribers.published import FOLDER
from subscribers.sdk.fake_ats import told_as
from tests.integration.channels.conftest import PATIENCE_S, eventually
from tests.support.channel_bus import number
from tests.support.least_privilege import GuardedNats
from tests.support.servers import REPOSITORY

EXAMPLE = REPOSITORY / "docs" / "examples" / "javascript"
INSTALL_S = 90


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its packages, as its lock file has them."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    home = tmp_path_factory.mktemp("javascript")
    for name in ("package.json", "package-lock.json", "subscriber.mjs"):
        shutil.copy(EXAMPLE / name, home)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    try:
        installed = subprocess.run(
            command, cwd=home, capture_output=True, text=True, timeout=INSTALL_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm installed nothing in {INSTALL_S} s")
    if installed.returncode != 0:
        pytest.skip(f"npm installed nothing: {(installed.stderr or installed.stdout)[-200:]}")
    return home


class Printed:
    """What the example has printed."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []

    async def read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(json.loads(line))

    def numbers(self) -> list[tuple[str, str | None, int]]:
        return [(n["sku"], n["location"], n["ats"]) for n in self.lines if "sku" in n]

    def is_complete(self) -> bool:
        return any("present" in line for line in self.lines)


@asynccontextmanager
async def subscriber(example: Path, url: str, channel: str) -> AsyncIterator[Printed]:
    """The example at work until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        "node", "subscriber.mjs", url, channel, cwd=example, stdout=PIPE
    )
    printed = Printed(process)
    reading = asyncio.create_task(printed.read())
    try:
        yield printed
    finally:
        process.terminate()
        code = await asyncio.wait_for(process.wait(), PATIENCE_S)
        await reading
    assert 0 == code


@pytest.mark.parametrize("channel", ["web", "market.de/☕"])
async def test_a_javascript_subscriber_reads_the_present_and_the_changes(
    server: GuardedNats, service: Client, example: Path, channel: str
) -> None:
    """With a channel's rights and the published messages alone, whatever the channel's name."""

    async def tell(sku: str, ats: int, told: int, location: str | None = None) -> None:
        state = number(sku, ats, told, channel=channel, location=location)
        subject, headers, payload = told_as(state)
        await service.jetstream().publish(subject, payload, headers=headers)

    await tell("MUG", 4, 1)
    await tell("Tasse ☕", 2, 2, "ams-1")
    async with subscriber(example, server.url(channel), channel) as printed:
        await eventually(printed.is_complete)
        present = printed.numbers()
        await tell("MUG", 3, 3)
        await eventually(lambda: len(printed.numbers()) == 3)

    assert [("MUG", None, 4), ("Tasse ☕", "ams-1", 2)] == present
    assert ("MUG", None, 3) == printed.numbers()[-1]


def test_the_asyncapi_document_is_one(example: Path) -> None:
    """It is what the specification, version 3, says such a document is."""
    specification = example / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    rules = jsonschema_rs.validator_for(json.loads(specification.read_text()))
    document = json.loads((FOLDER / "asyncapi.json").read_text())

    assert [] == [error.message for error in rules.iter_errors(document)]
    assert not rules.is_valid(document | {"channels": {"deadLetters": {"address": 7}}})
