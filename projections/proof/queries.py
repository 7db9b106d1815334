"""Questions about the evidence: checkpoints, and proofs against them."""

from collections.abc import Iterable
from typing import Any, Final

from psycopg import AsyncConnection

from projections.progress import Pool
from projections.proof.answers import Checkpoint, Consistency, Inclusion
from projections.proof.tree import Range, Tiles, consistency_path, inclusion_path, tiles_of
from projections.statements import statements

_SQL: Final = statements(__package__ or "")
_LEAF: Final = "inventory-ledger/row/v1"


async def last(pool: Pool) -> Checkpoint | None:
    """The latest checkpoint."""
    async with pool.connection() as connection:
        return await _checkpoint(connection, "last_checkpoint")


async def of_size(pool: Pool, size: int) -> Checkpoint | None:
    """The checkpoint of exactly this size."""
    async with pool.connection() as connection:
        return await _checkpoint(connection, "checkpoint_of", size)


async def over(pool: Pool, position: int) -> Checkpoint | None:
    """The first checkpoint that attests a position."""
    async with pool.connection() as connection:
        return await _checkpoint(connection, "checkpoint_over", position)


async def keys(pool: Pool) -> list[str]:
    """Every key that has signed, as others check it; the first one first."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["keys"])
        return [str(row[0]) for row in await cursor.fetchall()]


async def inclusion(pool: Pool, position: int, checkpoint: Checkpoint) -> Inclusion:
    """That a position is in the tree of a checkpoint; LookupError where the tree has a hole."""
    index = position - 1
    leaf = Range(index, index + 1)
    path = inclusion_path(index, checkpoint.size)
    async with pool.connection() as connection:
        tiles = await _tiles(connection, [leaf, *path])
        text = await _leaf(connection, position)
    return Inclusion(
        position=position,
        leaf=text,
        leaf_hash=tiles.hash(leaf),
        path=[tiles.hash(one) for one in path],
        checkpoint=checkpoint,
    )


async def consistency(pool: Pool, first: int, second: int) -> Consistency:
    """That one tree continues another; LookupError where the tree has a hole."""
    older, newer = Range(0, first), Range(0, second)
    path = consistency_path(first, second)
    async with pool.connection() as connection:
        tiles = await _tiles(connection, [older, newer, *path])
    return Consistency(
        first=first,
        second=second,
        first_root=tiles.hash(older),
        second_root=tiles.hash(newer),
        path=[tiles.hash(one) for one in path],
    )


async def _checkpoint(
    connection: AsyncConnection[Any], question: str, size: int = 0
) -> Checkpoint | None:
    cursor = await connection.execute(_SQL[question], {"size": size})
    row = await cursor.fetchone()
    return None if row is None else Checkpoint(*row)


async def _tiles(connection: AsyncConnection[Any], ranges: Iterable[Range]) -> Tiles:
    wanted = sorted(tiles_of(ranges))
    levels, numbers = [level for level, _ in wanted], [tile for _, tile in wanted]
    parameters = {"levels": levels, "tiles": numbers}
    cursor = await connection.execute(_SQL["tiles"], parameters, binary=True)
    return Tiles({(level, tile): hashes for level, tile, hashes in await cursor.fetchall()})


async def _leaf(connection: AsyncConnection[Any], position: int) -> str | None:
    cursor = await connection.execute(_SQL["row"], {"position": position})
    row = await cursor.fetchone()
    return None if row is None else "".join(f"{field}\n" for field in (_LEAF, *row))
