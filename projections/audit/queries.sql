-- head --
-- Where the ledger says it stands, and where its rows end, in one snapshot.
select h.position,
       coalesce((select max(e.position) from ledger.events e where e.shard = 0), 0),
       exists (select from ledger.events e where e.shard > 0 or e.shard < 0)
  from ledger.heads h where h.shard = 0

-- rows --
-- Event rows up to a position and beyond another one, in ledger order.
select position, stream, version, topic, state,
       (extract(epoch from recorded_at) * 1000000)::bigint
  from ledger.events where shard = 0 and position > %b and position <= %b order by position

-- rows_of_stream --
-- The event rows of one stream, up to a position.
select position, stream, version, topic, state,
       (extract(epoch from recorded_at) * 1000000)::bigint
  from ledger.events where shard = 0 and stream = %b and position <= %b order by position

-- receipts --
-- Commands whose events have no receipt, or one that does not cover them.
select c.command, r.position
  from unnest(%b::bytea[], %b::bigint[]) as c (command, position)
  left join ledger.receipts r on r.shard = 0 and r.command = c.command
 where r.position is null or r.position < c.position or r.position > %b

-- receipts_beyond --
-- Receipts that speak of positions the ledger has not reached, in one snapshot with its head.
select min(r.position), count(*) from ledger.receipts r, ledger.heads h
 where h.shard = 0 and r.position > h.position

-- tracking --
-- How far a projection has read, and what stopped it.
select position, error from projections.tracking where shard = 0 and projection = %b

-- stock --
-- A page of the present.
with page as (
    select * from projections.stock where shard = 0 and (location, sku) > (%b, %b)
     order by location, sku limit %b)
select t.position, p.location, p.sku, p.sellable, p.quarantine, p.damaged, p.returned, p.blocked,
       p.reserved, p.version, p.position, p.effective_at
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'stock' order by p.location, p.sku

-- stock_holds --
-- A page of the soft holds of the present.
with page as (
    select * from projections.stock_holds
     where shard = 0 and (location, sku, reservation_id) > (%b, %b, %b)
     order by location, sku, reservation_id limit %b)
select t.position, p.location, p.sku, p.reservation_id, p.quantity, p.expires_at
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'stock' order by p.location, p.sku, p.reservation_id

-- reservations --
-- A page of reservations.
with page as (
    select * from projections.reservations where shard = 0 and reservation_id > %b
     order by reservation_id limit %b)
select t.position, p.reservation_id, p.channel, p.kind, p.placed_kind, p.policy, p.expires_at,
       p.open, p.fulfilled, p.ended_by, p.status, p.version, p.placed_at, p.placed_position,
       p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'reservations' order by p.reservation_id

-- reservation_lines --
-- A page of their lines.
with page as (
    select * from projections.reservation_lines
     where shard = 0 and (reservation_id, line) > (%b, %b)
     order by reservation_id, line limit %b)
select t.position, p.reservation_id, p.line::bigint, p.location, p.sku, p.placed_position,
       p.requested, p.granted, p.open, p.fulfilled, p.released, p.expired
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'reservations' order by p.reservation_id, p.line

-- conflicts --
-- A page of conflicts.
with page as (
    select * from projections.conflicts where shard = 0 and conflict_id > %b
     order by conflict_id limit %b)
select t.position, p.conflict_id, p.kind, p.location, p.sku, p.bucket, p.reservation_id,
       p.quantity, p.short, p.short_max, p.status, p.resolution, p.note, p.opened_at,
       p.opened_position, p.closed_at, p.closed_position, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'conflicts' order by p.conflict_id

-- history_stocks --
-- A page of the stocks that history knows.
select stock, location, sku from projections.history_stocks
 where shard = 0 and (location, sku) > (%b, %b) order by location, sku limit %b

-- history --
-- A page of history, stock by stock.
select stock, position, part::bigint, occurred_at, effective_at,
       d_sellable, d_quarantine, d_damaged, d_returned, d_blocked, d_reserved,
       sellable, quarantine, damaged, returned, blocked, reserved
  from projections.history where shard = 0 and (stock, position, part) > (%b, %b, %b)
 order by shard, stock, position, part limit %b

-- history_of_stock --
-- All of one stock's history.
select stock, position, part::bigint, occurred_at, effective_at,
       d_sellable, d_quarantine, d_damaged, d_returned, d_blocked, d_reserved,
       sellable, quarantine, damaged, returned, blocked, reserved
  from projections.history where shard = 0 and stock = %b and position <= %b
 order by position, part

-- history_holds --
-- A page of the episodes of soft holds.
select stock, from_position, to_position, reservation_id, quantity, expires_at
  from projections.history_holds where shard = 0 and (stock, from_position) > (%b, %b)
 order by stock, from_position limit %b

-- holds_of_stock --
-- All episodes of one stock.
select from_position, to_position, reservation_id, quantity, expires_at
  from projections.history_holds where shard = 0 and stock = %b and from_position <= %b
 order by from_position
