-- Why: who counted what, where, and what it came to, document by document.
-- Locks: none, new tables. Deploy: before.
create table projections.counts (
    shard smallint not null,
    count_id text collate "C" not null,
    location text collate "C" not null,
    kind text not null,                 -- cycle, full
    blind boolean not null,
    approval_above bigint,              -- units of variance; null: nobody has to approve
    skus text not null,                 -- JSON; empty: whatever is there
    status text not null,
    approved_by text,
    version bigint not null,            -- of the count's stream
    opened_at bigint not null,          -- microseconds
    opened_position bigint not null,
    posted_at bigint,
    posted_position bigint,
    position bigint not null,           -- of its last event
    primary key (shard, count_id)
) with (fillfactor = 80);
create index counts_opened on projections.counts (shard, opened_position);
create index counts_under_way on projections.counts (shard, opened_position)
    where status not in ('posted', 'cancelled');
create index counts_location on projections.counts (shard, location, opened_position);
alter table projections.counts owner to ledger_service;

create table projections.count_lines (
    shard smallint not null,
    count_id text collate "C" not null,
    line integer not null,              -- its place in the document
    sku text collate "C" not null,
    bucket text not null,
    opened_position bigint not null,
    counted bigint not null,            -- the last figure
    counted_at bigint not null,         -- microseconds
    expected bigint,                    -- null: nobody asked, the count is blind
    approved boolean not null,
    posted boolean not null,
    earlier text not null,              -- JSON: figures it took the place of, with their times
    primary key (shard, count_id, line)
) with (fillfactor = 80);
create index count_lines_sku on projections.count_lines (shard, sku, opened_position);
alter table projections.count_lines owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'counts', 0);
