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
select t.position, p.reservation_id, p.channel, p.kind, p.confirmed, p.policy, p.expires_at,
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

-- reconciliations --
-- A page of reconciliations.
with page as (
    select * from projections.reconciliations where shard = 0 and reconciliation_id > %b
     order by reconciliation_id limit %b)
select t.position, p.reconciliation_id, p.source, p.as_of, p.known_position, p.cut_position,
       p.horizon, p.measure, p.tolerance_units, p.tolerance_per_mille, p.complete, p.alert,
       p.tally, p.keys_elsewhere, p.proposals, p.proposals_left_out, p.approved, p.content,
       p.version, p.recorded_at, p.recorded_position, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'reconciliations' order by p.reconciliation_id

-- reconciliation_locations --
-- A page of what they came to by location.
with page as (
    select * from projections.reconciliation_locations
     where shard = 0 and (reconciliation_id, location) > (%b, %b)
     order by reconciliation_id, location limit %b)
select t.position, p.reconciliation_id, p.location, p.source, p.alert, p.tally,
       p.recorded_position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'reconciliations' order by p.reconciliation_id, p.location

-- reconciliation_lines --
-- A page of the corrections they propose.
with page as (
    select * from projections.reconciliation_lines
     where shard = 0 and (reconciliation_id, line) > (%b, %b)
     order by reconciliation_id, line limit %b)
select t.position, p.reconciliation_id, p.line::bigint, p.sku, p.location, p.theirs, p.ours,
       p.delta, p.approved_position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'reconciliations' order by p.reconciliation_id, p.line

-- catalog_skus --
-- A page of SKUs.
with page as (
    select * from projections.catalog_skus where shard = 0 and sku > %b order by sku limit %b)
select t.position, p.sku, p.base_unit, p.scale, p.packs, p.service, p.case_policy, p.class,
       p.version, p.defined_at, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'catalog' order by p.sku

-- catalog_locations --
-- A page of locations.
with page as (
    select * from projections.catalog_locations where shard = 0 and location > %b
     order by location limit %b)
select t.position, p.location, p.kind, p.time_zone, p.sells, p.parent, p.authority, p.tags,
       p.version, p.defined_at, p.position
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

-- channels --
-- A page of channels.
with page as (
    select * from projections.channels where shard = 0 and channel > %b order by channel limit %b)
select t.position, p.channel, p.locations, p.kinds, p.tags, p.by_location, p.rules, p.measured_s,
       p.version, p.defined_at, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'channels' order by p.channel

-- channel_credentials --
-- A page of credentials.
with page as (
    select * from projections.channel_credentials
     where shard = 0 and (channel, credential_id) > (%b, %b)
     order by channel, credential_id limit %b)
select t.position, p.channel, p.credential_id, p.public_key, p.issued_at, p.expires_at,
       p.revoked_at, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'channels' order by p.channel, p.credential_id

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

-- crowds --
-- A page of stocks: since when they are kept as ones with many late rows and how late those are,
-- and since when they are, and how late.
select s.stock, s.location, s.sku, w.crowded_from, w.lateness, c.position, l.lateness
  from (select stock, location, sku from projections.history_stocks
         where shard = 0 and (location, sku) > (%b, %b) order by location, sku limit %b) s
  left join projections.history_crowds w on w.shard = 0 and w.stock = s.stock
  left join lateral (
       select position from projections.history h
        where h.shard = 0 and h.stock = s.stock and h.occurred_at < h.effective_at
        order by position, part offset %b limit 1) f on true
  left join lateral (
       select position from projections.history h
        where h.shard = 0 and h.stock = s.stock and h.occurred_at < h.effective_at
          and h.position > f.position
        order by position limit 1) c on true
  left join lateral (
       select max(h.effective_at - h.occurred_at) as lateness from projections.history h
        where h.shard = 0 and h.stock = s.stock and h.occurred_at < h.effective_at
          and h.position >= c.position) l on true
 order by s.location, s.sku

-- late_sums --
-- Cells of one stock and level that are not the sums of its late rows, from a position on.
with due as (
    select position >> %b::int as chunk, occurred_at >> %b::int as span, min(position) as position,
           sum(d_sellable)::bigint as d_sellable,
           sum(d_quarantine)::bigint as d_quarantine,
           sum(d_damaged)::bigint as d_damaged,
           sum(d_returned)::bigint as d_returned,
           sum(d_blocked)::bigint as d_blocked,
           sum(d_reserved)::bigint as d_reserved
      from projections.history
     where shard = 0 and stock = %b and occurred_at < effective_at and position >= %b
     group by 1, 2
), kept as (
    select chunk, span, d_sellable, d_quarantine, d_damaged, d_returned, d_blocked, d_reserved
      from projections.history_late_sums where shard = 0 and stock = %b and level = %b
)
select due.position, chunk, span,
       array[due.d_sellable, due.d_quarantine, due.d_damaged, due.d_returned, due.d_blocked,
             due.d_reserved],
       array[kept.d_sellable, kept.d_quarantine, kept.d_damaged, kept.d_returned, kept.d_blocked,
             kept.d_reserved], count(*) over ()
  from due full join kept using (chunk, span)
 where (due.d_sellable, due.d_quarantine, due.d_damaged, due.d_returned, due.d_blocked,
        due.d_reserved) is distinct from
       (kept.d_sellable, kept.d_quarantine, kept.d_damaged, kept.d_returned, kept.d_blocked,
        kept.d_reserved)
 order by due.position nulls first, chunk, span limit 20

