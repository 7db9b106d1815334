"""Damage to the files of a stopped message server, drawn from a seed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

from subscribers.messages import CONFLICTS_STREAM, EVENTS_STREAM, STOCK_STREAM

STREAMS: Final = (EVENTS_STREAM, EVENTS_STREAM, STOCK_STREAM, CONFLICTS_STREAM)
"""Those to draw from: the events are half of what can be lost."""


def _truncated(directory: Path, random: Random) -> None:
    block = _block(directory, random)
    size = block.stat().st_size
    with block.open("r+b") as file:
        file.truncate(random.randrange(size) if size else 0)


def _truncated_without_index(directory: Path, random: Random) -> None:
    _truncated(directory, random)
    _index_deleted(directory, random)


def _flipped(directory: Path, random: Random) -> None:
    _flip(_block(directory, random), random)


def _flipped_without_index(directory: Path, random: Random) -> None:
    _flipped(directory, random)
    _index_deleted(directory, random)


def _index_flipped(directory: Path, random: Random) -> None:
    _flip(directory / "msgs" / "index.db", random)


def _index_deleted(directory: Path, _: Random) -> None:
    (directory / "msgs" / "index.db").unlink(missing_ok=True)


def _block_deleted(directory: Path, random: Random) -> None:
    _block(directory, random).unlink()


def _messages_deleted(directory: Path, _: Random) -> None:
    shutil.rmtree(directory / "msgs")


def _description_flipped(directory: Path, random: Random) -> None:
    _flip(directory / "meta.inf", random)


def _description_deleted(directory: Path, _: Random) -> None:
    (directory / "meta.inf").unlink()


def _stream_deleted(directory: Path, _: Random) -> None:
    shutil.rmtree(directory)


def _everything_deleted(directory: Path, _: Random) -> None:
    shutil.rmtree(directory.parents[3])


KINDS: Final[dict[str, Callable[[Path, Random], None]]] = {
    "truncated": _truncated,
    "truncated without index": _truncated_without_index,
    "flipped": _flipped,
    "flipped without index": _flipped_without_index,
    "index flipped": _index_flipped,
    "index deleted": _index_deleted,
    "block deleted": _block_deleted,
    "messages deleted": _messages_deleted,
    "description flipped": _description_flipped,
    "description deleted": _description_deleted,
    "stream deleted": _stream_deleted,
    "everything deleted": _everything_deleted,
}


def damage(data_dir: Path, stream: str, kind: str, random: Random) -> None:
    """Do it to one stream of the server of a data directory."""
    (directory,) = data_dir.glob(f"nats/jetstream/*/streams/{stream}")
    KINDS[kind](directory, random)


def flip_in(data_dir: Path, stream: str, payload: bytes) -> None:
    """Flip one bit of a message that is known, in the file where it is."""
    (block,) = (
        path
        for path in data_dir.glob(f"nats/jetstream/*/streams/{stream}/msgs/*.blk")
        if payload in path.read_bytes()
    )
    data = bytearray(block.read_bytes())
    data[data.rindex(payload) + len(payload) // 2] ^= 1
    block.write_bytes(data)


def _block(directory: Path, random: Random) -> Path:
    """One of the files with messages in it."""
    blocks = sorted(path for path in directory.glob("msgs/*.blk") if path.stat().st_size)
    return random.choice(blocks)


def _flip(path: Path, random: Random) -> None:
    data = bytearray(path.read_bytes())
    data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    path.write_bytes(data)
