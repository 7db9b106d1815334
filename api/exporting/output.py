"""What every format of an export can do, and how no two exports write one file at a time."""

import fcntl
import os
from pathlib import Path
from typing import Protocol

from api.exporting.ledger import CannotExport, Ledger, Span
from projections.audit.row import Row


class Output(Protocol):
    """A file that is written once, in any number of attempts."""

    def resume(self, ledger: Ledger, span: Span) -> int:
        """Cut off what is no whole row; the position of the last row that is there already.

        One before the span where there is none. Raises CannotExport where what is there is not
        the beginning of what is asked for.
        """
        ...

    def write(self, page: list[Row]) -> None:
        """Add rows."""
        ...

    def finish(self, span: Span) -> None:
        """Nothing more comes: what was written survives from here on."""
        ...

    def close(self) -> None:
        """Let go of the file, finished or not."""
        ...


def lock(descriptor: int, path: Path) -> None:
    """Keep others from writing the same file until it is closed. Raises CannotExport."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotExport(f"another export is writing {path}") from None


def compare(ledger: Ledger, path: Path, rows: list[Row]) -> None:
    """Rows of a file must be those of the ledger. Raises CannotExport."""
    for row in rows:
        if ledger.row(row.position) != row:
            raise CannotExport(
                f"{path} does not belong to this ledger: its row at position {row.position} is "
                "another one; name another file"
            )


def check(path: Path, held: Span, asked: Span) -> None:
    """What a file holds must be the beginning of what is asked for. Raises CannotExport."""
    if held.first != asked.first:
        raise CannotExport(
            f"{path} begins at position {held.first}, not at {asked.first}: name another file"
        )
    if held.last > asked.last:
        raise CannotExport(
            f"{path} holds positions up to {held.last} already, beyond {asked.last}: "
            "name another file"
        )


def fsync_directory(path: Path) -> None:
    """Make names that were given in a directory survive."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
