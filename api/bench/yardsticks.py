"""Yardsticks: scripts that know nothing of the ledger, run unchanged beside a figure of ours.

Without them (`LEDGER_YARDSTICKS`, or `../shared/yardsticks`) a figure stands alone.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import psycopg

from api.bench import BenchResult, Context
from api.runtime.postgres import binary

_TIMEOUT_S: Final = 600


def find() -> Path | None:
    """The folder of the scripts, where there is one."""
    named = os.environ.get("LEDGER_YARDSTICKS")
    path = Path(named) if named else Path(__file__).parents[3] / "shared" / "yardsticks"
    return path if path.is_dir() else None


def raw_insert(context: Context) -> float | None:
    """Events and receipts a second by plain inserts into tables like ours."""
    return _number(context, [sys.executable, "raw_insert.py", context.owner_url])


def row_lock_hot(context: Context) -> float | None:
    """Guarded updates of one row a second, 32 clients: the CRUD way."""
    tools = [str(binary("pgbench")), str(binary("psql"))]
    if not all(Path(tool).exists() for tool in tools):
        return None
    return _word(_run(context, ["bash", "row_lock.sh", context.owner_url, *tools]), "hot")


def library_hot(context: Context) -> float | None:
    """Saves a second of the event sourcing library as it comes, 8 threads on one aggregate."""
    with context.database() as own, psycopg.connect(own.owner_url) as connection:
        user, database = connection.info.user, connection.info.dbname
        host = parse_qs(urlsplit(own.owner_url).query).get("host", [connection.info.host])[0]
        command = [sys.executable, "library_recorder.py", host, database, user]
        return _word(_run(context, command), "hot8")


def raw_publish(context: Context) -> float | None:
    """Fenced, pipelined JetStream publishes a second."""
    return _number(context, [sys.executable, "raw_publish.py", str(context.nats_url)])


def beside(
    name: str,
    value: float,
    unit: str,
    yardstick: str,
    other: float | None,
    detail: dict[str, object],
) -> BenchResult:
    """A figure with its yardstick's, if that was to be had."""
    return BenchResult(
        name=name,
        value=round(value, 3),
        unit=unit,
        yardstick=yardstick,
        yardstick_value=other,
        ratio=round(value / other, 3) if other else None,
        detail=detail,
    )


def _number(context: Context, command: list[str]) -> float | None:
    printed = _run(context, command)
    return float(printed.split()[-1]) if printed else None


def _word(printed: str | None, name: str) -> float | None:
    words = (printed or "").split()
    return float(words[words.index(name) + 1]) if name in words else None


def _run(context: Context, command: list[str]) -> str | None:
    """Run a script where it lies; its standard output, or nothing where there is none."""
    if context.yardsticks is None:
        return None
    done = subprocess.run(
        command,
        cwd=context.yardsticks,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        timeout=_TIMEOUT_S,
        check=True,
        text=True,
    )
    return done.stdout
