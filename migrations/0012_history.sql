-- Why: every change of every stock with the balances after it, so that a question about the past
--      costs two index look-ups however long that past is.
-- Locks: none, new tables. Deploy: before.
create extension if not exists btree_gist;

-- A stock's number is the position of its first event: short to index, the same in every rebuild.
create table projections.history_stocks (
    shard smallint not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    stock bigint not null,
    primary key (shard, location, sku)
);
create index history_stocks_sku on projections.history_stocks (shard, sku, location);
alter table projections.history_stocks owner to ledger_service;

-- One row per event and business time of a stock; events that change no balance have none.
-- All columns have a fixed width: rows arrive by binary COPY, packed in one step.
create table projections.history (
    shard smallint not null,
    part integer not null,              -- 0, or the place of the hold in a sweep
    stock bigint not null,
    position bigint not null,
    occurred_at bigint not null,        -- microseconds, business time of this part
    effective_at bigint not null,       -- microseconds, running maximum in ledger order
    d_sellable bigint not null,
    d_quarantine bigint not null,
    d_damaged bigint not null,
    d_returned bigint not null,
    d_blocked bigint not null,
    d_reserved bigint not null,
    sellable bigint not null,           -- balances after this row, in ledger order
    quarantine bigint not null,
    damaged bigint not null,
    returned bigint not null,
    blocked bigint not null,
    reserved bigint not null,
    primary key (shard, stock, position, part)
    -- The correction reads an index alone where pages are known to be visible to all: soon after
    -- they were written, however large the table.
) with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000);
create index history_effective on projections.history (shard, stock, effective_at, position, part);
-- Only late rows are here, so a chronological backfill adds nothing to any correction. All that a
-- correction adds up is here, too: rows that overlap are neighbours, while in the table each has a
-- block of its own. Without both times among it PostgreSQL would go to the table for the range.
create index history_late on projections.history
    using gist (stock, int8range(occurred_at, effective_at))
    include (position, occurred_at, effective_at,
             d_sellable, d_quarantine, d_damaged, d_returned, d_blocked, d_reserved)
    where occurred_at < effective_at;
create index history_late_occurred on projections.history
    (shard, stock, occurred_at, position, part) where occurred_at < effective_at;
alter table projections.history owner to ledger_service;

-- What a soft hold had open and when it would run out, between two positions of the ledger.
create table projections.history_holds (
    shard smallint not null,
    stock bigint not null,
    reservation_id text collate "C" not null,
    from_position bigint not null,
    to_position bigint,                 -- null: still so
    quantity bigint not null,
    expires_at bigint not null,         -- microseconds
    primary key (shard, stock, from_position)
);
create unique index history_holds_open on projections.history_holds
    (shard, stock, reservation_id) where to_position is null;
create index history_holds_due on projections.history_holds
    (shard, stock, expires_at) where to_position is null;
create index history_holds_closed on projections.history_holds
    using gist (stock, int8range(from_position, to_position)) where to_position is not null;
alter table projections.history_holds owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'history', 0);
