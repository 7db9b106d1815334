-- Why: what became of every promise, unit by unit, for the desk, the API and the sweeper.
-- Locks: none, new tables. Deploy: before.
create table projections.reservations (
    shard smallint not null,
    reservation_id text collate "C" not null,
    channel text,
    kind text not null,
    placed_kind text not null,
    policy text not null,
    expires_at bigint,                  -- microseconds; null: does not run out
    open bigint not null,               -- over all lines, as recorded
    fulfilled bigint not null,
    ended_by text not null,             -- what took units last: fulfilled, released, expired
    status text not null,               -- as recorded; expiry takes effect in the answer
    version bigint not null,            -- of the reservation's stream
    placed_at bigint not null,          -- microseconds
    placed_position bigint not null,
    position bigint not null,           -- of the last event that changed it
    primary key (shard, reservation_id)
) with (fillfactor = 80);
create index reservations_placed on projections.reservations (shard, placed_position);
create index reservations_open on projections.reservations (shard, placed_position) where open > 0;
create index reservations_due on projections.reservations (shard, expires_at)
    where open > 0 and expires_at is not null;
alter table projections.reservations owner to ledger_service;

create table projections.reservation_lines (
    shard smallint not null,
    reservation_id text collate "C" not null,
    line integer not null,              -- its place in the reservation
    location text collate "C" not null,
    sku text collate "C" not null,
    placed_position bigint not null,
    requested bigint not null,
    granted bigint not null,
    open bigint not null,
    fulfilled bigint not null,
    released bigint not null,
    expired bigint not null,
    primary key (shard, reservation_id, line)
) with (fillfactor = 80);
create index reservation_lines_sku on projections.reservation_lines (shard, sku, placed_position);
create index reservation_lines_location on projections.reservation_lines
    (shard, location, placed_position);
alter table projections.reservation_lines owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'reservations', 0);
