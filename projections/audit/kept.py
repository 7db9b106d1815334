"""The auditor's books after a clean audit, as bytes: the next audit can go on from there.

What is kept says which ledger and which rows it is about, and which code it was made by. Nothing
of it is believed before the rows have been hashed again; whatever does not fit is refused, and
the audit begins at zero.
"""

import io
import pickle
from functools import cache
from hashlib import sha256
from pathlib import Path
from platform import python_version
from typing import Any, Final

import msgspec
from msgspec import Struct

from ledger.domain import laws
from projections.audit.checker import Checker
from projections.audit.log import Source
from projections.audit.row import Chain

FORMAT: Final = "inventory-ledger/verified/v1"

_OWN: Final = "projections.audit."
_OTHERS: Final = {
    ("builtins", "set"),
    ("builtins", "bytearray"),
    ("msgspec._utils", "rebuild"),
    ("sortedcontainers.sortedlist", "SortedList"),
    ("ledger.domain.laws", "Place"),
}
"""What books are made of beside the auditor's own classes; nothing else is ever called."""


class Unusable(Exception):
    """What was kept cannot be gone on from; its sentence says why."""


class Header(Struct, frozen=True, kw_only=True):
    """The first line: what the rest is about, and its hash."""

    format: str
    code: str
    ledger: str
    position: int
    fingerprint: str
    verified_at: int
    content: str


class Kept(Struct, frozen=True):
    """Books as they were kept, and the rows they are bound to. To be used once."""

    header: Header
    checker: Checker
    blocks: list[bytes]

    @property
    def position(self) -> int:
        """The last position they cover."""
        return self.header.position

    def first_change(self, chain: Chain) -> int | None:
        """From which position on the rows may be others than those that were verified."""
        fingerprint = bytes.fromhex(self.header.fingerprint)
        return chain.first_change(self.position, fingerprint, self.blocks)


def packed(checker: Checker, chain: Chain, ledger: str, at: int) -> bytes:
    """The books of a clean audit, up to where its chain stands; `at` is the time."""
    assert not checker.breaches_total, "only what is clean is worth going on from"
    content = pickle.dumps((checker.books(), chain.blocks), protocol=5)
    header = Header(
        format=FORMAT,
        code=code_hash(),
        ledger=ledger,
        position=chain.position,
        fingerprint=chain.fingerprint.hex(),
        verified_at=at,
        content=sha256(content).hexdigest(),
    )
    return msgspec.json.encode(header) + b"\n" + content


def unpacked(data: bytes, ledger: str) -> Kept:
    """What was packed; raises `Unusable`."""
    line, _, content = data.partition(b"\n")
    try:
        header = msgspec.json.decode(line, type=Header)
    except msgspec.MsgspecError as error:
        raise Unusable(f"it is damaged: {error}") from error
    if header.format != FORMAT:
        raise Unusable(f"its format is {header.format!r}, not {FORMAT!r}")
    if header.content != sha256(content).hexdigest():
        raise Unusable("it is damaged: its content is not what its first line says")
    if header.code != code_hash():
        raise Unusable("it was made by another version of the auditor")
    if header.ledger != ledger:
        raise Unusable("it is about another ledger")
    books, blocks = _Unpickler(io.BytesIO(content)).load()
    return Kept(header, Checker.of(books), blocks)


class _Unpickler(pickle.Unpickler):
    """Makes the auditor's books and plain values, and calls nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """A class by name, if it is one of those."""
        found = super().find_class(module, name) if module.startswith(_OWN) else None
        if isinstance(found, type) and found.__module__ == module:
            return found
        if (module, name) not in _OTHERS:
            raise Unusable(f"it names {module}.{name}, which no book is made of")
        return super().find_class(module, name)


def ledger_id(source: Source) -> str:
    """Which server's which database: a restored dump is another ledger, and begins at zero."""
    row = source.one("ledger_id")
    assert row is not None
    return str(row[0])


@cache
def code_hash() -> str:
    """The auditor's whole code, and the laws': books made by other rules are not gone on from."""
    law = Path(laws.__file__)
    lawful = law.parent.glob("*.py") if law.name == "__init__.py" else [law]
    own = Path(__file__).parent
    whole = sha256(python_version().encode())
    for path in sorted((*own.glob("*.py"), *own.glob("*.sql"), *lawful)):
        whole.update(b"%b\0%d\0%b" % (path.name.encode(), path.stat().st_size, path.read_bytes()))
    return whole.hexdigest()
