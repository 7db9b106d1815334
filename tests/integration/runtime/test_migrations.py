"""Migrations: in order, once, each whole or not at all."""

from pathlib import Path

import psycopg
import pytest

from api.runtime.migrations import MIGRATIONS_DIR, MigrationError, migrate, pending
from tests.support.servers import Cluster, Database

BODY = """
-- Why: a body with semicolons; and a percent sign: 100%.
create function twice(n int) returns int language plpgsql as $$
declare v int := 0;
begin
    if n > 0 then v := n * 2; end if;
    return case when v % 2 = 0 then v else 0 end;
end $$;
"""


def test_a_second_run_applies_nothing(database: Database) -> None:
    """The database remembers what it has."""
    assert [] == migrate(database.owner_url)
    assert [] == pending(database.service_url)


def test_every_file_is_applied_in_the_order_of_its_number(postgres_cluster: Cluster) -> None:
    """An empty database ends with every migration of the folder."""
    with psycopg.connect(postgres_cluster.admin_url, autocommit=True) as connection:
        connection.execute("create database fresh")
        try:
            applied = migrate(postgres_cluster.url("fresh"))
        finally:
            connection.execute("drop database fresh with (force)")

    assert sorted(path.stem for path in MIGRATIONS_DIR.glob("*.sql")) == applied


def test_a_function_body_keeps_its_semicolons(database: Database, tmp_path: Path) -> None:
    """A file is sent as it is written."""
    (tmp_path / "9000_twice.sql").write_text(BODY)

    assert ["9000_twice"] == migrate(database.owner_url, tmp_path)
    assert [(8,)] == database.execute("select public.twice(4)")


def test_a_failing_migration_leaves_nothing_of_itself(database: Database, tmp_path: Path) -> None:
    """What came before stands; the file at fault is named; the next run starts with it."""
    (tmp_path / "9000_good.sql").write_text("create table good (sku text);")
    (tmp_path / "9001_bad.sql").write_text("create table half (sku text); select 1 / 0;")

    with pytest.raises(MigrationError, match="9001_bad: division by zero"):
        migrate(database.owner_url, tmp_path)

    assert [(True, False)] == database.execute(
        "select to_regclass('good') is not null, to_regclass('half') is not null"
    )
    assert ["9001_bad"] == pending(database.owner_url, tmp_path)
