"""Runs the one PostgreSQL server of a test session and stops it when the session is over.

``python -m tests.support.guardian DIRECTORY PID`` starts the server, makes the template database,
writes ``ready.json`` and waits for the end of the process PID: however pytest ends, killed
included, no server stays behind.
"""

import json
import os
import select
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psycopg

from api.runtime.migrations import migrate
from api.runtime.postgres import EmbeddedPostgres

TEMPLATE = "ledger_template"


def main() -> None:
    """Starts, reports, waits, stops."""
    directory, watched = Path(sys.argv[1]), int(sys.argv[2])
    session = os.pidfd_open(watched)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is pytest's; we follow its end.
    server = EmbeddedPostgres(directory)
    try:
        report = _prepare(server)
    except Exception as error:  # noqa: BLE001 - whatever it is, the tests shall show it
        report = {"error": repr(error)}
    _write(directory / "ready.json", report)
    select.select([session], [], [])
    server.stop()
    shutil.rmtree(directory, ignore_errors=True)
    with suppress(OSError):  # Whoever empties the session's directory last removes it.
        directory.parent.rmdir()


def _prepare(server: EmbeddedPostgres) -> dict[str, str]:
    server.start()
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {TEMPLATE}")
    migrate(server.url_of(TEMPLATE))
    return {"admin": server.url_of("postgres")}


def _write(path: Path, report: dict[str, str]) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(report))
    draft.rename(path)


if __name__ == "__main__":
    main()
