-- Why: what facts broke, so that people can work it off.
-- Locks: none, a new table. Deploy: before.
create table projections.conflicts (
    shard smallint not null,
    conflict_id text collate "C" not null,
    kind text not null,
    location text collate "C" not null,
    sku text collate "C" not null,
    bucket text,
    reservation_id text,
    quantity bigint,                    -- open units of the broken promise when it broke
    short bigint not null,              -- 0 once it is cleared
    short_max bigint not null,
    status text not null,               -- open, cleared, resolved
    resolution text,
    note text,
    opened_at bigint not null,          -- microseconds
    opened_position bigint not null,
    closed_at bigint,
    closed_position bigint,
    position bigint not null,           -- of its last event
    primary key (shard, conflict_id)
) with (fillfactor = 80);
create index conflicts_opened on projections.conflicts (shard, opened_position);
create index conflicts_open on projections.conflicts (shard, opened_position)
    where status = 'open';
create index conflicts_location on projections.conflicts (shard, location, opened_position);
alter table projections.conflicts owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'conflicts', 0);
