"""The channel log changed behind the teller's back: found, value by value."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from ledger.domain.commands import AnyCommand
from ledger.domain.laws import Breach
from projections.audit.verification import verify
from tests.integration.telling.shop import Shop, now
from tests.support.attested import attest
from tests.support.builders import receive, reserve, sell
from tests.support.channels import channel, rules, stale
from tests.support.histories import Histories, append

_HELD = "(select told from telling.channel_log where expires is not null limit 1)"
_FORGERIES = (
    ("update telling.channel_log set ats = ats + 1 where told = 2", "it says"),
    ("update telling.channel_log set position = position - 1 where told = 3", "value 3"),
    (
        "update telling.channel_log set rule_version = 1 where told = (select max(told) from x)",
        "ru",
    ),
    ("update telling.channel_log set instant = instant + 3600000000 where told = 1", "value"),
    (f"update telling.channel_log set expires = expires + 1 where told = {_HELD}", "runs out"),
    (f"update telling.channel_log set expires = null where told = {_HELD}", "runs out"),
    ("update telling.channel_log set inputs = replace(inputs, '20', '21') where told = 2", "made"),
    ("update telling.channel_log set inputs = '[' where told = 2", "cannot be read"),
    ("update telling.channel_log set channel = 'till' where told = 2", "was not defined"),
    ("update telling.channel_log set sku = 'VASE' where told = 2", "it says"),
    ("update telling.channel_log set generation = 0 where told = 2", "the value before"),
    ("delete from telling.channel_log where told = 2", "the value before is 1"),
    ("delete from telling.channel_log where told = (select max(told) from x)", "log ends with"),
    ("update telling.place set told = told - 1", "log ends with"),
)


def _audited(shop: Shop) -> list[Breach]:
    return verify(shop.database.service_url).breaches


async def _told(shop: Shop, start_teller: Callable[..., Any]) -> None:
    """A short day of a channel, told."""
    histories = Histories(1)
    histories.now = now()
    start_teller()
    later = histories.now + 3_600_000_000
    story: list[AnyCommand] = [
        receive(20),
        receive(8, location="nyc-2"),
        channel(of=rules(staleness=[{"from_s": 60, "units": 2}]), locations=("ams-1", "nyc-2")),
        reserve("order-1", 3, expires_at=later),
        sell(1),
        stale(90),
    ]
    with psycopg.connect(shop.database.owner_url) as connection:
        for command in story:
            item = histories.attempt(command)
            assert item is not None, command
            append(connection, [item])
            await shop.at_rest()


async def test_a_forged_value_is_found(shop: Shop, start_teller: Callable[..., Any]) -> None:
    """Whatever is changed of one; and nothing is found where nothing was changed."""
    await _told(shop, start_teller)
    attest(shop.database.service_url)
    assert [] == _audited(shop)
    assert len(shop.log()) >= 4

    for statement, words in _FORGERIES:
        forged = statement.replace("from x", "from telling.channel_log")
        with psycopg.connect(shop.database.owner_url) as connection:
            connection.execute("set session_replication_role = replica")
            connection.execute("create temp table kept as table telling.channel_log")
            told = connection.execute("select told from telling.place").fetchone()
            assert connection.execute(forged.encode()).rowcount, forged
            connection.commit()
            found = _audited(shop)
            connection.execute("delete from telling.channel_log")
            connection.execute("insert into telling.channel_log table kept")
            connection.execute("update telling.place set told = %s", told)
        assert any(words in breach.what for breach in found), (forged, found)
        assert {16} == {breach.law for breach in found}, (forged, found)
    assert [] == _audited(shop)


def test_the_service_cannot_change_what_was_told(shop: Shop) -> None:
    """Not by grants, and not even the owner by a slip."""
    for statement in ("update telling.channel_log set ats = 0", "delete from telling.sent"):
        with (
            psycopg.connect(shop.database.service_url) as connection,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            connection.execute(statement.encode())
    with (
        psycopg.connect(shop.database.owner_url) as connection,
        pytest.raises(psycopg.DatabaseError, match="immutable"),
    ):
        connection.execute("truncate telling.channel_log")
