"""The keys of an embedded nats-server: made at its first start, kept in the data directory."""

from pathlib import Path
from typing import Any, Final

import nkeys

from api.runtime.datadir import write_private
from ledger.clock import SystemClock
from ledger.domain.values import MICROSECONDS_PER_SECOND
from subscribers.access import claims
from subscribers.access.keys import (
    SERVICE_CREDENTIALS,
    SYSTEM_CREDENTIALS,
    Keys,
    make_keys,
    new_user,
)
from subscribers.access.tokens import (
    BadToken,
    claims_of,
    credentials_file,
    public_key,
    signed,
)

DIRECTORY: Final = "nats-keys"


def prepare_keys(data_dir: Path) -> Keys:
    """The keys, and credentials for the service itself; what is missing is made."""
    directory = data_dir / DIRECTORY
    directory.mkdir(exist_ok=True, mode=0o700)
    keys = make_keys(directory, write_private)
    for name, account in ((SERVICE_CREDENTIALS, keys.ledger), (SYSTEM_CREDENTIALS, keys.system)):
        if not _is_issued_by(account, directory / name):
            user = new_user()
            claimed = claims.service_user(public_key(user), name.removesuffix(".creds"))
            token = signed(claimed, account, _now_s())
            write_private(directory / name, credentials_file(token, user))
    return keys


def _is_issued_by(account: nkeys.KeyPair, path: Path) -> bool:
    """Whether credentials are there, and good for an account whose key may have been lost."""
    try:
        token = path.read_text().partition("-----\n")[2].partition("\n")[0]
        return bool(claims_of(token).get("iss") == public_key(account))
    except (OSError, BadToken):
        return False


def broker_options(keys: Keys, accounts_dir: Path) -> dict[str, Any]:
    """What makes the server trust our operator, and keep the claims of channels itself."""
    system, ledger = public_key(keys.system), public_key(keys.ledger)
    made = claims.operator(public_key(keys.operator), system)
    preloaded = {
        system: claims.system_account(system),
        ledger: claims.ledger_account(ledger),
    }
    now_s = _now_s()
    return {
        "operator": signed(made, keys.operator, now_s),
        "system_account": system,
        "resolver": {"type": "full", "dir": str(accounts_dir), "allow_delete": False},
        "resolver_preload": {
            account: signed(claimed, keys.operator, now_s) for account, claimed in preloaded.items()
        },
    }


def _now_s() -> int:
    return SystemClock().now() // MICROSECONDS_PER_SECOND
