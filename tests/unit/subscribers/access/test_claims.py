"""What accounts and users of the message server may do, and which credentials stand."""

import base64
from pathlib import Path
from typing import Any

import pytest

from api.runtime.broker_keys import prepare_keys
from ledger.domain.events import ChannelCredentialIssued, ChannelCredentialRevoked
from subscribers.access.claims import channel_account, channel_user, ledger_account, revocation
from subscribers.access.keys import ChannelKeys, Keys, KeysMissing, new_user
from subscribers.access.standing import Standing
from subscribers.access.tokens import BadToken, claims_of, public_key, signed
from subscribers.messages import durable_of

FAR, LATER = 2_000_000, 3_000_000


def subjects_of(value: Any) -> set[str]:
    """Every text in claims that looks like a subject."""
    if isinstance(value, dict):
        return {found for inner in (*value, *value.values()) for found in subjects_of(inner)}
    if isinstance(value, list):
        return {found for inner in value for found in subjects_of(inner)}
    return {value} if isinstance(value, str) and "." in value else set()


def issued(credential_id: str, *, expires_at: int | None = None) -> ChannelCredentialIssued:
    """A credential of the channel "web"; its key is called as it is."""
    return ChannelCredentialIssued(
        occurred_at=1,
        channel="web",
        credential_id=credential_id,
        public_key=f"key of {credential_id}",
        expires_at=expires_at,
    )


def revoked(credential_id: str) -> ChannelCredentialRevoked:
    """The end of it."""
    return ChannelCredentialRevoked(
        occurred_at=2,
        channel="web",
        credential_id=credential_id,
        public_key=f"key of {credential_id}",
    )


@pytest.mark.parametrize(("one", "other"), [("web", "web2"), ("a.b", "a%2Eb"), ("A", "a")])
def test_two_channels_share_no_subject(one: str, other: str) -> None:
    """Nothing that one's claims open is opened by another's, alike as their names may be."""
    opened = [subjects_of(channel_account(name, "A", "LEDGER", {})) for name in (one, other)]
    allowed = [subjects_of(channel_user(name, "U", "c", None)) for name in (one, other)]

    assert opened[0]
    assert opened[0].isdisjoint(opened[1])
    assert allowed[0].isdisjoint(allowed[1])


def test_a_channel_has_no_wildcard_before_its_own_name() -> None:
    """A subject is open to its end only behind the channel's own token."""
    user = channel_user("web", "U", "c", None)
    wild = {
        subject
        for subject in subjects_of(channel_account("web", "A", "LEDGER", {})) | subjects_of(user)
        if "*" in subject or ">" in subject
    }

    assert {
        f"$JS.ACK.INVENTORY_ATS.{durable_of('web')}.>",
        "$JS.API.DIRECT.GET.INVENTORY_ATS.inventory.ats.web.>",
        "_INBOX_web.>",
    } == wild


def test_a_channel_imports_only_what_is_exported() -> None:
    """Else the server would drop it, and the channel would wait for answers that never come."""
    exports = [one["subject"] for one in ledger_account("L")["nats"]["exports"]]
    imports = [one["subject"] for one in channel_account("web", "A", "L", {})["nats"]["imports"]]

    assert all(any(_covers(wide, subject) for wide in exports) for subject in imports)


def test_what_is_signed_can_be_read_and_is_the_signers(tmp_path: Path) -> None:
    """Claims say who made them and when; the same claims of another time are another token."""
    tmp_path.chmod(0o700)
    keys = prepare_keys(tmp_path)
    token = signed({"sub": "A", "nats": {}}, keys.operator, 7)
    head, body, signature = token.split(".")

    assert (public_key(keys.operator), 7) == (claims_of(token)["iss"], claims_of(token)["iat"])
    assert keys.operator.verify(f"{head}.{body}".encode(), _unpacked(signature))
    assert token != signed({"sub": "A", "nats": {}}, keys.operator, 8)
    for broken in ("", "a.b", "a.b.c", f"{head}.!.{signature}"):
        with pytest.raises(BadToken):
            claims_of(broken)


def test_every_channel_has_an_account_of_its_own(tmp_path: Path) -> None:
    """Derived from one key: the same in every process and after every start."""
    keys = prepare_keys(tmp_path)
    again = ChannelKeys(tmp_path / "nats-keys")
    web, shop = public_key(keys.of_channel("web")), public_key(keys.of_channel("shop"))

    assert web != shop
    assert web == public_key(again.account("web"))
    assert ("A", "U") == (web[0], public_key(new_user())[0])


@pytest.mark.parametrize("content", [None, "", "not a key", "SUAAAA"])
def test_a_key_that_is_not_there_is_named(tmp_path: Path, content: str | None) -> None:
    """Whoever configured it wrongly learns which file it is."""
    prepare_keys(tmp_path)
    path = tmp_path / "nats-keys" / "operator.nk"
    path.unlink()
    if content is not None:
        path.write_text(content)

    with pytest.raises(KeysMissing, match=r"operator\.nk"):
        Keys(tmp_path / "nats-keys")


def test_only_what_was_revoked_and_has_not_run_out_is_on_the_list() -> None:
    """The server refuses by itself what has run out: a list that only grew would never end."""
    standing = Standing()
    for event in (
        issued("kept"),
        issued("lost"),
        revoked("lost"),
        issued("short", expires_at=FAR),
        revoked("short"),
    ):
        assert "web" == standing.take(event)

    assert {"key of lost", "key of short"} == set(standing.revoked("web", FAR - 1))
    assert {"key of lost": revocation()} == standing.revoked("web", FAR)
    assert {"key of short"} == standing.ran_out("web", FAR)


def test_a_channel_is_read_while_one_credential_stands() -> None:
    """Revoked and run out count alike."""
    standing = Standing()
    assert not standing.is_read("web", 1)
    standing.take(issued("short", expires_at=FAR))
    standing.take(issued("lost"))

    assert standing.is_read("web", LATER)
    standing.take(revoked("lost"))
    assert (True, False) == (standing.is_read("web", FAR - 1), standing.is_read("web", FAR))


def _covers(wide: str, subject: str) -> bool:
    for have, want in zip(wide.split("."), subject.split("."), strict=False):
        if have == ">":
            return True
        if have not in ("*", want):
            return False
    return wide.count(".") == subject.count(".")


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
