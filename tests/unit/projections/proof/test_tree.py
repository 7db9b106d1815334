"""The tree against the published figures, and against a published tree that is not ours."""

from random import Random

import pymerkle
import pytest
from proofbundle.merkle import verify_consistency, verify_inclusion
from pymerkle.proof import InclusionProof

from projections.proof.tree import (
    EMPTY_ROOT,
    HASH_BYTES,
    TILE_WIDTH,
    Frontier,
    Range,
    TileId,
    Tiles,
    consistency_path,
    inclusion_path,
    leaf_hash,
    tiles_of,
)

LEAVES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243"),
        *("5051525354555657", "606162636465666768696a6b6c6d6e6f"),
    )
]
"""The entries of the reference tests of RFC 6962."""

ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Of the first none to eight of them."""

_A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
_B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
_C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
_D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
_E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
_F = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"


def grown(leaves: list[bytes], random: Random | None = None) -> tuple[Frontier, Tiles]:
    """A tree of entries, and its tiles; in batches of random sizes if asked for."""
    frontier, tiles, at = Frontier(), dict[TileId, bytes](), 0
    while at < len(leaves):
        step = len(leaves) if random is None else random.choice((1, 2, 100, 256, 300, 1_000))
        batch = b"".join(map(leaf_hash, leaves[at : at + step]))
        tiles |= frontier.grow(batch)
        at += step
        if random is not None and random.random() < 0.3:
            frontier = Frontier(frontier.size, tiles)  # As after a restart.
    return frontier, Tiles(tiles)


def path(tiles: Tiles, ranges: list[Range]) -> list[bytes]:
    """The hashes of a proof."""
    return [tiles.hash(one) for one in ranges]


def entries(count: int) -> list[bytes]:
    """Entries that differ."""
    return [str(number).encode() for number in range(count)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_the_published_ones(size: int) -> None:
    """Whoever follows the RFC comes to the same root."""
    frontier, tiles = grown(LEAVES[:size])

    assert ROOTS[size] == frontier.root().hex()
    assert ROOTS[size] == tiles.hash(Range(0, size)).hex()


@pytest.mark.parametrize(
    ("index", "size", "expected"),
    [
        (0, 1, []),
        (0, 8, [_A, _B, _C]),
        (5, 8, [_D, _E, ROOTS[4]]),
        (2, 3, [ROOTS[2]]),
        (1, 5, [ROOTS[1], _B, _D]),
    ],
)
def test_inclusion_proofs_are_the_published_ones(
    index: int, size: int, expected: list[str]
) -> None:
    """From the leaf up, siblings only."""
    _, tiles = grown(LEAVES)

    assert expected == [one.hex() for one in path(tiles, inclusion_path(index, size))]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (1, 1, []),
        (8, 8, []),
        (1, 8, [_A, _B, _C]),
        (6, 8, [_F, _E, ROOTS[4]]),
        (2, 5, [_B, _D]),
    ],
)
def test_consistency_proofs_are_the_published_ones(
    first: int, second: int, expected: list[str]
) -> None:
    """A first tree that is a subtree of the second is not told again."""
    _, tiles = grown(LEAVES)

    assert expected == [one.hex() for one in path(tiles, consistency_path(first, second))]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_tree_grown_in_batches_across_restarts_is_the_same_tree(seed: int) -> None:
    """Levels, tiles and what is kept of them change nothing; proofs need only the tiles named."""
    random = Random(seed)
    leaves = entries(random.randrange(TILE_WIDTH**2, TILE_WIDTH**2 + 3_000))
    published = pymerkle.InmemoryTree(algorithm="sha256")
    published.append_entries(leaves)
    frontier, tiles = grown(leaves, random)

    assert published.get_root() == frontier.root(), f"seed {seed}"
    for _ in range(20):
        size = random.randrange(1, len(leaves) + 1)
        index = random.randrange(size)
        ranges = [*inclusion_path(index, size), Range(0, size)]
        few = Tiles({one: tiles._tiles[one] for one in tiles_of(ranges)})
        proof = published.prove_inclusion(index + 1, size)
        assert proof.path[1:] == path(few, ranges[:-1]), f"seed {seed}"
        assert published.get_root(size) == few.hash(ranges[-1])
        proof = InclusionProof(
            "sha256", True, size, index + 1, proof.rule, [proof.path[0], *path(few, ranges[:-1])]
        )
        pymerkle.verify_inclusion(leaf_hash(leaves[index]), few.hash(ranges[-1]), proof)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_proofs_convince_a_published_verifier(seed: int) -> None:
    """Whoever audits needs nothing of ours; and it is no verifier that believes everything."""
    random = Random(seed)
    leaves = entries(1_500)
    _, tiles = grown(leaves, random)

    for _ in range(50):
        first, second = sorted(random.randrange(1, len(leaves) + 1) for _ in range(2))
        older, newer = (tiles.hash(Range(0, size)) for size in (first, second))
        proof = path(tiles, consistency_path(first, second))
        assert verify_consistency(first, second, proof, older, newer), f"seed {seed}"
        assert not verify_consistency(first, second, proof, older, EMPTY_ROOT)
        index = random.randrange(second)
        proof = path(tiles, inclusion_path(index, second))
        assert verify_inclusion(leaves[index], index, second, proof, newer), f"seed {seed}"
        assert not verify_inclusion(b"another", index, second, proof, newer)


def test_a_tile_that_is_too_short_is_not_guessed() -> None:
    """A tree that cannot be taken up where it stands must not go on as another one."""
    tiles = dict(Frontier().grow(b"".join(map(leaf_hash, entries(300)))))
    tiles[0, 1] = tiles[0, 1][:-HASH_BYTES]

    with pytest.raises(LookupError, match="tile 1 of level 0"):
        Frontier(300, tiles)
    with pytest.raises(LookupError, match="tile 1 of level 0"):
        Tiles(tiles).hash(Range(0, 300))


def test_an_empty_tree_has_a_root() -> None:
    """A checkpoint may be asked for before anything has happened."""
    assert EMPTY_ROOT == Frontier().root() == Tiles({}).hash(Range(0, 0))
