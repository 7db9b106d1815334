"""What this machine has told, in a file of its own: neither the database nor the message server.

A database that is restored forgets what was told since its backup, and a stream that is lost takes
its own memory with it. Where both happen, only this file knows that subscribers were told events
which the ledger does not have any more. It is written before anything is sent, so it never knows
less than a subscriber.
"""

import logging
import os
import secrets
import zlib
from pathlib import Path
from typing import Final, NamedTuple

_FILE: Final = "relay-{ledger}.told"
_BYTES: Final = 256  # In one sector, written in one call.

logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """The last event that may have been told, and which row it was."""

    generation: int
    position: int
    hash: str


class Witness:
    """The file of one ledger in a data directory. `name` tells it from that of another machine."""

    def __init__(self, directory: Path, ledger: str) -> None:
        """Open it, or make it; without one nothing can be vouched for later, but all goes on."""
        self.name = ""
        self.place: Place | None = None
        self._file = -1
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(
                directory / _FILE.format(ledger=ledger), os.O_RDWR | os.O_CREAT, 0o600
            )
            self.look()
        except OSError as error:
            logger.warning("no record of what is told can be kept: %s", error)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def look(self) -> Place | None:
        """What was written last, by whichever relay of this directory."""
        if self._file < 0:
            return None
        read = _read(os.pread(self._file, _BYTES, 0))
        if read is None:
            self.name, self.place = secrets.token_hex(8), None
        else:
            self.name, self.place = read
        return self.place

    def note(self, place: Place) -> None:
        """About to tell up to this event. A relay that was overtaken does not take it back."""
        if self._file < 0:
            return
        name, kept = _read(os.pread(self._file, _BYTES, 0)) or (self.name, None)
        if kept is not None and kept[:2] >= place[:2]:
            return
        self.name, self.place = name, place
        text = f"{name} {place.generation} {place.position} {place.hash}"
        line = f"{text} {zlib.crc32(text.encode()):08x}"
        os.pwrite(self._file, f"{line:<{_BYTES - 1}}\n".encode(), 0)


def _read(raw: bytes) -> tuple[str, Place] | None:
    """The name and the place, or nothing where that is not what was written."""
    text, _, check = raw.decode("ascii", "replace").strip().rpartition(" ")
    words = text.split(" ")
    if len(words) != 4 or f"{zlib.crc32(text.encode()):08x}" != check:
        return None
    return words[0], Place(int(words[1]), int(words[2]), words[3])
