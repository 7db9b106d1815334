"""What `inventory-ledger streams status` shows."""

from msgspec import Struct
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from projections.copies.status import Relayed
from subscribers.board import Board
from subscribers.copies import COPIES
from subscribers.ledger_log import LedgerLog
from subscribers.streams import generation_of


class Kept(Struct, frozen=True, kw_only=True):
    """One copy as the message server has it."""

    stream: str
    generation: int
    messages: int
    last: int
    bytes: int


class Began(Struct, frozen=True, kw_only=True):
    """A generation, and why it began."""

    generation: int
    began_at: str
    head: int
    reason: str


class Standing(Struct, frozen=True, kw_only=True):
    """Everything there is to say without comparing."""

    head: int
    relay: Relayed | None
    streams: tuple[Kept, ...]
    generations: tuple[Began, ...]


async def standing(log: LedgerLog, board: Board, client: Client) -> Standing:
    """Ask both sides."""
    js, kept = client.jetstream(), []
    for declared in COPIES:
        assert declared.name is not None
        try:
            info = await js.stream_info(declared.name)
        except NotFoundError:
            kept.append(Kept(stream=declared.name, generation=0, messages=0, last=0, bytes=0))
            continue
        kept.append(
            Kept(
                stream=declared.name,
                generation=await generation_of(js, declared.name),
                messages=info.state.messages,
                last=info.state.last_seq,
                bytes=info.state.bytes,
            )
        )
    return Standing(
        head=await log.head(),
        relay=await board.relayed(),
        streams=tuple(kept),
        generations=tuple(
            Began(generation=number, began_at=at.isoformat(), head=head, reason=reason)
            for number, at, head, reason in await board.generations()
        ),
    )


def table(found: Standing) -> str:
    """For people."""
    lines = [f"ledger: {found.head:,} events"]
    relay = found.relay
    if relay is None:
        lines.append("relay: none has ever run")
    else:
        detail = f": {relay.detail}" if relay.detail else ""
        lines.append(
            f"relay: {relay.state}{detail} ({relay.age:.0f} s ago); generation"
            f" {relay.generation}, told up to {relay.told:,}"
        )
        if relay.wrong_at is not None:
            lines.append(f"known to differ: position {relay.wrong_at}: {relay.wrong}")
    copies = {} if relay is None else {one.stream: one for one in relay.copies}
    heading = ("stream", "generation", "messages", "compared", "differed", "repaired")
    lines.append("{:<24}{:>12}{:>14}{:>14}{:>10}{:>10}".format(*heading))
    for one in found.streams:
        copied = copies.get(one.stream)
        seen = (copied.compared, copied.differences, copied.repaired) if copied else ("-",) * 3
        generation = one.generation or "missing"
        row = (one.stream, generation, one.messages, *seen)
        lines.append("{:<24}{:>12}{:>14}{:>14}{:>10}{:>10}".format(*row))
    lines += [
        f"generation {one.generation} began {one.began_at} at {one.head:,}: {one.reason}"
        for one in found.generations
    ]
    return "\n".join(lines)
