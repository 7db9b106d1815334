"""The JetStream streams of the service, declared once, and how they come to be.

A *generation* is one continuous copy of the ledger in `INVENTORY_EVENTS`: within it the stream's
sequence is the ledger's position. It is a number, kept in the stream's metadata and in every
message. When copy and ledger have parted (a restored database, a lost volume), nothing repairs
the copy silently: an operator deletes the stream and creates it with the next number, and
subscribers see by the header that their place means nothing any more.
"""

from typing import Final

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StoreCompression, StreamConfig
from nats.js.errors import NotFoundError

from subscribers import messages
from subscribers.messages import (
    ATS_STREAM,
    CHECKPOINTS_STREAM,
    CONFLICTS_STREAM,
    DLQ_STREAM,
    EVENTS_STREAM,
    INBOX_STREAM,
    STOCK_STREAM,
)

GENERATION_KEY: Final = messages.GENERATION_KEY
FIRST_GENERATION: Final = 1

FILLING_KEY: Final = "inventory-ledger.filling"
"""Kept with a stream of last values from when it is made until all there is has been told: before
that, what it holds is not the present, and nobody is given it as such."""

_DUPLICATE_WINDOW_S: Final = 120.0  # A second net only; the fence has no time limit.


def _declare(
    name: str, description: str, subjects: list[str], *, last_only: bool = False
) -> StreamConfig:
    return StreamConfig(
        name=name,
        description=description,
        subjects=subjects,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_msgs_per_subject=1 if last_only else -1,
        duplicate_window=_DUPLICATE_WINDOW_S,
        allow_direct=True,
        num_replicas=1,
        compression=StoreCompression.NONE,
    )


STREAMS: Final = (
    _declare(
        EVENTS_STREAM,
        "every event of the ledger, in order, each exactly once; sequence = position",
        ["inventory.events.>", "inventory.documents.>"],
    ),
    _declare(STOCK_STREAM, "the last state of every stock", ["inventory.stock.>"], last_only=True),
    _declare(
        ATS_STREAM,
        "the last value of what each channel may sell of each SKU",
        ["inventory.ats.>"],
        last_only=True,
    ),
    _declare(CONFLICTS_STREAM, "conflicts opened and resolved", ["inventory.conflicts.>"]),
    _declare(INBOX_STREAM, "facts sent by stores and systems", ["inventory.inbox.>"]),
    _declare(DLQ_STREAM, "messages a subscriber gave up on", ["inventory.dlq.>"]),
    _declare(CHECKPOINTS_STREAM, "signed checkpoints of the ledger", ["inventory.checkpoints"]),
)
"""Everything the service keeps in JetStream; nothing else is created at run time."""


def begun(declared: StreamConfig, generation: int) -> StreamConfig:
    """A stream about to be made, as one copy."""
    metadata = {GENERATION_KEY: str(generation)}
    if declared.name == ATS_STREAM:
        metadata[FILLING_KEY] = "true"
    return declared.evolve(metadata=metadata)


async def ensure(js: JetStreamContext) -> None:
    """Create the streams that are missing. One that exists is left as its operator tuned it."""
    for declared in STREAMS:
        assert declared.name is not None
        try:
            await js.stream_info(declared.name)
        except NotFoundError:
            # Another relay may create it at the same moment; the same declaration is no error.
            await js.add_stream(begun(declared, FIRST_GENERATION))


async def generation_of(js: JetStreamContext, name: str = EVENTS_STREAM) -> int:
    """Which copy of the ledger a stream is."""
    info = await js.stream_info(name)
    return int((info.config.metadata or {}).get(GENERATION_KEY, FIRST_GENERATION))


async def is_filling(js: JetStreamContext) -> bool:
    """Whether what channels may sell is still being told to a stream that was made anew."""
    info = await js.stream_info(ATS_STREAM)
    return FILLING_KEY in (info.config.metadata or {})


async def filled(js: JetStreamContext) -> None:
    """All of it has been told; whoever asks for the present is given it from now on."""
    info = await js.stream_info(ATS_STREAM)
    metadata = {k: v for k, v in (info.config.metadata or {}).items() if k != FILLING_KEY}
    await js.update_stream(info.config.evolve(metadata=metadata))
