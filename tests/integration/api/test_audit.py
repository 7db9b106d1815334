"""Evidence over HTTP, checked with a verifier that is not ours."""

import asyncio
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import Any

import nats
import pytest
from proofbundle.checkpoint import verify_checkpoint
from proofbundle.merkle import verify_consistency, verify_inclusion

from tests.support.http import Api, new, receive
from tests.support.servers import RunningService


def read(api: Api, note: str) -> dict[str, Any]:
    """A note, taken apart by the published reader, with the key that the service names."""
    (key,) = api.get("/v1/audit/keys").text.splitlines()
    found: dict[str, Any] = verify_checkpoint(note, key)
    assert found["ok"]
    return found


def test_every_acknowledged_event_has_a_proof(api: Api) -> None:
    """Within what a reader waits anyway: whoever was answered can prove that it was recorded."""
    for _ in range(3):
        position = api.record(receive(new("MUG")))["position"]
        answer = api.get("/v1/audit/inclusion", position=position)

        assert 200 == answer.status_code, answer.text
        proof = answer.json()
        checkpoint = read(api, proof["checkpoint"])
        assert proof["tree_size"] == checkpoint["tree_size"]
        assert position - 1 == proof["index"]
        assert (
            proof["leaf_hash"]
            == b64encode(sha256(b"\0" + proof["leaf"].encode()).digest()).decode()
        )
        path = list(map(b64decode, proof["audit_path"]))
        where = (proof["index"], proof["tree_size"])
        assert verify_inclusion(proof["leaf"].encode(), *where, path, checkpoint["root"])


def test_the_leaf_is_the_row(api: Api, running_service: RunningService) -> None:
    """Whoever exported the row comes to the same leaf."""
    position = api.record(receive("MUG", 7))["position"]
    leaf = api.get("/v1/audit/inclusion", position=position).json()["leaf"]

    lines = leaf.split("\n")
    assert ["inventory-ledger/row/v1", "0", str(position), "stock/ams-1/MUG"] == lines[:4]
    assert ["stock.received.v1", ""] == [lines[5], lines[8]]


def test_a_later_ledger_continues_an_earlier_one(api: Api) -> None:
    """Between any two sizes, checkpoints or not; and the roots are those that were signed."""
    api.record(*(receive(new("LAMP")) for _ in range(5)))
    position = api.record(receive(new("LAMP")))["position"]
    note = api.get("/v1/audit/checkpoint", position=position)
    assert 200 == note.status_code, note.text
    signed = read(api, note.text)
    for first in (1, 2, 3, signed["tree_size"]):
        query = {"from": first, "to": signed["tree_size"]}
        proof = api.get("/v1/audit/consistency", **query).json()
        older, newer = b64decode(proof["from_root"]), b64decode(proof["to_root"])
        path = list(map(b64decode, proof["consistency_path"]))
        assert verify_consistency(first, signed["tree_size"], path, older, newer)
        assert signed["root"] == newer


def test_an_older_checkpoint_can_be_asked_for(api: Api) -> None:
    """By its size, or as the first one that attests a position; a proof in its tree as well."""
    position = api.record(receive("MUG"))["position"]
    first = api.get("/v1/audit/checkpoint", position=position)
    size = read(api, first.text)["tree_size"]
    api.get("/v1/audit/checkpoint", position=api.record(receive("MUG"))["position"])

    assert first.text == api.get("/v1/audit/checkpoint", size=size).text
    assert first.text == api.get("/v1/audit/checkpoint", position=position).text
    proof = api.get("/v1/audit/inclusion", position=position, size=size).json()
    assert first.text == proof["checkpoint"]
    assert 0 == read(api, api.get("/v1/audit/checkpoint", size=0).text)["tree_size"]


@pytest.mark.parametrize(
    ("path", "query", "status", "field"),
    [
        ("inclusion", {"position": 0}, 400, "position"),
        ("inclusion", {}, 400, "position"),
        ("inclusion", {"position": 10**12}, 404, None),
        ("inclusion", {"position": 2, "size": 1}, 400, "size"),
        ("consistency", {"from": 0}, 400, "from"),
        ("consistency", {"from": 2, "to": 1}, 400, "to"),
        ("consistency", {"from": 1, "to": 10**12}, 404, None),
        ("checkpoint", {"size": 10**12}, 404, None),
        ("checkpoint", {"position": 10**12}, 404, None),
        ("checkpoint", {"position": 1, "size": 1}, 400, "size"),
        ("checkpoint", {"sise": 1}, 400, "sise"),
        ("keys", {"sise": 1}, 400, "sise"),
        ("keys", {"min_position": 10**12}, 503, None),
    ],
)
def test_what_cannot_be_proven_is_refused(
    api: Api, path: str, query: dict[str, int], status: int, field: str | None
) -> None:
    """At once, and by the name of what is wrong."""
    api.record(receive("MUG"), receive("MUG"))
    answer = api.get(f"/v1/audit/{path}", **query)

    assert status == answer.status_code, answer.text
    assert field == answer.json().get("path")


def test_checkpoints_are_told_on_the_bus(api: Api, running_service: RunningService) -> None:
    """Each once, in order, as it was signed: whoever keeps them needs to trust nobody later."""
    position = api.record(receive("MUG"))["position"]
    note = api.get("/v1/audit/checkpoint", position=position).text
    size = read(api, note)["tree_size"]

    told = asyncio.run(_told(running_service, size))
    assert note == told[size]
    assert sorted(told) == list(told)
    assert all(text == api.get("/v1/audit/checkpoint", size=at).text for at, text in told.items())


async def _told(service: RunningService, until: int) -> dict[int, str]:
    """What the stream holds, up to the checkpoint of a size."""
    client = await nats.connect(service.runtime()["nats"], **service.bus_login())
    told: dict[int, str] = {}
    try:
        subscription = await client.jetstream().subscribe(
            "inventory.checkpoints", ordered_consumer=True
        )
        while until not in told:
            message = await subscription.next_msg(timeout=20)
            told[int((message.headers or {})["Ledger-Position"])] = message.data.decode()
    finally:
        await client.close()
    return told
