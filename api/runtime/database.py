"""Makes a database ready for the service: migrated, durable, and reached as the right role."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import psycopg

from api.runtime.migrations import migrate, pending
from api.runtime.postgres import SERVICE_ROLE

# A backend whose client was cut off must not go on waiting for a lock and commit later.
CHECK_CLIENT: Final = "-c client_connection_check_interval=1s"
_PROMISES: Final = ("fsync", "full_page_writes", "synchronous_commit")


class DatabaseError(RuntimeError):
    """The database cannot keep what the service promises, or lacks its tables."""


@dataclass(frozen=True)
class Prepared:
    """The addresses of a database that is ready, and what a commit on it survives."""

    owner_url: str
    service_url: str
    applied: list[str]
    durability: str


def prepare(url: str, service_login: str | None = None) -> Prepared:
    """Migrates where the role may, checks the promises, and finds the service's own address.

    `service_login` is a URL with which the service's role logs in itself; without one, sessions
    of `url` become that role where they can. Raises DatabaseError with what an operator has to do.
    """
    with psycopg.connect(url) as connection:
        user, may_migrate, may_become = _abilities(connection)
    applied = migrate(url) if may_migrate else []
    if not may_migrate and (missing := pending(url)):
        raise DatabaseError(
            f"role {user} may not migrate and the database lacks {', '.join(missing)}: "
            "run `inventory-ledger migrate` as the owner"
        )
    if service_login is None and (may_migrate or may_become):
        service_url = as_service(url)
    else:
        service_url = with_options(service_login or url, CHECK_CLIENT)
    return Prepared(url, service_url, applied, _durability(service_url))


def as_service(url: str) -> str:
    """The same database, with every session working as the service's role."""
    return with_options(url, f"-c role={SERVICE_ROLE} {CHECK_CLIENT}")


def with_options(url: str, options: str) -> str:
    """A libpq URL with session options added to those it has."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query["options"] = f"{query['options']} {options}" if "options" in query else options
    encoded = urlencode(query, quote_via=quote, safe="/")
    return urlunsplit(parts._replace(query=encoded))


def _abilities(connection: psycopg.Connection) -> tuple[str, bool, bool]:
    row = connection.execute(
        "select current_user, has_database_privilege(current_database(), 'create'),"
        " coalesce((select pg_has_role(current_user, oid, 'set') from pg_roles"
        " where rolname = %s), false)",
        (SERVICE_ROLE,),
    ).fetchone()
    assert row is not None
    return row[0], row[1], row[2]


def _durability(service_url: str) -> str:
    """Refuses a server that forgets what it has acknowledged; says what it does survive."""
    with psycopg.connect(service_url) as connection:
        values = {name: _show(connection, name) for name in _PROMISES}
        standbys = _show(connection, "synchronous_standby_names")
    off = [name for name, value in values.items() if value == "off"]
    if off:
        raise DatabaseError(
            f"{' and '.join(off)} must be on, because an answer here promises durability: see"
            " postgresql.conf, and what `alter role` and `alter database` have set"
        )
    if standbys and values["synchronous_commit"] != "local":
        return f"commits survive this server and a failover to {standbys}"
    return "commits survive a crash of this server, not its loss (no synchronous stand-by)"


def _show(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("select current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])
