"""The auditor's reader of signed notes (C2SP signed-note) about a tree (C2SP tlog-checkpoint).

Written from the specifications alone: it shares nothing with the code that signs.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

_ED25519: Final = 1
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 4
_ROOT_BYTES: Final = 32
_SIZE_DIGITS_MAX: Final = 19
_SIGNATURE: Final = "— "
_TOLD: Final = "inventory.checkpoints\t"  # As `tail` prints what the bus brings.


class BadNote(ValueError):
    """Something is not a checkpoint, or not a key."""


class Key(Struct, frozen=True):
    """Whose signatures count."""

    name: str
    id: bytes
    public: bytes

    @classmethod
    def read(cls, text: str) -> Self:
        """A verifier key, `<name>+<id>+<base64>`; raises BadNote."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        key = _base64(encoded, "the key")
        expected = sha256(f"{name}\n".encode() + key).digest()[:_ID_BYTES]
        if not name or key[0] != _ED25519 or len(key) != 1 + _KEY_BYTES:
            raise BadNote(f"not an Ed25519 verifier key: {text.strip()!r}")
        if key_id != expected.hex():
            raise BadNote(f"the key of {name} does not fit its id {key_id!r}")
        return cls(name, expected, key[1:])


class Note(Struct, frozen=True):
    """A checkpoint: whose tree, how large, its root, and who signed."""

    text: str
    origin: str
    size: int
    root: bytes
    signatures: list[tuple[str, bytes]]  # Name, and id with signature.


def read(text: str) -> Note:
    """One note, exactly; raises BadNote."""
    body, blank, below = text.rpartition("\n\n")
    lines = below.split("\n")
    if not blank or lines[-1] or len(lines) < 2:
        raise BadNote("a note is a text, an empty line and signatures, each line ended")
    if any(ord(one) < ord(" ") and one != "\n" for one in text):
        raise BadNote("a note holds no control characters")
    told = body.split("\n")
    if len(told) < 3 or not all(told):
        raise BadNote("a checkpoint has an origin, a size and a root, and no empty line among them")
    origin, size, root = told[:3]
    return Note(
        text=f"{body}\n",
        origin=origin,
        size=_size(size),
        root=_root(root),
        signatures=[_signature(line) for line in lines[:-1]],
    )


def read_all(text: str) -> list[Note]:
    """Notes one after the other, with or without empty lines between; raises BadNote."""
    notes: list[list[str]] = []
    lines: list[str] = []
    for told in text.splitlines():
        line = told.removeprefix(_TOLD)
        if lines and lines[-1].startswith(_SIGNATURE) and not line.startswith(_SIGNATURE):
            notes.append(lines)
            lines = []
        if line or lines:
            lines.append(line)
    if lines:
        notes.append(lines)
    return [read("".join(f"{line}\n" for line in note)) for note in notes]


def is_signed(note: Note, keys: Iterable[Key]) -> bool:
    """Whether a known key signed it. One false signature under a known key spoils the note."""
    signed = False
    for key in keys:
        for name, signature in note.signatures:
            if (name, signature[:_ID_BYTES]) == (key.name, key.id):
                if not _verifies(key, signature[_ID_BYTES:], note.text):
                    return False
                signed = True
    return signed


def _verifies(key: Key, signature: bytes, text: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
    except InvalidSignature:
        return False
    return True


def _size(text: str) -> int:
    plain = text.isascii() and text.isdigit() and len(text) <= _SIZE_DIGITS_MAX
    if not plain or (text.startswith("0") and text != "0"):
        raise BadNote(f"a tree's size is a decimal number, not {text!r}")
    return int(text)


def _root(text: str) -> bytes:
    root = _base64(text, "the root")
    if len(root) != _ROOT_BYTES:
        raise BadNote(f"a root has {_ROOT_BYTES} bytes, not {len(root)}")
    return root


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_SIGNATURE).partition(" ")
    if not line.startswith(_SIGNATURE) or not name or "+" in name:
        raise BadNote(f"not a signature: {line!r}")
    signature = _base64(encoded, "the signature")
    if len(signature) <= _ID_BYTES:
        raise BadNote(f"the signature of {name} is too short")
    return name, signature


def _base64(text: str, what: str) -> bytes:
    """Standard base64 in its one canonical form."""
    try:
        found = b64decode(text, validate=True)
    except ValueError as error:
        raise BadNote(f"{what} is no base64: {text!r}") from error
    if not found or b64encode(found).decode() != text:
        raise BadNote(f"{what} is not in canonical base64: {text!r}")
    return found
