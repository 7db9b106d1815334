-- Why: an auditor's statement of any stock, location or the whole network, between any two business
--      times, as known at any position, costs the same however long the past is.
-- Locks: none, new tables. Deploy: before. Fill: the projector, from the first event on.

-- What has accounts of its own, under a number that every rebuild gives again: a stock has the
-- position of its first entry; a location (its SKU is empty) the same, negative. Book 0 is the
-- whole network and stands in no row.
create table projections.statement_books (
    shard smallint not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    book bigint not null,
    place bigint not null,              -- the book of the location
    primary key (shard, location, sku)
);
create index statement_books_sku on projections.statement_books (shard, sku, location);
alter table projections.statement_books owner to ledger_service;

-- Every way in which units ever moved, numbered in the order of first appearance.
create table projections.statement_kinds (
    shard smallint not null,
    kind integer not null,
    from_bucket text collate "C" not null,
    to_bucket text collate "C" not null,
    type text collate "C" not null,     -- the event's tag
    reason text collate "C" not null,
    primary key (shard, kind)
);
create unique index statement_kinds_name on projections.statement_kinds
    (shard, type, from_bucket, to_bucket, reason);
alter table projections.statement_kinds owner to ledger_service;

-- One row for each movement of units between two buckets. All columns have a fixed width: rows
-- arrive by binary COPY.
create table projections.statement_entries (
    shard smallint not null,
    leg smallint not null,              -- an event may move units into several buckets
    kind integer not null,
    book bigint not null,               -- of the stock
    place bigint not null,              -- the book of its location
    position bigint not null,
    number bigint not null,             -- among the entries of the stock, from 0
    occurred_at bigint not null,        -- microseconds, business time
    quantity bigint not null,           -- signed: a correction may take units back
    primary key (shard, book, position, leg)
) with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000);
create index statement_entries_occurred on projections.statement_entries
    (shard, book, occurred_at, position, leg);
create index statement_entries_place on projections.statement_entries
    (shard, place, occurred_at, position, leg);
create index statement_entries_position on projections.statement_entries (shard, position);
alter table projections.statement_entries owner to ledger_service;

-- Sums of entries by business day. A block of level 0 is 256 entries of a stock, or 4,096 positions
-- of a location or the network; sixteen blocks make one of the next level. A block is written once,
-- when it is full, and never changes, whatever comes in late: that is in a later block.
create table projections.statement_cells (
    shard smallint not null,
    level smallint not null,
    day integer not null,               -- days since the first of January of the year 1
    kind integer not null,
    book bigint not null,
    block bigint not null,
    quantity bigint not null,
    entries bigint not null,
    primary key (shard, book, level, block, day, kind)
);
alter table projections.statement_cells owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'statements', 0);
