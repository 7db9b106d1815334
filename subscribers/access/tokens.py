"""Signed claims (JWT) and credentials files, as nats-server and its clients read them."""

import base64
import binascii
import hashlib
from typing import Any, Final

import msgspec
import nkeys

_ALGORITHM: Final = {"typ": "JWT", "alg": "ed25519-nkey"}
_PARTS: Final = 3
_CREDENTIALS: Final = """\
-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
Whoever has this file can log in. It cannot be had again: lost, it is
revoked and another is issued.

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""

_json: Final = msgspec.json.encode


class BadToken(ValueError):
    """A text that is no signed claims."""


def public_key(pair: nkeys.KeyPair) -> str:
    """The public half as everybody may know it."""
    return bytes(pair.public_key).decode()


def signed(claims: dict[str, Any], signer: nkeys.KeyPair, issued_at: int) -> str:
    """The claims as a JWT of the signer; `issued_at` in seconds."""
    full = {**claims, "iss": public_key(signer), "iat": issued_at}
    full["jti"] = base64.b32encode(hashlib.sha256(_json(full)).digest()).decode().rstrip("=")
    text = f"{_packed(_json(_ALGORITHM))}.{_packed(_json(full))}"
    return f"{text}.{_packed(signer.sign(text.encode()))}"


def claims_of(token: str) -> dict[str, Any]:
    """What a JWT claims, its signature aside. Raises BadToken."""
    parts = token.strip().split(".")
    try:
        if len(parts) != _PARTS:
            raise BadToken("not three parts")
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=dict[str, Any])
    except (msgspec.MsgspecError, binascii.Error) as error:
        raise BadToken(str(error)) from error


def credentials_file(jwt: str, pair: nkeys.KeyPair) -> str:
    """What a client logs in with: the claims, and the seed that proves whose they are."""
    return _CREDENTIALS.format(jwt=jwt, seed=bytes(pair.seed).decode())


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
