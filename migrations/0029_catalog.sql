-- Why: what SKUs and locations are, for whoever asks; and which facts wait for a definition, for
--      the sweeper that releases them.
-- Locks: none, new tables. Deploy: before.
create table projections.catalog_skus (
    shard smallint not null,
    sku text collate "C" not null,
    base_unit text not null,
    scale bigint not null,              -- decimals of a base unit
    packs text not null,                -- JSON: name, factor, of
    service boolean not null,
    case_policy text not null,          -- exact, upper, fold
    version bigint not null,
    defined_at bigint not null,         -- microseconds
    position bigint not null,           -- of its last definition
    primary key (shard, sku)
);
create index catalog_skus_position on projections.catalog_skus (shard, position);
alter table projections.catalog_skus owner to ledger_service;

create table projections.catalog_locations (
    shard smallint not null,
    location text collate "C" not null,
    kind text not null,
    time_zone text not null,
    sells boolean not null,
    parent text collate "C",
    authority text not null,            -- JSON: fact, sources
    version bigint not null,
    defined_at bigint not null,         -- microseconds
    position bigint not null,           -- of its last definition
    primary key (shard, location)
);
create index catalog_locations_position on projections.catalog_locations (shard, position);
alter table projections.catalog_locations owner to ledger_service;

create table projections.catalog_parked (
    shard smallint not null,
    conflict_id text collate "C" not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    sku_upper text collate "C" not null, -- the code in capitals, and folded: see case_policy
    sku_fold text collate "C" not null,
    position bigint not null,           -- where the fact was parked
    primary key (shard, conflict_id)
);
create index catalog_parked_position on projections.catalog_parked (shard, position);
alter table projections.catalog_parked owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'catalog', 0);
