-- load_conflicts --
-- Conflicts that a batch goes on with.
select x.conflict_id, x.kind, x.location, x.sku, x.bucket, x.reservation_id, x.quantity,
       x.order_ref, x.movement, x.short, x.short_max, x.status, x.resolution, x.note, x.opened_at,
       x.opened_position, x.closed_at, x.closed_position, x.position
  from (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (conflict_id) offset 0) c
  join {schema}.conflicts x on x.shard = c.shard and x.conflict_id = c.conflict_id

-- save_conflicts --
-- Conflicts as they are now; what cannot change after opening is not written again.
insert into {schema}.conflicts
    (shard, conflict_id, kind, location, sku, bucket, reservation_id, quantity, order_ref, movement,
     short, short_max, status, resolution, note, opened_at, opened_position, closed_at,
     closed_position, position)
select 0::smallint, c.*
  from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int8[],
              %b::text[], %b::text[], %b::int8[], %b::int8[], %b::text[], %b::text[], %b::text[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c
    on conflict (shard, conflict_id) do update
   set short = excluded.short, short_max = excluded.short_max, status = excluded.status,
       resolution = excluded.resolution, note = excluded.note, closed_at = excluded.closed_at,
       closed_position = excluded.closed_position, position = excluded.position

-- list_conflicts --
-- The newest conflicts, in one snapshot with this projection's position.
with page as (
    select x.* from {schema}.conflicts x
     where x.shard = 0
       {conditions}
     order by x.opened_position desc
     limit %(limit)s
)
select t.position, x.conflict_id, x.kind, x.location, x.sku, x.bucket, x.reservation_id,
       x.quantity, x.order_ref, x.movement, x.short, x.short_max, x.status, x.resolution, x.note,
       x.opened_at, x.opened_position, x.closed_at, x.closed_position, x.position
  from {schema}.tracking t left join page x on true
 where t.shard = 0 and t.projection = 'conflicts'
 order by x.opened_position desc

-- conflicts_begun --
-- Conflicts opened by `known`, newest first, by what never changes of them; and whether a status may
-- match: of those that are as they were then, only where it is the same.
select x.opened_position, x.conflict_id,
       %(status)s::text is null or not %(live)s or x.position > %(known)s or x.status = %(status)s
  from {schema}.conflicts x
 where x.shard = 0 and x.opened_position < %(after_0)s and x.opened_position <= %(known)s
   {conditions}
 order by x.opened_position desc
 limit %(limit)s

-- get_conflict --
-- One conflict, in one snapshot with this projection's position.
select t.position, x.conflict_id, x.kind, x.location, x.sku, x.bucket, x.reservation_id,
       x.quantity, x.order_ref, x.movement, x.short, x.short_max, x.status, x.resolution, x.note,
       x.opened_at, x.opened_position, x.closed_at, x.closed_position, x.position
  from {schema}.tracking t
  left join {schema}.conflicts x on x.shard = t.shard and x.conflict_id = %(conflict_id)s
 where t.shard = 0 and t.projection = 'conflicts'
