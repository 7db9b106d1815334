-- head --
-- Where the ledger says it stands, and where its rows end, in one snapshot.
select h.position,
       coalesce((select max(e.position) from ledger.events e where e.shard = 0), 0),
       exists (select from ledger.events e where e.shard > 0 or e.shard < 0)
  from ledger.heads h where h.shard = 0

-- ledger_id --
-- Which server, and which of its databases.
select s.system_identifier || '/' || d.oid
  from pg_control_system() s, pg_database d where d.datname = current_database()

-- predecessors --
-- Streams whose first version in a range follows none, or one that does not stand before the range.
select s.stream, s.version, s.position, e.position
  from (select * from unnest(%b::text[], %b::bigint[], %b::bigint[]) as s (stream, version, position)
         order by stream) s
  left join ledger.events e
    on e.shard = 0 and e.stream = s.stream and e.version = s.version - 1
 where s.version > 1 and (e.position is null or e.position >= %b)

-- rows --
-- Event rows up to a position and beyond another one, in ledger order.
select position, stream, version, topic, state, recorded_at
  from ledger.events where shard = 0 and position > %b and position <= %b order by position

-- rows_of_stream --
-- A page of the event rows of one stream, up to a position.
select position, stream, version, topic, state, recorded_at
  from ledger.events where shard = 0 and stream = %b and version > %b and position <= %b
 order by version limit %b

-- stream_page --
-- A page of one stream, up to a position.
select position, version, state from ledger.events
 where shard = 0 and stream = %b and version > %b and position <= %b
 order by version limit %b

-- receipts --
-- Commands whose events have no receipt, or one that does not cover them.
select c.command, r.position
  from unnest(%b::bytea[], %b::bigint[]) as c (command, position)
  left join ledger.receipts r on r.shard = 0 and r.command = c.command
 where r.position is null or r.position < c.position
    or r.position > (select position from ledger.heads where shard = 0)

-- receipts_beyond --
-- Receipts in some blocks of the table that speak of positions the ledger has not reached, in one
-- snapshot with its head; and how many blocks there are.
select min(r.position), count(r.position),
       pg_relation_size('ledger.receipts') / current_setting('block_size')::bigint
  from ledger.heads h
  left join ledger.receipts r
    on r.position > h.position and r.ctid >= %b::text::tid and r.ctid < %b::text::tid
 where h.shard = 0
 group by h.shard

-- tracking --
-- How far a projection has read, and what stopped it.
select position, error from projections.tracking where shard = 0 and projection = %b

-- stock --
-- A page of the present.
with page as (
    select * from projections.stock where shard = 0 and (location, sku) > (%b, %b)
     order by location, sku limit %b)
select t.position, p.location, p.sku, p.sellable, p.quarantine, p.damaged, p.returned, p.blocked,
       p.reserved, p.version, p.position, p.effective_at, p.in_transit
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
       p.quantity, p.order_ref, p.movement, p.short, p.short_max, p.status, p.resolution, p.note,
       p.opened_at, p.opened_position, p.closed_at, p.closed_position, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'conflicts' order by p.conflict_id

-- returns --
-- A page of returns.
with page as (
    select * from projections.returns where shard = 0 and return_id > %b
     order by return_id limit %b)
select t.position, p.return_id, p.order_ref, p.status, p.version, p.authorised_at,
       p.authorised_position, p.closed_at, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'returns' order by p.return_id

-- return_lines --
-- A page of their lines.
with page as (
    select * from projections.return_lines
     where shard = 0 and (return_id, line) > (%b, %b)
     order by return_id, line limit %b)
select t.position, p.return_id, p.line::bigint, p.sku, p.authorised_position, p.authorised,
       p.received, p.waived, p.grades, p.dispositions, p.at
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'returns' order by p.return_id, p.line

-- order_lines --
-- A page of what orders come to.
with page as (
    select * from projections.order_lines
     where shard = 0 and (order_ref, sku) > (%b, %b)
     order by order_ref, sku limit %b)
select t.position, p.order_ref, p.sku, p.sold, p.returned, p.conflict_id, p.first_position,
       p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'returns' order by p.order_ref, p.sku

-- transfers --
-- A page of transfers.
with page as (
    select * from projections.transfers where shard = 0 and transfer_id > %b
     order by transfer_id limit %b)
select t.position, p.transfer_id, p.from_location, p.to_location, p.status, p.requested_at,
       p.requested_position, p.version, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'transfers' order by p.transfer_id

-- transfer_lines --
-- A page of their lines.
with page as (
    select * from projections.transfer_lines
     where shard = 0 and (transfer_id, line) > (%b, %b)
     order by transfer_id, line limit %b)
