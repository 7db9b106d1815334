-- add_to_fences --
-- Add net changes to fences; the first change makes the row.
insert into {schema}.fences as f (shard, location, sku, channel, free, held, position)
select 0::smallint, c.*
  from unnest(%b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[]) as c
    on conflict (shard, location, sku, channel) do update
   set free = f.free + excluded.free, held = f.held + excluded.held, position = excluded.position

-- any_holds --
-- Whether any soft hold has a part of a fence.
select 1 from {schema}.fence_holds where shard = 0 limit 1

-- change_holds --
-- Bring the parts that soft holds have of fences up to date. Those of hard holds have no row.
merge into {schema}.fence_holds h
using (select 0::smallint as shard, u.*
         from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[])
              as u (location, sku, reservation_id, channel, quantity, expires_at, gone) offset 0) c
   on h.shard = c.shard and h.location = c.location and h.sku = c.sku
  and h.reservation_id = c.reservation_id
 when matched and (c.gone = 1 or h.quantity + c.quantity <= 0) then delete
 when matched then update set quantity = h.quantity + c.quantity,
                              expires_at = coalesce(c.expires_at, h.expires_at)
 when not matched and c.gone = 0 and c.quantity > 0 and c.expires_at is not null
 then insert (shard, location, sku, reservation_id, channel, quantity, expires_at)
      values (0, c.location, c.sku, c.reservation_id, c.channel, c.quantity, c.expires_at)

-- set_limits --
-- Limits as they are now.
insert into {schema}.backorder_limits (shard, location, sku, units, position)
select 0::smallint, c.* from unnest(%b::text[], %b::text[], %b::int8[], %b::int8[]) as c
    on conflict (shard, location, sku) do update
   set units = excluded.units, position = excluded.position

-- list_fences --
-- The first fences; what a hold that ran out before `now` had of them is free again.
with page as (
    select f.location, f.sku, f.channel, f.free + back.units as free, f.held - back.units as held
      from {schema}.fences f
     cross join lateral (
           select coalesce(sum(h.quantity), 0)::bigint as units from {schema}.fence_holds h
            where h.shard = 0 and h.location = f.location and h.sku = f.sku
              and h.channel = f.channel and h.expires_at <= %(now)s) back
     where f.shard = 0
       and (%(sku)s::text is null or f.sku = %(sku)s)
       and (%(location)s::text is null or f.location = %(location)s)
       and (%(channel)s::text is null or f.channel = %(channel)s)
     order by f.location, f.sku, f.channel
     limit %(limit)s
)
select t.position, page.* from {schema}.tracking t left join page on true
 where t.shard = 0 and t.projection = 'fences'
 order by page.location, page.sku, page.channel

-- list_limits --
-- The first limits.
with page as (
    select b.location, b.sku, b.units from {schema}.backorder_limits b
     where b.shard = 0
       and (%(sku)s::text is null or b.sku = %(sku)s)
       and (%(location)s::text is null or b.location = %(location)s)
     order by b.location, b.sku
     limit %(limit)s
)
select t.position, page.* from {schema}.tracking t left join page on true
 where t.shard = 0 and t.projection = 'fences'
 order by page.location, page.sku

-- fences_after --
-- Fences by location, SKU and channel: nothing that is asked for ever changes of one.
select f.location, f.sku, f.channel, f.location, f.sku, f.channel, true
  from {schema}.fences f
 where f.shard = 0 and (f.location, f.sku, f.channel) > (%(after_0)s, %(after_1)s, %(after_2)s)
   and (%(sku)s::text is null or f.sku = %(sku)s)
   and (%(location)s::text is null or f.location = %(location)s)
   and (%(channel)s::text is null or f.channel = %(channel)s)
 order by f.location, f.sku, f.channel
 limit %(limit)s

-- limits_after --
-- Limits by location and SKU, likewise.
select b.location, b.sku, b.location, b.sku, true
  from {schema}.backorder_limits b
 where b.shard = 0 and (b.location, b.sku) > (%(after_0)s, %(after_1)s)
   and (%(sku)s::text is null or b.sku = %(sku)s)
   and (%(location)s::text is null or b.location = %(location)s)
 order by b.location, b.sku
 limit %(limit)s

-- of_fences --
-- The events of a stock that may matter to a fence: rules of fences, changes of when holds run out,
-- and whatever names the part of a fence.
and (topic in ('stock.fence_granted.v1', 'stock.fence_returned.v1', 'stock.hold_confirmed.v1',
               'stock.hold_extended.v1')
     or position(convert_to('"fence":', 'UTF8') in state) > 0)

-- of_limits --
-- The events of a stock that set its limit.
and topic = 'stock.backorder_limit_set.v1'
