"""`inventory-ledger channels`: what channels there are, and who may read as one."""

import os
import secrets
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import quote

import click
import msgspec
import uvloop

from api.cli.common import Moment, example, settings_from, with_url
from api.cli.local_service import service_at
from api.demo.client import Client, Unexpected
from ledger.clock import SystemClock
from ledger.domain.values import MICROSECONDS_PER_SECOND

_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}
_SUCCESSES: Final = (200, 201)

Work: TypeAlias = Callable[[Client], Coroutine[Any, Any, None]]


class Until(Moment):
    """A time with an offset, or how long from now: 30m, 12h, 90d."""

    example = "90d or 2027-01-31T00:00:00Z"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time as the API takes it."""
        number, unit = value[:-1], _SECONDS.get(value[-1:])
        if unit is None or not number.isdecimal():
            return super().convert(value, param, ctx)
        now = datetime.fromtimestamp(SystemClock().now() / MICROSECONDS_PER_SECOND, UTC)
        return (now + timedelta(seconds=int(number) * unit)).isoformat()


@click.group(
    name="channels",
    epilog=example(
        "inventory-ledger channels list",
        "inventory-ledger channels issue web --expires 90d -o web.creds",
        "inventory-ledger channels revoke web credential-0a1b2c3d",
    ),
)
@with_url
@click.option("--data-dir", type=click.Path(file_okay=False), help="Default: LEDGER_DATA_DIR.")
@click.option("--api-key", help="Default: LEDGER_ADMIN_KEY, else the data directory's.")
@click.pass_context
def command(
    context: click.Context, url: str | None, data_dir: str | None, api_key: str | None
) -> None:
    """See channels, and let programs read as them.

    A channel's credentials are a file for a NATS client. They open what the channel is told, and
    nothing else.
    """
    settings = settings_from(data_dir=data_dir, admin_key=api_key)

    def work(what: Work) -> None:
        async def done(url: str, key: str | None) -> None:
            client = Client(url, key)
            try:
                await what(client)
            finally:
                client.close()

        try:
            with service_at(settings, url) as service:
                uvloop.run(done(service.url, service.key))
        except Unexpected as error:
            raise click.ClickException(str(error)) from error

    context.obj = work


@command.command(name="list", epilog=example("inventory-ledger channels list"))
@click.pass_obj
def list_command(work: Callable[[Work], None]) -> None:
    """Print the channels, one a line: id, version, what it sells from."""

    async def told(client: Client) -> None:
        path = "/v1/channels?limit=1000"
        while path:
            page = await client.ask(path)
            for one in page["items"]:
                sources = [*one["locations"], *one["kinds"], *one["tags"]]
                click.echo(f"{one['channel']}\t{one['version']}\t{', '.join(sources)}")
            cursor = page["next_cursor"]
            path = f"/v1/channels?limit=1000&cursor={quote(cursor)}" if cursor else ""

    work(told)


@command.command(name="show", epilog=example("inventory-ledger channels show web"))
@click.argument("channel")
@click.pass_obj
def show_command(work: Callable[[Work], None], channel: str) -> None:
    """Print a channel's definition and its credentials, as JSON."""

    async def told(client: Client) -> None:
        definition = await client.ask(_path(channel))
        credentials = await client.ask(_path(channel, "credentials"))
        whole = {**definition, "credentials": credentials["items"]}
        click.echo(msgspec.json.format(msgspec.json.encode(whole)))

    work(told)


@command.command(
    name="issue",
    epilog=example(
        "inventory-ledger channels issue web --expires 90d -o web.creds",
        "inventory-ledger channels issue web --rotate -o web-2.creds",
    ),
)
@click.argument("channel")
@click.option("--id", "credential_id", help="What to call it. Default: a new id.")
@click.option("--expires", type=Until(), metavar="T", help="A time, or 90d, 12h, 30m from now.")
@click.option("--rotate", is_flag=True, help="Then revoke every other credential of the channel.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A new file, for its owner only. Default: standard output.",
)
@click.pass_obj
def issue_command(
    work: Callable[[Work], None],
    channel: str,
    *,
    credential_id: str | None,
    expires: str | None,
    rotate: bool,
    output: Path | None,
) -> None:
    """Let somebody read as a channel: makes a credentials file.

    Its secret is shown this once and kept nowhere: whoever loses it is issued another.
    """

    async def issued(client: Client, keep: Callable[[str], None]) -> None:
        asked = {"credential_id": credential_id, "expires_at": expires}
        body = {name: value for name, value in asked.items() if value is not None}
        made = await _told(client, _path(channel, "credentials"), body)
        keep(made["credentials"])
        click.echo(f"issued {made['credential_id']} for {channel}", err=True)
        if rotate:
            await _revoke_others(client, channel, made)

    with _kept(output) as keep:
        work(lambda client: issued(client, keep))


@contextmanager
def _kept(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Where the secret goes: a new file, there before anybody is asked, gone if nothing came."""
    if path is None:
        yield lambda text: click.echo(text, nl=False)
        return
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        why = "is there already" if isinstance(error, FileExistsError) else error.strerror
        raise click.BadParameter(
            f"{path}: {why}; name a new file, nothing was issued", param_hint="--output"
        ) from error

    def keep(text: str) -> None:
        try:
            with path.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:  # It is issued, and said only once: it must not be lost.
            path.write_bytes(b"")
            click.echo(text, nl=False)
            click.echo(f"{path} cannot be written, so it is printed: {error}", err=True)

    try:
        yield keep
    finally:
        if path.stat().st_size == 0:
            path.unlink()


@command.command(
    name="revoke", epilog=example("inventory-ledger channels revoke web credential-0a1b2c3d")
)
@click.argument("channel")
@click.argument("credential_id")
@click.pass_obj
def revoke_command(work: Callable[[Work], None], channel: str, credential_id: str) -> None:
    """Let nobody read with a credential any more: who is connected is cut off."""

    async def revoked(client: Client) -> None:
        await _revoke(client, channel, credential_id)

    work(revoked)


async def _revoke_others(client: Client, channel: str, made: dict[str, Any]) -> None:
    for one in await _listed(client, channel, made["position"]):
        if one["status"] == "valid" and one["credential_id"] != made["credential_id"]:
            await _revoke(client, channel, one["credential_id"])


async def _revoke(client: Client, channel: str, credential_id: str) -> None:
    done = await _told(client, _path(channel, "credentials", credential_id, "revoke"), {})
    await _listed(client, channel, done["position"])  # Whoever looks next sees it.
    click.echo(f"revoked {credential_id} of {channel}", err=True)


async def _listed(client: Client, channel: str, position: int) -> list[dict[str, Any]]:
    page = await client.ask(f"{_path(channel, 'credentials')}?min_position={position}")
    items: list[dict[str, Any]] = page["items"]
    return items


async def _told(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    status, document = await client.tell(path, body, f"channels-{secrets.token_hex(8)}")
    if status not in _SUCCESSES:
        raise click.ClickException(str(document.get("detail") or status))
    return document


def _path(*parts: str) -> str:
    return "/v1/channels/" + "/".join(quote(part, safe="") for part in parts)