select t.position, p.transfer_id, p.line::bigint, p.sku, p.requested_position, p.requested,
       p.dispatched, p.received, p.damaged, p.lost, p.returned
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'transfers' order by p.transfer_id, p.line

-- rows_of_topics --
-- The event rows of some kinds in a range of positions.
select position, stream, version, topic, state, recorded_at
  from ledger.events where shard = 0 and position > %b and position <= %b
   and topic = any(%b::text[])
 order by position

-- history_in_transit --
-- A page of what was on its way, stock by stock.
select stock, position, occurred_at, effective_at, delta, quantity
  from projections.history_in_transit where shard = 0 and (stock, position) > (%b, %b)
 order by shard, stock, position limit %b

-- counts --
-- A page of count documents.
with page as (
    select * from projections.counts where shard = 0 and count_id > %b
     order by count_id limit %b)
select t.position, p.count_id, p.location, p.kind, p.blind, p.approval_above, p.skus, p.status,
       p.approved_by, p.version, p.opened_at, p.opened_position, p.posted_at, p.posted_position,
       p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'counts' order by p.count_id

-- count_lines --
-- A page of their figures.
with page as (
    select * from projections.count_lines
     where shard = 0 and (count_id, line) > (%b, %b)
     order by count_id, line limit %b)
select t.position, p.count_id, p.line::bigint, p.sku, p.bucket, p.opened_position, p.counted,
       p.counted_at, p.expected, p.approved, p.posted, p.earlier
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'counts' order by p.count_id, p.line

-- catalog_skus --
-- A page of SKUs.
with page as (
    select * from projections.catalog_skus where shard = 0 and sku > %b order by sku limit %b)
select t.position, p.sku, p.base_unit, p.scale, p.packs, p.service, p.case_policy, p.version,
       p.defined_at, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'catalog' order by p.sku

-- catalog_locations --
-- A page of locations.
with page as (
    select * from projections.catalog_locations where shard = 0 and location > %b
     order by location limit %b)
select t.position, p.location, p.kind, p.time_zone, p.sells, p.parent, p.authority, p.version,
       p.defined_at, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'catalog' order by p.location

-- catalog_parked --
-- A page of facts that wait.
with page as (
    select * from projections.catalog_parked where shard = 0 and conflict_id > %b
     order by conflict_id limit %b)
select t.position, p.conflict_id, p.location, p.sku, p.sku_upper, p.sku_fold, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'catalog' order by p.conflict_id

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

-- history_holds --
-- A page of the episodes of soft holds.
select stock, from_position, to_position, reservation_id, quantity, expires_at
  from projections.history_holds where shard = 0 and (stock, from_position) > (%b, %b)
 order by stock, from_position limit %b

-- fences --
-- A page of fences.
with page as (
    select * from projections.fences where shard = 0 and (location, sku, channel) > (%b, %b, %b)
     order by location, sku, channel limit %b)
select t.position, p.location, p.sku, p.channel, p.free, p.held, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'fences' order by p.location, p.sku, p.channel

-- fence_holds --
-- A page of what soft holds have of fences.
with page as (
    select * from projections.fence_holds
     where shard = 0 and (location, sku, reservation_id) > (%b, %b, %b)
     order by location, sku, reservation_id limit %b)
select t.position, p.location, p.sku, p.reservation_id, p.channel, p.quantity, p.expires_at
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'fences' order by p.location, p.sku, p.reservation_id

-- backorder_limits --
-- A page of backorder limits.
with page as (
    select * from projections.backorder_limits where shard = 0 and (location, sku) > (%b, %b)
     order by location, sku limit %b)
select t.position, p.location, p.sku, p.units, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'fences' order by p.location, p.sku

-- lag --
-- How far the slowest projection is behind; one that has stopped is waited for by nobody.
select coalesce(max(h.position - t.position), 0)
  from ledger.heads h, projections.tracking t where h.shard = 0 and t.shard = 0 and t.error is null

-- write_status --
-- What the auditor of the service says of itself.
insert into projections.audit as a
       (shard, position, breaches, law, at, what, full_ms, full_at, looked_at)
values (0, %b, %b, %b, %b, %b, %b,
        case when %b then clock_timestamp() end, clock_timestamp())
    on conflict (shard) do update
   set (position, breaches, law, at, what, looked_at)
     = (excluded.position, excluded.breaches, excluded.law, excluded.at, excluded.what,
        excluded.looked_at),
       full_ms = coalesce(excluded.full_ms, a.full_ms),
       full_at = coalesce(excluded.full_at, a.full_at)

-- read_status --
-- The same, and how many seconds ago it was said.
select position, breaches, law, at, what, full_ms,
       extract(epoch from clock_timestamp() - full_at)::float8,
       extract(epoch from clock_timestamp() - looked_at)::float8
  from projections.audit where shard = 0
