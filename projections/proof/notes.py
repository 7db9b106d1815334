"""Signed notes (C2SP signed-note) about a tree (C2SP tlog-checkpoint), and the keys that sign."""

from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ED25519: Final = b"\x01"
_KEY_BYTES: Final = 32
_PRIVATE: Final = "PRIVATE+KEY+"


class BadKey(ValueError):
    """A signing key is not one of ours."""


class Signer:
    """A key and the name it signs under."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Take a private key."""
        self.name = name
        self._key = key
        self._public = _ED25519 + key.public_key().public_bytes_raw()
        self._id = sha256(f"{name}\n".encode() + self._public).digest()[:4]

    @classmethod
    def new(cls, name: str) -> Self:
        """A signer with a fresh key."""
        return cls(name, Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, text: str) -> Self:
        """A signer from the text of its private key; raises BadKey."""
        name, _, rest = text.strip().removeprefix(_PRIVATE).partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            key = b64decode(encoded, validate=True)
        except ValueError as error:
            raise BadKey("the signing key cannot be read: its last part is no base64") from error
        if not text.startswith(_PRIVATE) or key[:1] != _ED25519 or len(key) != 1 + _KEY_BYTES:
            raise BadKey(f"the signing key does not read {_PRIVATE}<name>+<id>+<Ed25519 key>")
        signer = cls(name, Ed25519PrivateKey.from_private_bytes(key[1:]))
        if signer._id.hex() != key_id:
            raise BadKey(f"the signing key of {name} does not fit its id {key_id}")
        return signer

    @property
    def private_key(self) -> str:
        """The text from which `read` makes this signer again: secret."""
        key = b64encode(_ED25519 + self._key.private_bytes_raw()).decode()
        return f"{_PRIVATE}{self.name}+{self._id.hex()}+{key}"

    @property
    def public_key(self) -> str:
        """The verifier key: what others check notes with."""
        return f"{self.name}+{self._id.hex()}+{b64encode(self._public).decode()}"

    def sign(self, text: str) -> str:
        """The text as a note."""
        assert text.endswith("\n"), "a note's text ends with its last line"
        signature = b64encode(self._id + self._key.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {signature}\n"


def origin_of(ledger_id: str) -> str:
    """What a ledger is called in its notes."""
    return f"inventory-ledger/{ledger_id}"


def checkpoint(origin: str, size: int, root: bytes) -> str:
    """What is signed about a tree."""
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n"
