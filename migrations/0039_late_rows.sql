-- Why: a question about the past adds up the late rows that overlap its moment. Of a stock whose
--      facts arrive in no order that is every second row; now their sums are kept, too.
-- Locks: projections.history, while the indexes of its late rows are exchanged; the projector
--      waits. Deploy: before. Fill: here, from the late rows.
drop index projections.history_late;
drop index projections.history_late_occurred;
create index history_late on projections.history (shard, stock, position, part)
    include (occurred_at, d_sellable, d_quarantine, d_damaged, d_returned, d_blocked, d_reserved)
    where occurred_at < effective_at;
create index history_late_occurred on projections.history (shard, stock, occurred_at, position, part)
    include (d_sellable, d_quarantine, d_damaged, d_returned, d_blocked, d_reserved)
    where occurred_at < effective_at;

-- Stocks with many late rows: from this position on they are added up in `history_late_sums`.
create table projections.history_crowds (
    shard smallint not null,
    stock bigint not null,
    crowded_from bigint not null,
    primary key (shard, stock)
);
alter table projections.history_crowds owner to ledger_service;

-- Late rows by where they stand in the ledger and in business time, both cut into pieces of two
-- sizes: each row counts in four sums.
create table projections.history_late_sums (
    shard smallint not null,
    stock bigint not null,
    level smallint not null,            -- 2 for large pieces of ledger + 1 for large pieces of time
    chunk bigint not null,              -- which piece of the ledger
    span bigint not null,               -- which piece of time
    d_sellable bigint not null,
    d_quarantine bigint not null,
    d_damaged bigint not null,
    d_returned bigint not null,
    d_blocked bigint not null,
    d_reserved bigint not null,
    primary key (shard, stock, level, chunk, span)
);
alter table projections.history_late_sums owner to ledger_service;

insert into projections.history_crowds (shard, stock, crowded_from)
select few.shard, few.stock, later.position
  from (select shard, stock, position,
               row_number() over (partition by shard, stock order by position, part) as number
          from projections.history where occurred_at < effective_at) few
 cross join lateral (
       select position from projections.history h
        where h.shard = few.shard and h.stock = few.stock and h.occurred_at < h.effective_at
          and h.position > few.position order by h.position limit 1) later
 where few.number = 1024;

insert into projections.history_late_sums
select h.shard, h.stock, l.level, h.position >> l.chunk, h.occurred_at >> l.span,
       sum(h.d_sellable), sum(h.d_quarantine), sum(h.d_damaged),
       sum(h.d_returned), sum(h.d_blocked), sum(h.d_reserved)
  from projections.history h
  join projections.history_crowds w on w.shard = h.shard and w.stock = h.stock
 cross join (values (0, 12, 36), (1, 12, 41), (2, 18, 36), (3, 18, 41)) l (level, chunk, span)
 where h.occurred_at < h.effective_at and h.position >= w.crowded_from
 group by h.shard, h.stock, l.level, h.position >> l.chunk, h.occurred_at >> l.span;
