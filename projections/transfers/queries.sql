-- load_transfers --
-- Transfers that a batch goes on with.
select t.transfer_id, t.from_location, t.to_location,
       case when t.status in ('cancelled', 'closed') then t.status end,
       t.requested_at, t.requested_position, t.version, t.position
  from (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (transfer_id) offset 0) c
  join {schema}.transfers t on t.shard = c.shard and t.transfer_id = c.transfer_id

-- load_lines --
-- Their lines, in order.
select l.transfer_id, l.sku, l.requested, l.dispatched, l.received, l.damaged, l.lost, l.returned
  from (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (transfer_id) offset 0) c
  join {schema}.transfer_lines l on l.shard = c.shard and l.transfer_id = c.transfer_id
 order by l.transfer_id, l.line

-- save_transfers --
-- Transfers as they are now; what cannot change after the request is not written again.
insert into {schema}.transfers
    (shard, transfer_id, from_location, to_location, status, requested_at, requested_position,
     version, position)
select 0::smallint, c.*
  from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[]) as c
    on conflict (shard, transfer_id) do update
   set status = excluded.status, version = excluded.version, position = excluded.position

-- save_lines --
-- Lines as they are now.
insert into {schema}.transfer_lines
    (shard, transfer_id, line, sku, requested_position, requested, dispatched, received, damaged,
     lost, returned)
select 0::smallint, c.*
  from unnest(%b::text[], %b::int8[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[]) as c
    on conflict (shard, transfer_id, line) do update
   set dispatched = excluded.dispatched, received = excluded.received,
       damaged = excluded.damaged, lost = excluded.lost, returned = excluded.returned

-- get_transfer --
-- One transfer with its lines, in one snapshot with this projection's position.
select p.position, t.transfer_id, t.from_location, t.to_location,
       case when t.status in ('cancelled', 'closed') then t.status end,
       t.requested_at, t.requested_position, t.version, t.position,
       l.sku, l.requested, l.dispatched, l.received, l.damaged, l.lost, l.returned
  from {schema}.tracking p
  left join {schema}.transfers t on t.shard = p.shard and t.transfer_id = %(transfer_id)s
  left join {schema}.transfer_lines l on l.shard = t.shard and l.transfer_id = t.transfer_id
 where p.shard = 0 and p.projection = 'transfers'
 order by l.line

-- list_transfers --
-- The newest transfers with their lines.
with page as (
    select t.* from {schema}.transfers t
     where t.shard = 0
       and (%(status)s::text is null or t.status = %(status)s)
       and (%(from_location)s::text is null or t.from_location = %(from_location)s)
       and (%(to_location)s::text is null or t.to_location = %(to_location)s)
       and (%(sku)s::text is null or exists (
            select from {schema}.transfer_lines f
             where f.shard = 0 and f.transfer_id = t.transfer_id and f.sku = %(sku)s))
     order by t.requested_position desc
     limit %(limit)s
)
select p.position, t.transfer_id, t.from_location, t.to_location,
       case when t.status in ('cancelled', 'closed') then t.status end,
       t.requested_at, t.requested_position, t.version, t.position,
       l.sku, l.requested, l.dispatched, l.received, l.damaged, l.lost, l.returned
  from {schema}.tracking p
  left join page t on true
  left join {schema}.transfer_lines l on l.shard = t.shard and l.transfer_id = t.transfer_id
 where p.shard = 0 and p.projection = 'transfers'
 order by t.requested_position desc, l.line

-- transfers_begun --
-- Transfers requested by `known`, newest first, by what never changes of them; and whether a status
-- may match: of those that are as they were then, only where it is the same.
select t.requested_position, t.transfer_id,
       %(status)s::text is null or not %(live)s or t.position > %(known)s or t.status = %(status)s
  from {schema}.transfers t
 where t.shard = 0 and t.requested_position < %(after_0)s and t.requested_position <= %(known)s
   and (%(from_location)s::text is null or t.from_location = %(from_location)s)
   and (%(to_location)s::text is null or t.to_location = %(to_location)s)
   and (%(sku)s::text is null or exists (
        select from {schema}.transfer_lines f
         where f.shard = 0 and f.transfer_id = t.transfer_id and f.sku = %(sku)s))
 order by t.requested_position desc
 limit %(limit)s
