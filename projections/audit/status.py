"""What the auditor of a running service says of itself, where every API process can read it."""

from typing import Any, Final

import psycopg
from msgspec import Struct

from ledger.domain.laws import Breach
from projections.progress import Pool
from projections.statements import statements

_SQL: Final = statements("projections.audit")


class Status(Struct, frozen=True, kw_only=True):
    """How far the auditor has come, and what it found; ages in seconds."""

    position: int
    breaches: int
    first: Breach | None
    full_seconds: float | None
    full_age: float | None
    age: float


def write(
    connection: psycopg.Connection[Any],
    position: int,
    breaches: int,
    first: Breach | None,
    full_ms: int | None = None,
) -> None:
    """Say how things stand; `full_ms` where a full round has just ended."""
    law = (None, None, None) if first is None else (first.law, first.position, first.what)
    parameters = (position, breaches, *law, full_ms, full_ms is not None)
    connection.execute(_SQL["write_status"], parameters)


async def read(pool: Pool) -> Status | None:
    """How things stand; None where no auditor has ever run."""
    async with pool.connection() as connection:
        cursor = await connection.execute(_SQL["read_status"])
        row = await cursor.fetchone()
    if row is None:
        return None
    position, breaches, law, at, what, full_ms, full_age, age = row
    return Status(
        position=position,
        breaches=breaches,
        first=None if law is None else Breach(law, at, what),
        full_seconds=None if full_ms is None else full_ms / 1_000,
        full_age=full_age,
        age=age,
    )
