-- Why: what customers send back and what became of it, and what their orders come to.
-- Locks: none, new tables. Deploy: before.
create table projections.returns (
    shard smallint not null,
    return_id text collate "C" not null,
    order_ref text collate "C",         -- null: a blind return
    status text not null,
    version bigint not null,            -- of the return's stream
    authorised_at bigint not null,      -- microseconds
    authorised_position bigint not null,
    closed_at bigint,
    position bigint not null,           -- of its last event
    primary key (shard, return_id)
) with (fillfactor = 80);
create index returns_authorised on projections.returns (shard, authorised_position);
create index returns_open on projections.returns (shard, authorised_position)
    where status <> 'closed';
create index returns_order on projections.returns (shard, order_ref, authorised_position)
    where order_ref is not null;
alter table projections.returns owner to ledger_service;

create table projections.return_lines (
    shard smallint not null,
    return_id text collate "C" not null,
    line integer not null,              -- its place in the return
    sku text collate "C" not null,
    authorised_position bigint not null,
    authorised bigint not null,
    received bigint not null,
    waived bigint not null,             -- authorised, never received, and settled all the same
    grades text not null,               -- JSON: units by what they were found to be
    dispositions text not null,         -- JSON: units by what became of them
    at text not null,                   -- JSON: units still in `returned`, by location
    primary key (shard, return_id, line)
) with (fillfactor = 80);
create index return_lines_sku on projections.return_lines (shard, sku, authorised_position);
alter table projections.return_lines owner to ledger_service;

create table projections.order_lines (
    shard smallint not null,
    order_ref text collate "C" not null,
    sku text collate "C" not null,
    sold bigint not null,               -- less what was voided
    returned bigint not null,           -- less what went to the customer again
    conflict_id text,                   -- open, or open until people resolved it
    first_position bigint not null,
    position bigint not null,           -- of the last event that changed it
    primary key (shard, order_ref, sku)
) with (fillfactor = 80);
create index order_lines_excess on projections.order_lines (shard, order_ref, sku)
    where conflict_id is not null;
alter table projections.order_lines owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'returns', 0);

-- A conflict over an order names it.
alter table projections.conflicts add column order_ref text;
