"""A ledger with a random valid history, its projections at the head, and ways to forge it."""

from contextlib import suppress
from typing import Any

import psycopg
from msgspec import Struct

from ledger.domain.laws import Breach
from ledger.settings import load_settings
from projections.audit.verification import Report, verify
from projections.proof.notary import CannotAttest
from projections.reader import connect_for_projections
from projections.runner import Runner
from tests.support.attested import attest
from tests.support.servers import Database

TIMEOUT_S = 2.0


class Audited(Struct):
    """A filled ledger."""

    database: Database
    head: int

    def forge(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Do what only a superuser can, with every guard switched off."""
        with psycopg.connect(self.database.owner_url) as connection:
            connection.execute("set session_replication_role = replica")
            cursor = connection.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def verify(self) -> Report:
        """Audit it as the service would."""
        return verify(self.database.service_url, timeout_s=TIMEOUT_S)

    def breaches(self) -> list[Breach]:
        """What an audit finds."""
        return self.verify().breaches

    def position_of(self, topic: str, place: int = 0) -> int:
        """The position of an event of a kind, counted from the first or (negative) the last."""
        rows = self.database.execute(
            "select position from ledger.events where topic = %s order by position", topic
        )
        return int(rows[place][0])

    def together_with(self, position: int) -> set[int]:
        """The positions of everything that one command recorded."""
        rows = self.database.execute(
            "select position from ledger.events where"
            " convert_from(state, 'UTF8')::json #>> '{meta,command_id}' = (select"
            " convert_from(e.state, 'UTF8')::json #>> '{meta,command_id}'"
            " from ledger.events e where e.position = %s)",
            position,
        )
        return {int(row[0]) for row in rows}


def project(url: str) -> None:
    """Bring every projection, and the tree, to the head."""
    runner = Runner(load_settings(database_url=url))
    with connect_for_projections(url, "test") as connection:
        runner.start(connection)
        while runner.step(connection):
            pass
    with suppress(CannotAttest):  # As a service would go on, and say so, when its log was changed.
        attest(url)
