"""What accounts and users of the message server may do: pure, the same whoever asks.

The service has an account of its own, LEDGER, where the streams are. Every channel has another,
which imports from it what the channel needs and nothing else. A wall between users of one account
would not do: whoever may ask JetStream anything also names the subject of the answer, and the
server delivers there whatever that subject means to others in the account. Permissions of a
channel's users say the same once more.
"""

from collections.abc import Mapping
from typing import Any, Final

from subscribers.messages import (
    ATS_STREAM,
    dead_letter_subject,
    durable_of,
    every_ats,
    inbox_of,
    replay_subject,
    sync_subject,
)

LEDGER: Final = "LEDGER"
PULL_WAIT_S_MAX: Final = 30
"""The longest that a channel's pull may wait: what answers an older one is not passed on."""

_ANSWERS_S: Final = PULL_WAIT_S_MAX + 10  # Each open pull takes the server some 3 KB for so long.
_UNLIMITED: Final = -1
_CONNECTIONS_MAX: Final = 64  # Of one channel: its processes, and old ones that linger.
_SUBSCRIPTIONS_MAX: Final = 4_096
_PAYLOAD_BYTES_MAX: Final = 1024 * 1024  # A dead letter with its reason; numbers are far smaller.
_ALWAYS: Final = 253_402_300_799  # Revoked whenever it was issued: the key is one credential's.

_PULL: Final = f"$JS.API.CONSUMER.MSG.NEXT.{ATS_STREAM}"
_INFO: Final = f"$JS.API.CONSUMER.INFO.{ATS_STREAM}"
_GET: Final = f"$JS.API.DIRECT.GET.{ATS_STREAM}"
_ACK: Final = f"$JS.ACK.{ATS_STREAM}"


def operator(public_key: str, system: str) -> dict[str, Any]:
    """Who makes accounts."""
    meaning = {"type": "operator", "version": 2, "system_account": system}
    return {"sub": public_key, "name": "inventory-ledger", "nats": meaning}


def system_account(public_key: str) -> dict[str, Any]:
    """Where the server takes the claims of accounts."""
    return _account(public_key, "SYSTEM", limits={})


def ledger_account(public_key: str) -> dict[str, Any]:
    """Where the streams are, and what of them others can be let to."""
    stored = ("mem_storage", "disk_storage", "streams", "consumer")
    exports = [
        _service(f"{_PULL}.*", response_type="Stream", response_threshold=_ANSWERS_S * 10**9),
        _service(f"{_INFO}.*"),
        _service(f"{_GET}.>"),
        _service(f"{_ACK}.>"),
        _service("inventory.dlq.*"),
        _service("inventory.channels.*.sync"),
        {"name": "replay", "subject": "*.replay", "type": "stream"},
    ]
    limits = dict.fromkeys(stored, _UNLIMITED)
    return _account(public_key, LEDGER, limits=limits, exports=exports)


def channel_account(
    channel: str, public_key: str, ledger: str, revoked: Mapping[str, int]
) -> dict[str, Any]:
    """What a channel can reach, whoever logs in for it, and whose keys are worth nothing."""
    shared = [subject for subject in _asked(channel) if subject != _own_info(channel)]
    imports = [_import(ledger, subject) for subject in shared]
    imports.append(_import(ledger, f"{_INFO}.{durable_of(channel)}", local=_own_info(channel)))
    imports.append(_import(ledger, replay_subject(channel), kind="stream"))
    limits = {
        "conn": _CONNECTIONS_MAX,
        "subs": _SUBSCRIPTIONS_MAX,
        "payload": _PAYLOAD_BYTES_MAX,
        "leaf": 0,
        "exports": 0,
        "disallow_bearer": True,
    }
    # To an account without streams the server itself answers that it has none: its clients' own
    # question is led past that answer.
    mapped = {f"{_INFO}.{durable_of(channel)}": [{"subject": _own_info(channel), "weight": 100}]}
    return _account(
        public_key,
        durable_of(channel),
        limits=limits,
        imports=imports,
        mappings=mapped,
        revocations=dict(sorted(revoked.items())),
    )


def revocation() -> int:
    """Until when a revoked key's claims are void: for ever, whatever the clocks say."""
    return _ALWAYS


def service_user(public_key: str, name: str) -> dict[str, Any]:
    """Somebody with all rights in his account."""
    return {"sub": public_key, "name": name, "nats": _user()}


def channel_user(
    channel: str, public_key: str, credential_id: str, expires_at_s: int | None
) -> dict[str, Any]:
    """Somebody who reads as a channel, until then."""
    allowed = {
        "pub": {"allow": list(_asked(channel))},
        "sub": {"allow": [f"{inbox_of(channel)}.>"]},
    }
    claims = {"sub": public_key, "name": credential_id, "nats": _user(**allowed)}
    return claims if expires_at_s is None else {**claims, "exp": expires_at_s}


def _asked(channel: str) -> tuple[str, ...]:
    """Everything that a channel publishes to, as its account knows it."""
    durable = durable_of(channel)
    return (
        f"{_PULL}.{durable}",
        _own_info(channel),
        f"{_GET}.{every_ats(channel)}",
        f"{_ACK}.{durable}.>",
        dead_letter_subject(durable),
        sync_subject(channel),
    )


def _own_info(channel: str) -> str:
    return f"{LEDGER}.CONSUMER.INFO.{durable_of(channel)}"


def _service(subject: str, **more: Any) -> dict[str, Any]:
    answer = {"response_type": "Singleton", **more}
    return {"name": subject, "subject": subject, "type": "service", **answer}


def _import(
    account: str, subject: str, *, kind: str = "service", local: str | None = None
) -> dict[str, Any]:
    found = {"name": subject, "subject": subject, "account": account, "type": kind}
    return found if local is None else {**found, "local_subject": local}


def _account(
    public_key: str, name: str, *, limits: Mapping[str, object], **more: Any
) -> dict[str, Any]:
    counted = ("subs", "data", "payload", "imports", "exports", "conn", "leaf")
    allowed = {**dict.fromkeys(counted, _UNLIMITED), "wildcards": True, **limits}
    meaning = {"type": "account", "version": 2, "limits": allowed, **more}
    return {"sub": public_key, "name": name, "nats": meaning}


def _user(**permissions: Any) -> dict[str, Any]:
    limits = dict.fromkeys(("subs", "data", "payload"), _UNLIMITED)
    return {"type": "user", "version": 2, **limits, "pub": {}, "sub": {}, **permissions}