-- strange_sums --
-- Stocks with sums that are not kept as ones with many late rows.
select distinct s.stock from projections.history_late_sums s
 where s.shard = 0 and not exists (
       select from projections.history_crowds w where w.shard = 0 and w.stock = s.stock)

-- strange_crowds --
-- Numbers that no stock has.
select w.stock from projections.history_crowds w
 where w.shard = 0 and not exists (
       select from projections.history_stocks s where s.shard = 0 and s.stock = w.stock)

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

-- statement_kinds --
-- A page of the ways in which units ever moved.
select kind::int8, from_bucket, to_bucket, type, reason from projections.statement_kinds
 where shard = 0 and kind > %b order by kind limit %b

-- statement_books --
-- A page of the stocks and locations that have accounts.
select location, sku, book, place from projections.statement_books
 where shard = 0 and (location, sku) > (%b, %b) order by location, sku limit %b

-- statement_entries --
-- A page of entries, stock by stock.
select book, position, leg::int8, kind::int8, place, number, occurred_at, quantity
  from projections.statement_entries where shard = 0 and (book, position, leg) > (%b, %b, %b)
 order by shard, book, position, leg limit %b

-- entries_of_book --
-- All entries of one stock.
select book, position, leg::int8, kind::int8, place, number, occurred_at, quantity
  from projections.statement_entries where shard = 0 and book = %b and position <= %b
 order by position, leg

-- statement_cells --
-- A page of sums, book by book.
select book, level::int8, block, day::int8, kind::int8, quantity, entries
  from projections.statement_cells
 where shard = 0 and (book, level, block, day, kind) > (%b, %b, %b, %b, %b)
 order by shard, book, level, block, day, kind limit %b

-- cells_of_book --
-- All sums of one book.
select book, level::int8, block, day::int8, kind::int8, quantity, entries
  from projections.statement_cells where shard = 0 and book = %b

-- statement_periods --
-- A page of closed periods.
with page as (
    select * from projections.statement_periods where shard = 0 and period_id > %b
     order by period_id limit %b)
select t.position, p.period_id, p.location, p.starts_at, p.ends_at, p.known_position, p.follows,
       p.closed_at, p.position
  from projections.tracking t left join page p on true
 where t.shard = 0 and t.projection = 'statements' order by p.period_id

-- evidence --
-- What the ledger is called, how far its tree has grown and what was attested, in one snapshot.
select l.id, h.position, t.position, c.size, c.number, c.count, k.keys
  from projections.tracking t
  join ledger.heads h on h.shard = t.shard
  left join proof.ledgers l on l.shard = t.shard
  cross join lateral (
      select coalesce(max(size), -1) as size, coalesce(max(number), 0) as number, count(*)
        from proof.checkpoints where shard = 0) c
  cross join lateral (
      select coalesce(array_agg(key), '{}') as keys from proof.keys where shard = 0) k
 where t.shard = 0 and t.projection = 'proof'

-- tile_levels --
-- How many tiles there are of each level, and their bytes, in one snapshot with the tree's size.
select t.position, n.level, n.count, n.last, n.bytes
  from projections.tracking t
  left join (
      select level::bigint, count(*), max(tile) as last, sum(length(hashes))::bigint as bytes
        from proof.tiles where shard = 0 group by level) n on true
 where t.shard = 0 and t.projection = 'proof'

-- tiles_from --
-- A page of the tiles of one level.
select tile, hashes from proof.tiles
 where shard = 0 and level = %b::smallint and tile >= %b order by tile limit %b

-- checkpoints_from --
-- A page of what was attested.
select size, number, root, note from proof.checkpoints
 where shard = 0 and size > %b and size <= %b order by size limit %b

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

-- told --
-- A page of the channel log, in order, up to a ledger position.
select generation, told, channel, sku, location, ats, position, rule_version, instant, expires,
       inputs
  from telling.channel_log
 where shard = 0 and (generation, told) > (%b, %b) and position <= %b
 order by generation, told limit %b

-- told_last --
-- Where the teller says that it stands, and where the channel log ends, in one snapshot.
select p.generation, p.told, l.generation, l.told
  from telling.place p
  left join lateral (
       select g.generation, g.told from telling.channel_log g where g.shard = 0
        order by g.generation desc, g.told desc limit 1) l on true
 where p.shard = 0
