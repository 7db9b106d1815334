"""The keys of the message server's accounts: one directory, one file each, for its owner only.

Whoever has the operator's can make any account; whoever has that of an account can let users into
it. The accounts of channels are derived from one key, so that there is one file and not as many
as channels, and every process of the service finds the same account for a channel.
"""

import hmac
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import nkeys

OPERATOR_FILE: Final = "operator.nk"
SYSTEM_FILE: Final = "system.nk"
LEDGER_FILE: Final = "ledger.nk"
CHANNELS_FILE: Final = "channels.nk"
SERVICE_CREDENTIALS: Final = "service.creds"
SYSTEM_CREDENTIALS: Final = "system.creds"

_SEED_BYTES: Final = 32


class KeysMissing(Exception):
    """A key that is needed is not there, or is none."""


class Keys:
    """Every key; read once, when the process starts."""

    def __init__(self, directory: Path) -> None:
        """Read them. Raises KeysMissing."""
        self.operator = _read(directory / OPERATOR_FILE)
        self.system = _read(directory / SYSTEM_FILE)
        self.ledger = _read(directory / LEDGER_FILE)
        self._channels = ChannelKeys(directory)

    def of_channel(self, channel: str) -> nkeys.KeyPair:
        """The key of a channel's own account."""
        return self._channels.account(channel)


class ChannelKeys:
    """What it takes to let users into the accounts of channels, and into no other."""

    def __init__(self, directory: Path) -> None:
        """Read the one key. Raises KeysMissing."""
        _, self._seed = nkeys.decode_seed(bytearray(_read(directory / CHANNELS_FILE).seed))

    def account(self, channel: str) -> nkeys.KeyPair:
        """The key of a channel's own account."""
        derived = hmac.new(bytes(self._seed), f"channel account\0{channel}".encode(), sha256)
        return _pair(derived.digest(), nkeys.PREFIX_BYTE_ACCOUNT)


def make_keys(directory: Path, keep: Callable[[Path, str], None]) -> Keys:
    """The keys of a directory; those that are missing are made and handed to `keep` first."""
    prefixes = {
        OPERATOR_FILE: nkeys.PREFIX_BYTE_OPERATOR,
        SYSTEM_FILE: nkeys.PREFIX_BYTE_ACCOUNT,
        LEDGER_FILE: nkeys.PREFIX_BYTE_ACCOUNT,
        CHANNELS_FILE: nkeys.PREFIX_BYTE_ACCOUNT,
    }
    for name, prefix in prefixes.items():
        if not (directory / name).exists():
            seed = bytes(_pair(os.urandom(_SEED_BYTES), prefix).seed).decode()
            keep(directory / name, seed + "\n")
    return Keys(directory)


def new_user() -> nkeys.KeyPair:
    """A key for somebody who logs in."""
    return _pair(os.urandom(_SEED_BYTES), nkeys.PREFIX_BYTE_USER)


def _pair(raw: bytes, prefix: int) -> nkeys.KeyPair:
    return nkeys.from_seed(bytearray(nkeys.encode_seed(raw, prefix)))


def _read(path: Path) -> nkeys.KeyPair:
    try:
        return nkeys.from_seed(bytearray(path.read_bytes().strip()))
    except OSError as error:
        raise KeysMissing(f"{path} cannot be read: {error.strerror}") from error
    except nkeys.NkeysError as error:
        raise KeysMissing(f"{path} holds no key: {error}") from error
