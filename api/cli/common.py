"""What commands share: the end of their help, and the settings of their options."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ledger.settings import Settings, SettingsError, load_settings

_Command = TypeVar("_Command", bound=Callable[..., Any])

_SURROUNDINGS = (
    click.option("--data-dir", type=click.Path(file_okay=False), help="Default: LEDGER_DATA_DIR."),
    click.option("--database-url", help="Default: DATABASE_URL, else embedded."),
    click.option("--nats-url", help="Default: NATS_URL, else embedded."),
)


def example(*lines: str) -> str:
    """An epilog that click leaves as it is: every command's help ends with something to copy."""
    return "\n".join(["\b", "Examples:" if lines[1:] else "Example:", *(f"  {x}" for x in lines)])


def settings_from(**overrides: object) -> Settings:
    """Settings from the environment and a command's options; a mistake is bad usage (exit 2)."""
    try:
        return load_settings(None, **overrides)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def with_settings(command: _Command) -> _Command:
    """Adds --data-dir, --database-url and --nats-url, and passes them on as `settings`."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        names = ("data_dir", "database_url", "nats_url")
        chosen = {name: options.pop(name) for name in names}
        return command(*args, settings=settings_from(**chosen), **options)

    decorated: Any = run
    for option in reversed(_SURROUNDINGS):
        decorated = option(decorated)
    result: _Command = decorated
    return result
