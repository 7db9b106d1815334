-- Why: units on their way to a stock belong to every answer about it, now and in the past; also
--      where that stock has never had a unit.
-- Locks: none, new tables. Deploy: before. Fill: none, no transfer could be recorded before.
create table projections.stock_in_transit (
    shard smallint not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    quantity bigint not null,
    position bigint not null,           -- of the last event of a transfer to this stock
    primary key (shard, location, sku)
) with (fillfactor = 70);
create index stock_in_transit_sku on projections.stock_in_transit (shard, sku, location);
alter table projections.stock_in_transit owner to ledger_service;

-- Where goods were ever sent. The number is the position of the first event that sent some: short
-- to index, the same in every rebuild.
create table projections.history_destinations (
    shard smallint not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    destination bigint not null,
    primary key (shard, location, sku)
);
create index history_destinations_sku on projections.history_destinations (shard, sku, location);
alter table projections.history_destinations owner to ledger_service;

-- One row for each event that changed what was on its way to a destination; read as `history` is.
create table projections.history_in_transit (
    shard smallint not null,
    destination bigint not null,
    position bigint not null,
    occurred_at bigint not null,        -- microseconds, business time
    effective_at bigint not null,       -- microseconds, running maximum of this destination
    delta bigint not null,
    quantity bigint not null,           -- on the way after this row, in ledger order
    primary key (shard, destination, position)
);
create index history_in_transit_effective on projections.history_in_transit
    (shard, destination, effective_at, position);
create index history_in_transit_late on projections.history_in_transit
    using gist (destination, int8range(occurred_at, effective_at))
    where occurred_at < effective_at;
alter table projections.history_in_transit owner to ledger_service;
