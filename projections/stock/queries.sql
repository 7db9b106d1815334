-- add_to_stocks --
-- Add net changes to the rows of their stocks; the first change makes the row.
insert into {schema}.stock as s
    (shard, location, sku, sellable, quarantine, damaged, returned, blocked, reserved,
     version, position, effective_at)
select 0::smallint, c.*
  from unnest(%b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c
    on conflict (shard, location, sku) do update
   set sellable = s.sellable + excluded.sellable,
       quarantine = s.quarantine + excluded.quarantine,
       damaged = s.damaged + excluded.damaged,
       returned = s.returned + excluded.returned,
       blocked = s.blocked + excluded.blocked,
       reserved = s.reserved + excluded.reserved,
       version = excluded.version, position = excluded.position,
       effective_at = excluded.effective_at

-- change_holds --
-- Bring soft holds up to date. Changes of hard holds meet no row and do nothing.
merge into {schema}.stock_holds h
using unnest(%b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::int8[])
      as c (location, sku, reservation_id, delta, placed, gone, expires_at)
   on h.shard = 0 and h.location = c.location and h.sku = c.sku
  and h.reservation_id = c.reservation_id
 when matched and (c.gone = 1 or (case c.placed when 1 then 0 else h.quantity end) + c.delta <= 0)
 then delete
 when matched
 then update set quantity = (case c.placed when 1 then 0 else h.quantity end) + c.delta,
                 expires_at = coalesce(c.expires_at, h.expires_at)
 when not matched and c.placed = 1
 then insert (shard, location, sku, reservation_id, quantity, expires_at)
      values (0, c.location, c.sku, c.reservation_id, c.delta, c.expires_at)

-- add_to_ways --
-- Add net changes of what is on its way; the first change makes the row, and it stays.
insert into {schema}.stock_in_transit as w (shard, location, sku, quantity, position)
select 0::smallint, c.* from unnest(%b::text[], %b::text[], %b::int8[], %b::int8[]) as c
    on conflict (shard, location, sku) do update
   set quantity = w.quantity + excluded.quantity, position = excluded.position

-- list_stocks --
-- A page of present balances; what ran out before `now` no longer counts as reserved.
with place as (
    select position from {schema}.tracking where shard = 0 and projection = 'stock'
), named as (
    -- A stock that has never had a unit may have some on their way.
    (select s.location, s.sku from {schema}.stock s
      where s.shard = 0
        and (%(sku)s::text is null or s.sku = %(sku)s)
        and (%(location)s::text is null or s.location = %(location)s)
      order by s.location, s.sku limit %(limit)s)
    union
    (select w.location, w.sku from {schema}.stock_in_transit w
      where w.shard = 0
        and (%(sku)s::text is null or w.sku = %(sku)s)
        and (%(location)s::text is null or w.location = %(location)s)
      order by w.location, w.sku limit %(limit)s)
    order by location, sku
    limit %(limit)s
), page as (
    select n.location, n.sku, coalesce(s.sellable, 0), coalesce(s.quarantine, 0),
           coalesce(s.damaged, 0), coalesce(s.returned, 0), coalesce(s.blocked, 0),
           coalesce(s.reserved, 0) - coalesce((
               select sum(h.quantity) from {schema}.stock_holds h
                where h.shard = 0 and h.location = n.location and h.sku = n.sku
                  and h.expires_at <= %(now)s), 0)::bigint,
           coalesce(w.quantity, 0)
      from named n
      left join {schema}.stock s
        on s.shard = 0 and s.location = n.location and s.sku = n.sku
      left join {schema}.stock_in_transit w
        on w.shard = 0 and w.location = n.location and w.sku = n.sku
)
select place.position, page.* from place left join page on true
 order by page.location, page.sku

-- due_stocks --
-- Stocks with soft holds that have run out and wait for the sweeper, longest overdue first.
select location, sku from {schema}.stock_holds
 where shard = 0 and expires_at <= %(now)s
 group by location, sku order by min(expires_at) limit %(limit)s
