"""`inventory-ledger`: finds the command's module and turns failures into a sentence and exit 1."""

import errno
import importlib
import importlib.util
import os
import sys
from typing import Final

import click
import psycopg

from api.runtime.database import DatabaseError
from api.runtime.datadir import DataDirectoryBusy, DataDirectoryUnusable
from api.runtime.migrations import MigrationError
from api.runtime.postgres import ServerStartError
from api.runtime.supervisor import StartFailed
from subscribers.access.keys import KeysMissing

# In the order of a newcomer's questions. A module is imported when its command is called.
COMMANDS: Final = (
    "serve",
    "demo",
    "import",
    "history",
    "reconcile",
    "verify",
    "audit",
    "rebuild",
    "export",
    "tail",
    "channels",
    "dlq",
    "streams",
    "keys",
    "migrate",
    "bench",
)

_EXPECTED: Final = (
    DataDirectoryBusy,
    DataDirectoryUnusable,
    DatabaseError,
    KeysMissing,
    MigrationError,
    ServerStartError,
    StartFailed,
)
_NOT_OURS: Final = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
_ANOTHER_PLACE: Final = "make room or let this account in, or choose another place, and try again"
_DATABASE_AWAY: Final = "see that the database runs and that DATABASE_URL, if set, leads to it"


class _Commands(click.Group):
    """Commands by module name: `api.cli.<name>`, with an underscore where Python has the word."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Those that are installed."""
        return [name for name in COMMANDS if importlib.util.find_spec(_module(name))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The module's `command`."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(_module(cmd_name)).command
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Says an operator's problem in a sentence; our own mistakes keep their traceback."""
        try:
            return super().invoke(ctx)
        except _EXPECTED as error:
            raise click.ClickException(str(error).strip()) from error
        except psycopg.OperationalError as error:
            raise click.ClickException(f"{str(error).strip()}\n{_DATABASE_AWAY}") from error
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            if error.filename is None:  # What was printed; nothing more goes there.
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            what = error.filename or "standard output"
            raise click.ClickException(f"{what}: {error.strerror}; {_ANOTHER_PLACE}") from error


def _module(name: str) -> str:
    return f"api.cli.{name}_" if name == "import" else f"api.cli.{name}"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="inventory-ledger")
def main() -> None:
    """An event-sourced inventory ledger: facts in, answers out, nothing forgotten."""


if __name__ == "__main__":
    sys.exit(main())
