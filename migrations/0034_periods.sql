-- Why: a closed period answers for ever as it did when it was closed.
-- Locks: none, a new table. Deploy: before. Fill: none, no period could be closed before.
create table projections.statement_periods (
    shard smallint not null,
    period_id text collate "C" not null,
    location text collate "C",          -- null: the whole network
    starts_at bigint not null,          -- microseconds, business time
    ends_at bigint not null,            -- the first instant that is no part of it
    known_position bigint not null,     -- what was known when it was closed
    follows text collate "C",           -- the period that ended where this one begins
    closed_at bigint not null,
    position bigint not null,           -- of its event
    primary key (shard, period_id)
);
create index statement_periods_closed on projections.statement_periods (shard, position);
create index statement_periods_location on projections.statement_periods
    (shard, location, position);
alter table projections.statement_periods owner to ledger_service;
