-- Why: the present of every stock, and the soft holds that may run out before they are swept.
-- Locks: none, new tables. Deploy: before.
create table projections.stock (
    shard smallint not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    sellable bigint not null,
    quarantine bigint not null,
    damaged bigint not null,
    returned bigint not null,
    blocked bigint not null,
    reserved bigint not null,           -- as recorded; subtract holds that ran out unswept
    version bigint not null,            -- of the stock's stream
    position bigint not null,           -- of its last event
    effective_at bigint not null,       -- microseconds
    primary key (shard, location, sku)
) with (fillfactor = 70);
create index stock_sku on projections.stock (shard, sku, location);
alter table projections.stock owner to ledger_service;

-- Open soft holds only: a hard hold never runs out, and a closed one no longer counts.
create table projections.stock_holds (
    shard smallint not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    reservation_id text collate "C" not null,
    quantity bigint not null,
    expires_at bigint not null,         -- microseconds
    primary key (shard, location, sku, reservation_id)
);
create index stock_holds_due on projections.stock_holds (shard, location, sku, expires_at);
alter table projections.stock_holds owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'stock', 0);
