"""Channels as they stand, in tables that a statement can join with the catalog's."""

from typing import Any, TypeAlias

from ledger.domain.events import (
    Cap,
    ChannelCredentialIssued,
    ChannelCredentialRevoked,
    ChannelDefined,
    ChannelRules,
    ChannelStalenessChanged,
    LocationDefined,
    SkuDefined,
)
from projections.rebuild import rebuild
from tests.integration.projections.ledgers import project, record, rows
from tests.support.servers import Database

Row: TypeAlias = tuple[Any, ...]

RULES = ChannelRules(caps=(Cap(units=5, sku="MUG"),))


def _issued(credential_id: str) -> ChannelCredentialIssued:
    return ChannelCredentialIssued(
        occurred_at=4, channel="web", credential_id=credential_id, public_key=f"U-{credential_id}"
    )


def _revoked(credential_id: str) -> ChannelCredentialRevoked:
    return ChannelCredentialRevoked(
        occurred_at=5, channel="web", credential_id=credential_id, public_key=f"U-{credential_id}"
    )


def _defined(at: int, **fields: object) -> ChannelDefined:
    return ChannelDefined(occurred_at=at, channel="web", **fields)  # type: ignore[arg-type]


def _stale(at: int, measured_s: int) -> ChannelStalenessChanged:
    return ChannelStalenessChanged(occurred_at=at, channel="web", from_s=0, measured_s=measured_s)


def test_a_channel_stands_as_it_was_defined_last(database: Database) -> None:
    """Its staleness outlives a definition; its version and position are those of its stream."""
    record(database, _defined(1, kinds=("store",)), _stale(2, 75))
    project(database)
    record(database, _defined(3, tags=("é", 'a"b'), by_location=True, rules=RULES))
    project(database)

    text = '{"caps":[{"units":5,"sku":"MUG"}]}'
    expected: Row = (0, "web", [], [], ["é", 'a"b'], True, text, 75, 3, 3, 3)
    assert [expected] == database.execute("select * from projections.channels")


def test_credentials_are_kept_with_what_became_of_them(database: Database) -> None:
    """Within one batch as over two; each under the channel's own position, too."""
    record(database, _defined(1, kinds=("store",)), _issued("a"), _issued("b"), _revoked("b"))
    project(database)
    record(database, _revoked("a"))
    project(database)

    assert [
        (0, "web", "a", "U-a", 4, None, 5, 5),
        (0, "web", "b", "U-b", 4, None, 5, 4),
    ] == database.execute("select * from projections.channel_credentials order by credential_id")
    assert [(5, 5)] == database.execute("select version, position from projections.channels")


def test_which_locations_feed_which_channel_is_one_join(database: Database) -> None:
    """Named, of a kind or with a tag, and selling; classes of SKUs stand beside their codes."""
    record(
        database,
        LocationDefined(occurred_at=1, location="ams-1", kind="store", tags=("fast",)),
        LocationDefined(occurred_at=1, location="nyc-2", kind="warehouse"),
        LocationDefined(occurred_at=1, location="shut", kind="store", sells=False),
        SkuDefined(occurred_at=1, sku="MUG", base_unit="each", sku_class="A"),
        _defined(1, kinds=("store",)),
        ChannelDefined(occurred_at=1, channel="app", tags=("fast",), locations=("nyc-2",)),
    )
    project(database)

    fed = database.execute(
        "select c.channel, l.location from projections.channels c"
        " join projections.catalog_locations l on l.shard = c.shard and l.sells"
        "  and (l.location = any(c.locations) or l.kind = any(c.kinds) or l.tags && c.tags)"
        " order by 1, 2"
    )
    assert [("app", "ams-1"), ("app", "nyc-2"), ("web", "ams-1")] == fed
    assert [("MUG", "A")] == database.execute("select sku, class from projections.catalog_skus")


def test_a_rebuild_comes_to_the_same_rows(database: Database) -> None:
    """Row for row, however the events were cut into batches."""
    record(database, _defined(1, kinds=("store",), rules=RULES), _stale(2, 75), _issued("a"))
    project(database)
    record(database, _revoked("a"), _issued("b"), _defined(6, kinds=("store",)), _stale(7, 5))
    project(database)
    before = rows(database)

    rebuild(database.service_url, ("channels", "catalog"))

    assert before == rows(database)
