"""A ledger whose tree has grown to its head, with a key that everybody here knows."""

from base64 import b64decode
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.settings import Settings, load_settings
from projections.proof.notary import Notary, connect, ledger_id
from projections.proof.notes import Signer, origin_of

_SEED: Final = b64decode("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")


@cache
def signer_of(url: str) -> Signer:
    """Who signs for a ledger."""
    return Signer(origin_of(ledger_id(url)), Ed25519PrivateKey.from_private_bytes(_SEED))


def settings_of(url: str, **overrides: object) -> Settings:
    """The settings of a notary; a test waits for no round of it."""
    key = signer_of(url).private_key
    limits = {"checkpoint_every_ms": 20, **overrides}
    return load_settings({}, database_url=url, checkpoint_key=key, **limits)


def attest(url: str, **overrides: object) -> None:
    """Bring the tree to the head of the ledger and sign it."""
    notary = Notary(settings_of(url, **overrides))
    with connect(url) as connection:
        notary.start()
        while notary.step(connection):
            pass


def vkey_of(url: str) -> str:
    """What the ledger's notes are checked with."""
    return signer_of(url).public_key
