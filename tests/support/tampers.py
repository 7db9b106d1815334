"""What a superuser can do to a ledger, drawn at random: each change names the first row it hit.

Every guard is off, and most of them leave no law broken: only somebody who kept a checkpoint has
a chance. A change of the evidence alone, which hits no row, names none.
"""

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final, TypeAlias

from projections.proof.notary import CannotAttest, fell
from projections.rebuild import rebuild
from projections.registry import NAMES
from tests.support.attested import attest
from tests.support.audited import Audited

Tamper: TypeAlias = Callable[[Audited, Random], int | None]

_FAR: Final = 1_000_000
_SHIFT: Final = (
    "update ledger.events set position = position + {far} where position > {at};"
    "update ledger.events set position = position - {far} + {by} where position > {far}"
)


def body(ledger: Audited, random: Random) -> int:
    """One digit of a body, or a blank that changes no meaning."""
    at = random.randint(1, ledger.head)
    ((state,),) = ledger.database.execute("select state from ledger.events where position = %s", at)
    state = bytes(state)
    digits = [n for n, byte in enumerate(state) if byte in b"123456789"]
    if digits and random.random() < 0.7:
        place = random.choice(digits)
        other = random.choice([d for d in b"123456789" if d != state[place]])
        changed = state[:place] + bytes([other]) + state[place + 1 :]
    else:
        changed = state.replace(b":", b": ", 1)
    assert changed != state
    ledger.forge("update ledger.events set state = %s where position = %s", changed, at)
    return at


def envelope(ledger: Audited, random: Random) -> int:
    """Stream, version, topic or time of a row."""
    at = random.randint(1, ledger.head)
    change = random.choice(
        (
            "stream = stream || 'X'",
            "version = version + 1000",
            "topic = 'stock.received.v9'",
            "recorded_at = recorded_at + interval '1 microsecond'",
            "recorded_at = recorded_at - interval '1 day'",
        )
    )
    ledger.forge(f"update ledger.events set {change} where position = %s", at)
    return at


def deletion(ledger: Audited, random: Random) -> int:
    """A row is gone; half the time the gap is closed."""
    at = random.randint(1, ledger.head)
    ledger.forge("delete from ledger.events where position = %s", at)
    if random.random() < 0.5:
        ledger.forge(_SHIFT.format(far=_FAR, at=at, by=-1))
        ledger.forge("update ledger.heads set position = position - 1")
    return at


def cut(ledger: Audited, random: Random) -> int:
    """The end is gone, and nothing misses it."""
    at = random.randint(1, ledger.head)
    ledger.forge(
        f"delete from ledger.events where position >= {at};"
        f"delete from ledger.receipts where position >= {at};"
        f"update ledger.heads set position = {at - 1}"
    )
    return at


def swap(ledger: Audited, random: Random) -> int:
    """Two rows change places, or two bodies their rows."""
    first, second = sorted(random.sample(range(1, ledger.head + 1), 2))
    if random.random() < 0.5:
        for before, after in ((first, _FAR), (second, first), (_FAR, second)):
            ledger.forge(
                "update ledger.events set position = %s where position = %s", after, before
            )
    else:
        ledger.forge(
            "update ledger.events e set state = o.state from ledger.events o"
            f" where (e.position, o.position) in (({first}, {second}), ({second}, {first}))"
        )
    return first


def insertion(ledger: Audited, random: Random) -> int:
    """A row that was never recorded, between others."""
    at = random.randint(1, ledger.head)
    ledger.forge(_SHIFT.format(far=_FAR, at=at - 1, by=1))
    ledger.forge(
        "insert into ledger.events select shard, stream, version + 1000, %s, recorded_at, topic,"
        " state from ledger.events where position = %s",
        at,
        at + 1,
    )
    ledger.forge("update ledger.heads set position = position + 1")
    return at


def renumbering(ledger: Audited, random: Random) -> int:
    """A row under another number."""
    at = random.randint(1, ledger.head)
    to = ledger.head + random.randint(1, 50)
    ledger.forge("update ledger.events set position = %s where position = %s", to, at)
    return at


def with_projections(ledger: Audited, random: Random) -> int:
    """A row, and all that was made of it: the projections follow from what stands there now."""
    at = body(ledger, random)
    with suppress(Exception):  # Where the change makes no sense, projections stay as they were.
        rebuild(ledger.database.service_url, NAMES)
    return at


def with_tree(ledger: Audited, random: Random) -> int:
    """A row, and the tree over it, all checkpoints gone, then signed anew with the stolen key."""
    at = random.choice((body, envelope, swap))(ledger, random)
    ledger.forge("delete from proof.checkpoints")
    fell(ledger.database.service_url)
    with suppress(CannotAttest):
        attest(ledger.database.service_url)
    return at


def with_tiles(ledger: Audited, random: Random) -> int:
    """A row, and the tree grown again over it; what was signed is left alone."""
    at = body(ledger, random)
    fell(ledger.database.service_url)
    with suppress(CannotAttest):  # The notary sees it; a thief would have stopped it.
        attest(ledger.database.service_url)
    return at


def tiles(ledger: Audited, random: Random) -> None:
    """A hash of the tree, or a tile."""
    found = ledger.database.execute("select level, tile, hashes from proof.tiles order by 1, 2")
    level, tile, hashes = random.choice(found)
    place = random.randrange(len(hashes))
    changes = (
        f"update {{}} set hashes = set_byte(hashes, {place}, {hashes[place] ^ 1})",
        "update {} set hashes = substr(hashes, 1, length(hashes) - 32)",
        "update {} set hashes = substr(hashes, 1, length(hashes) - 32) || sha256(hashes)",
        "update {} set tile = tile + 9",
        "delete from {}",
    )
    change = random.choice(changes[:1] if len(hashes) == 32 else changes)
    ledger.forge(f"{change.format('proof.tiles')} where (level, tile) = ({level}, {tile})")


def checkpoints(ledger: Audited, random: Random) -> None:
    """What was signed, or who may sign."""
    found = ledger.database.execute("select size from proof.checkpoints where size > 1 order by 1")
    (size,) = random.choice(found)
    changes = (
        "update {} set root = sha256(root)",
        "update {} set size = size - 1",
        "update {} set note = note || ' '",
        "update {} set note = replace(note, '/', '//')",
        "update {} set number = number + 700",
        "delete from {}",
    )
    others = ("delete from proof.keys", "update proof.ledgers set id = md5(id)")
    one = f"{random.choice(changes).format('proof.checkpoints')} where size = {size}"
    ledger.forge(random.choice((one, one, one, *others)))


ROWS: Final[tuple[Tamper, ...]] = (
    *(body, envelope, deletion, cut, swap, insertion, renumbering),
    *(with_projections, with_tree, with_tiles),
)
EVIDENCE: Final[tuple[Tamper, ...]] = (tiles, checkpoints)
