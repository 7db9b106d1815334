"""What commands share: the end of their help, and the settings of their options."""

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from errno import ENOSPC, EPIPE
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
import nats.errors

from ledger.settings import Settings, SettingsError, load_settings
from projections.audit.notes import BadNote, Key, Note, read_all

_Command = TypeVar("_Command", bound=Callable[..., Any])

_SURROUNDINGS = (
    click.option("--data-dir", type=click.Path(file_okay=False), help="Default: LEDGER_DATA_DIR."),
    click.option("--database-url", help="Default: DATABASE_URL, else embedded."),
    click.option("--nats-url", help="Default: NATS_URL, else embedded."),
    click.option("--nats-credentials", help="A file to log in with. Default: NATS_CREDENTIALS."),
)


@contextmanager
def said_if_away() -> Iterator[None]:
    """Says in a sentence that the message server does not answer, or lets nobody in."""
    try:
        yield
    except (nats.errors.Error, OSError, TimeoutError) as error:
        if isinstance(error, OSError) and error.errno in {ENOSPC, EPIPE}:
            raise  # That is about what was printed.
        raise click.ClickException(
            f"the message server does not answer as it should: {str(error) or repr(error)}; see"
            " that it runs, where NATS_URL points, and what NATS_CREDENTIALS opens"
        ) from error


class Moment(click.ParamType[str]):
    """A time with an offset."""

    name = "time"
    example = "2026-11-23T22:00:00Z"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The time as the API takes it."""
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = datetime.min  # noqa: DTZ901 - it has no offset, which is what is looked at
        if found.tzinfo is None:
            self.fail(f"{value!r} is no time such as {self.example}", param, ctx)
        return found.isoformat()


class Url(click.ParamType[str]):
    """Where a service answers: `http://` or `https://`, a host, and a port where it has its own."""

    name = "url"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The URL as it was given; one that nobody could ask is bad usage at once."""
        try:
            parts = urlsplit(value)
            is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_one = False
        if not is_one or not value.isascii() or not value.isprintable() or " " in value:
            self.fail(f"{value!r} is no URL such as http://127.0.0.1:8080", param, ctx)
        return value


def with_url(command: _Command) -> _Command:
    """Adds --url: the service that a command asks."""
    text = "The service. Default: that of the data directory, started if need be."
    return click.option("--url", type=Url(), help=text)(command)


def example(*lines: str) -> str:
    """An epilog that click leaves as it is: every command's help ends with something to copy."""
    return "\n".join(["\b", "Examples:" if lines[1:] else "Example:", *(f"  {x}" for x in lines)])


def settings_from(**overrides: object) -> Settings:
    """Settings from the environment and a command's options; a mistake is bad usage (exit 2)."""
    try:
        return load_settings(None, **overrides)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def require_ledger(settings: Settings) -> None:
    """A command that only reads makes no new ledger in a mistyped directory (exit 2)."""
    if settings.database_url is None and not settings.data_path.is_dir():
        raise click.UsageError(
            f"there is no data directory {settings.data_path}, so no ledger to read; name it with"
            " --data-dir, or its database with --database-url"
        )


def notes_in(paths: Iterable[Path]) -> list[Note]:
    """The checkpoints in an auditor's files, one or more in each."""
    notes: list[Note] = []
    for path in paths:
        try:
            found = read_all(path.read_text(encoding="utf-8"))
            if not found:
                raise BadNote("there is no checkpoint in it")
            notes += found
        except (BadNote, UnicodeDecodeError) as error:
            raise click.BadParameter(f"{path}: {error}", param_hint="--checkpoint") from error
    return notes


def keys_of(texts: Iterable[str]) -> list[Key]:
    """Verifier keys, as `GET /v1/audit/keys` prints them."""
    try:
        return [Key.read(text) for text in texts]
    except BadNote as error:
        raise click.BadParameter(str(error), param_hint="--key") from error


def printable(text: str) -> str:
    """Others' words on one line: what a terminal might obey is written in digits, as in JSON."""
    return "".join(one if one.isprintable() else _in_digits(one) for one in text)


def _in_digits(character: str) -> str:
    pairs = character.encode("utf-16-be", "surrogatepass").hex("-", 2).split("-")
    return "".join(f"\\u{pair}" for pair in pairs)


def with_evidence(command: _Command) -> _Command:
    """Adds --checkpoint and --key: what an auditor has kept, and whom he trusts."""
    files = click.Path(exists=True, dir_okay=False, path_type=Path)
    given = click.option(
        "--checkpoint",
        "checkpoints",
        multiple=True,
        type=files,
        help="Checkpoints that were kept elsewhere; a file may hold several.",
    )
    key = click.option(
        "--key", "keys", multiple=True, help="Who has to have signed them; more than one may."
    )
    return given(key(command))


def with_settings(command: _Command) -> _Command:
    """Adds the options that say where the servers are, and passes them on as `settings`."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        names = ("data_dir", "database_url", "nats_url", "nats_credentials")
        chosen = {name: options.pop(name) for name in names}
        return command(*args, settings=settings_from(**chosen), **options)

    decorated: Any = run
    for option in reversed(_SURROUNDINGS):
        decorated = option(decorated)
    result: _Command = decorated
    return result
