"""Applies `migrations/NNNN_name.sql` in order, each file and its bookkeeping in one transaction."""

import logging
import os
import socket
import uuid
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI
from yoyo.migrations import Migration, MigrationList, default_migration_table

from api.runtime.postgres import SERVICE_ROLE

# Beside the packages in a checkout and in an installed wheel alike.
MIGRATIONS_DIR: Final = Path(__file__).resolve().parents[2] / "migrations"

_LOCK: Final = 7_410_311_902  # Any number nobody else uses: one migration run at a time.

logger = logging.getLogger(__name__)


class MigrationError(RuntimeError):
    """A migration could not be applied; everything before it stands, nothing of it does."""


def migrate(owner_url: str, directory: Path = MIGRATIONS_DIR) -> list[str]:
    """Brings a database up to date and returns the names of what was applied, oldest first.

    The role in the URL must be allowed to create schemas. Concurrent runs wait for each other.
    Raises MigrationError naming the file, or psycopg's errors when the database is not there.
    """
    with psycopg.connect(owner_url, autocommit=True) as guard:
        guard.execute("select pg_advisory_lock(%s)", (_LOCK,))  # Ends with the connection.
        _ensure_service_role(guard)
        with _Backend(owner_url) as backend:
            applied = [_apply(backend, one) for one in backend.to_apply(_read(directory))]
        _let_the_service_see(guard)
    return applied


def pending(url: str, directory: Path = MIGRATIONS_DIR) -> list[str]:
    """Names of migrations that the database lacks; reads only, so any role may ask."""
    wanted = [path.stem for path in _files(directory)]
    with psycopg.connect(url) as connection:
        known = "select to_regclass(%s)"
        row = connection.execute(known, (f"public.{default_migration_table}",)).fetchone()
        if row is None or row[0] is None:
            return wanted
        query = f"select migration_id from public.{default_migration_table}"
        applied = {name for (name,) in connection.execute(query)}
    return [name for name in wanted if name not in applied]


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo carries no types
    """yoyo's bookkeeping over a libpq URL taken as it is: sockets, services, many hosts."""

    def __init__(self, url: str) -> None:
        self._url = url
        uri = DatabaseURI("postgresql+psycopg", None, None, None, None, None, {})
        super().__init__(uri, default_migration_table)
        self.ensure_internal_schema_updated()

    def connect(self, _: DatabaseURI) -> psycopg.Connection:
        """Bookkeeping is always in public, whatever search_path the role has."""
        connection = psycopg.connect(self._url, autocommit=True)
        connection.execute("set search_path to public")
        return connection

    def lock(self, timeout: float = 10) -> AbstractContextManager[None]:  # noqa: ARG002 - yoyo's
        """The advisory lock is held; yoyo's row in a table would outlive a killed process."""
        return nullcontext()

    def get_log_data(
        self, migration: Migration | None = None, operation: str = "apply"
    ) -> dict[str, object]:
        """As yoyo's, but neither a missing account nor a slow name server stops a migration."""
        return {
            "id": str(uuid.uuid1()),  # Only has to differ from the rows before it.
            "migration_id": migration.id if migration else None,
            "migration_hash": migration.hash if migration else None,
            "username": os.environ.get("USER") or str(os.geteuid()),
            "hostname": socket.gethostname(),
            "created_at_utc": self.execute("select now() at time zone 'utc'").fetchone()[0],
            "operation": operation,
        }


class _WholeFile(Migration):  # type: ignore[misc]  # yoyo carries no types
    """One file, ordered by its number alone: nothing in it is parsed."""

    def load(self) -> None:
        """Satisfies yoyo's ordering, which asks every migration for its dependencies."""
        self.steps: list[object] = []
        self._depends: set[Migration] = set()


def _apply(backend: _Backend, migration: Migration) -> str:
    """Runs a whole file as one query: its functions hold semicolons that no splitter gets right."""
    try:
        with backend.transaction():
            backend.connection.execute(Path(migration.path).read_text(encoding="utf-8"))
            backend.connection.execute("set search_path to public")
            backend.log_migration(migration, "apply")
            backend.mark_one(migration, log=False)
    except psycopg.Error as error:
        raise MigrationError(
            f"{migration.id}: {error}\nit left no trace; remove the cause and migrate again"
        ) from error
    logger.info("migration applied", extra={"migration": migration.id})
    return str(migration.id)


def _read(directory: Path) -> MigrationList:
    files = _files(directory)
    if not files:
        raise MigrationError(f"no migrations in {directory}; install the package again")
    return MigrationList([_WholeFile(path.stem, str(path), str(directory)) for path in files])


def _files(directory: Path) -> list[Path]:
    return sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.sql"))


def _ensure_service_role(connection: psycopg.Connection) -> None:
    """The role the service works as, and our right to become it and to hand it what it owns."""
    role = sql.Identifier(SERVICE_ROLE)
    query = "select 1 from pg_roles where rolname = %s"
    if connection.execute(query, (SERVICE_ROLE,)).fetchone() is None:
        try:
            connection.execute(sql.SQL("create role {} nologin").format(role))
        except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            logger.debug("another database's migration made the role meanwhile")
    member = "select pg_has_role(current_user, %s, 'set')"
    row = connection.execute(member, (SERVICE_ROLE,)).fetchone()
    if row is not None and not row[0]:
        connection.execute(sql.SQL("grant {} to current_user").format(role))


def _let_the_service_see(connection: psycopg.Connection) -> None:
    """A service that may not migrate can at least tell that somebody has to."""
    statement = sql.SQL("grant select on public.{} to {}")
    names = sql.Identifier(default_migration_table), sql.Identifier(SERVICE_ROLE)
    connection.execute(statement.format(*names))
