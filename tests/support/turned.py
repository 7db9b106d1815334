"""A whole service that lives by a clock which a test turns, so that days pass in seconds.

``python -m tests.support.turned serve …`` is the command line with one difference: its API process
reads the time from a file in the data directory. The role of a child comes the same way.
"""

import mmap
import struct
import sys
from pathlib import Path
from typing import Final

from api import app
from api.cli.main import main
from api.runtime import child, supervisor
from ledger.domain.values import Instant
from tests.support.servers import REPOSITORY, RunningService

PROGRAM: Final = "tests.support.turned"
_FILE: Final = "clock"
_MICROSECONDS: Final = struct.Struct("<q")


class FileClock:
    """Implements `ledger.clock.Clock`: shows what a file says, to every process that has it."""

    def __init__(self, data_dir: Path) -> None:
        """The clock of a data directory; it must have been set before."""
        with (data_dir / _FILE).open("r+b") as file:
            self._shown = mmap.mmap(file.fileno(), _MICROSECONDS.size)

    @classmethod
    def set(cls, data_dir: Path, instant: Instant) -> "FileClock":
        """Hang a clock up in a directory; it stands still until it is turned."""
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / _FILE).write_bytes(_MICROSECONDS.pack(instant))
        return cls(data_dir)

    def now(self) -> Instant:
        """The instant shown."""
        instant: int = _MICROSECONDS.unpack_from(self._shown)[0]
        return instant

    def turn_to(self, instant: Instant) -> None:
        """Show a later instant."""
        assert instant >= self.now(), "time does not run backwards"
        _MICROSECONDS.pack_into(self._shown, 0, instant)


class TurnedService(RunningService):
    """A running service; `clock` is the hand on its clock."""

    def __init__(self, data_dir: Path, instant: Instant) -> None:
        self.clock = FileClock.set(data_dir, instant)
        # The roles run with `python -P`: without a path they would not find this module.
        environ = {"PYTHONPATH": str(REPOSITORY)}
        super().__init__(data_dir, environ=environ, program=PROGRAM)


def _run(arguments: list[str]) -> int | None:
    if arguments[0] == "serve":
        vars(supervisor)["MODULE"] = PROGRAM  # Whom it starts for each role: us.
        main()
        return None
    _, data_dir, _ = arguments
    vars(app)["SystemClock"] = lambda: FileClock(Path(data_dir))
    return child.main(arguments)


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))
