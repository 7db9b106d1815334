"""What the relay says of itself and of its copies, for whoever asks the API."""

from typing import Final

from msgspec import Struct

from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements("projections.copies")


class Copied(Struct, frozen=True, kw_only=True):
    """How the comparison of one stream with the ledger stands."""

    stream: str
    compared: int
    differences: int
    repaired: int
    round_seconds: float | None
    round_age: float | None


class Relayed(Struct, frozen=True, kw_only=True):
    """How the relay is; `state` is `halted` where people are needed, and `detail` says why."""

    generation: int
    told: int
    state: str
    detail: str
    wrong_at: int | None
    wrong: str | None
    asked: str | None
    age: float
    copies: tuple[Copied, ...] = ()


async def read(pool: Pool) -> Relayed | None:
    """How things stand; None where no relay has ever run."""
    async with pool.connection() as connection:
        row = await (await connection.execute(_SQL["relay"])).fetchone()
        if row is None:
            return None
        copies = await (await connection.execute(_SQL["copies"])).fetchall()
    return relayed(row, copies)


def relayed(row: tuple[object, ...], copies: list[tuple[object, ...]]) -> Relayed:
    """Rows of the two questions as an answer."""
    names = ("generation", "told", "state", "detail", "wrong_at", "wrong", "asked", "age")
    return Relayed(
        **dict(zip(names, row, strict=True)),  # type: ignore[arg-type]
        copies=tuple(_copied(*one) for one in copies),
    )


def _copied(*row: object) -> Copied:
    stream, compared, differences, repaired, round_ms, round_age = row
    return Copied(
        stream=str(stream),
        compared=compared,  # type: ignore[arg-type]
        differences=differences,  # type: ignore[arg-type]
        repaired=repaired,  # type: ignore[arg-type]
        round_seconds=None if round_ms is None else round_ms / 1_000,  # type: ignore[operator]
        round_age=round_age,  # type: ignore[arg-type]
    )
