"""The auditor's own tree and proofs, against a published implementation."""

from base64 import b64encode
from random import Random
from typing import Any

import msgspec
from proofbundle.merkle import consistency_proof, inclusion_proof, merkle_tree_hash

from projections.audit.leaves import Tree, leaf_hash
from projections.audit.proofs import Consistency, Inclusion
from projections.audit.row import Row
from projections.proof import tree as service

ROW = Row(12, "stock/ams-1/MUG", 3, "stock.received.v1", b'{"event":{}}', 1_795_424_400_000_001)
LEAF = (
    b"inventory-ledger/row/v1\n0\n12\nstock/ams-1/MUG\n3\nstock.received.v1\n"
    b"1face795aa72da7c2953de2607cdaf314c0ec26d36ced15422c7a7582b85cb2a\n1795424400000001\n"
)


def entries(count: int) -> list[bytes]:
    """Entries that differ."""
    return [str(number).encode() for number in range(count)]


def text(digest: bytes) -> str:
    """As in JSON."""
    return b64encode(digest).decode()


def test_a_leaf_is_the_row_as_the_documents_say() -> None:
    """Fixed for ever: a change of one byte here would disown every checkpoint."""
    assert (
        "f43d03ef90bc0f6517a1ac9599ad53f025521c5dbcde8d29313f799931563df8" == leaf_hash(ROW).hex()
    )
    assert leaf_hash(ROW) == service.leaf_hash(LEAF)
    assert leaf_hash(ROW) != leaf_hash(ROW, shard=1)


def test_every_field_of_a_row_is_in_its_leaf() -> None:
    """What is not attested can be changed."""
    others: dict[str, Any] = {
        "position": 13,
        "stream": "stock/ams-1/LAMP",
        "version": 4,
        "topic": "stock.sold.v1",
        "state": b'{"event": {}}',
        "recorded_at": ROW.recorded_at + 1,
    }
    assert set(others) == set(Row._fields)

    hashes = {leaf_hash(ROW._replace(**{k: v})) for k, v in others.items()}
    assert len(others) == len(hashes - {leaf_hash(ROW)})


def test_the_auditors_tree_comes_to_the_published_roots() -> None:
    """At every size on the way; and tells the hash of every full tile on it."""
    told: list[tuple[int, bytes]] = []
    tree = Tree(lambda level, node: told.append((level, node)))
    leaves = entries(600)
    for size, leaf in enumerate(leaves):
        if size in {0, 1, 2, 3, 255, 256, 257, 511, 512, 513}:
            assert merkle_tree_hash(leaves[:size]) == tree.root()
        tree.append(service.leaf_hash(leaf))

    halves = (leaves[:256], leaves[256:512])
    assert [(1, merkle_tree_hash(half)) for half in halves] == told


def test_published_proofs_are_accepted_and_false_ones_are_not() -> None:
    """Every proof of someone else's that is right, none with a hash or a place changed."""
    random = Random(11)
    for _ in range(60):
        leaves = entries(random.randrange(2, 90))
        index, size = random.randrange(len(leaves)), len(leaves)
        path = list(map(text, inclusion_proof(leaves, index)))
        leaf = text(service.leaf_hash(leaves[index]))
        root = merkle_tree_hash(leaves)
        proof = Inclusion(index + 1, leaf, size, path, "")
        assert root == proof.leads_to()
        for wrong in (
            msgspec.structs.replace(proof, leaf_hash=text(root)),
            msgspec.structs.replace(proof, position=(index + 1) % size + 1),
            msgspec.structs.replace(proof, audit_path=path[:-1]),
            msgspec.structs.replace(proof, audit_path=[*path, leaf]),
        ):
            assert root != wrong.leads_to()
        first = random.randrange(1, size + 1)
        older = merkle_tree_hash(leaves[:first])
        told = list(map(text, consistency_proof(leaves, first)))
        good = Consistency(first, size, text(older), text(root), told)
        assert good.holds()
        assert not msgspec.structs.replace(good, first_root=text(bytes(32))).holds()
        assert not msgspec.structs.replace(good, second_root=text(bytes(32))).holds()
        assert not msgspec.structs.replace(good, consistency_path=[*told, leaf]).holds()
