-- Why: units on their way to a stock belong to every answer about it, now and in the past; also
--      where that stock has never had a unit.
-- Locks: projections.stock, briefly: a column with a default is not written. Deploy: before.
--      Fill: none, no transfer could be recorded before.
alter table projections.stock add column in_transit bigint not null default 0;
comment on table projections.stock is
    'A row of version 0 is of a stock without events of its own: goods are on their way there.';

-- One row for each event that changed what was on its way to a stock; read as `history` is. A
-- stock that was a destination before it had events of its own has the negative position of the
-- first event that named it as its number.
create table projections.history_in_transit (
    shard smallint not null,
    stock bigint not null,              -- the number of the destination
    position bigint not null,
    occurred_at bigint not null,        -- microseconds, business time
    effective_at bigint not null,       -- microseconds, running maximum of this destination
    delta bigint not null,
    quantity bigint not null,           -- on the way after this row, in ledger order
    primary key (shard, stock, position)
);
create index history_in_transit_effective on projections.history_in_transit
    (shard, stock, effective_at, position);
create index history_in_transit_late on projections.history_in_transit
    using gist (stock, int8range(occurred_at, effective_at))
    where occurred_at < effective_at;
alter table projections.history_in_transit owner to ledger_service;
