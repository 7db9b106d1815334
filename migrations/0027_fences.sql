-- Why: how many units are set aside for a channel, and how far promises may go below zero.
-- Locks: none, new tables. Deploy: before.
create table projections.fences (
    shard smallint not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    channel text collate "C" not null,
    free bigint not null,               -- units no promise has taken, as recorded
    held bigint not null,               -- units that promises of the channel hold, as recorded
    position bigint not null,           -- of its last event
    primary key (shard, location, sku, channel)
) with (fillfactor = 80);
create index fences_sku on projections.fences (shard, sku);
create index fences_channel on projections.fences (shard, channel);
alter table projections.fences owner to ledger_service;

create table projections.fence_holds (
    shard smallint not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    reservation_id text collate "C" not null,
    channel text collate "C" not null,
    quantity bigint not null,           -- units of the fence in a soft hold, as recorded
    expires_at bigint not null,         -- microseconds
    primary key (shard, location, sku, reservation_id)
) with (fillfactor = 80);
alter table projections.fence_holds owner to ledger_service;

create table projections.backorder_limits (
    shard smallint not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    units bigint not null,
    position bigint not null,           -- at which it was set
    primary key (shard, location, sku)
);
alter table projections.backorder_limits owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'fences', 0);
