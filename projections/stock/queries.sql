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
using (select 0::smallint as shard, u.*
         from unnest(%b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::int8[])
              as u (location, sku, reservation_id, delta, placed, gone, expires_at) offset 0) c
   on h.shard = c.shard and h.location = c.location and h.sku = c.sku
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
-- Add net changes of what is on its way, also to stocks that have no events of their own.
insert into {schema}.stock as s
    (shard, location, sku, sellable, quarantine, damaged, returned, blocked, reserved,
     version, position, effective_at, in_transit)
select 0::smallint, c.location, c.sku, 0, 0, 0, 0, 0, 0, 0, 0, 0, c.delta
  from unnest(%b::text[], %b::text[], %b::int8[]) as c (location, sku, delta)
    on conflict (shard, location, sku) do update set in_transit = s.in_transit + excluded.in_transit

-- list_stocks --
-- The first present balances; what ran out before `now` no longer counts as reserved.
with place as (
    select position from {schema}.tracking where shard = 0 and projection = 'stock'
), page as (
    select s.* from {schema}.stock s
     where s.shard = 0
       and (%(sku)s::text is null or s.sku = %(sku)s)
       and (%(location)s::text is null or s.location = %(location)s)
     {limit_names}
), levels as (
    select s.location, s.sku, s.sellable, s.quarantine, s.damaged, s.returned, s.blocked,
           s.reserved - coalesce((
               select sum(h.quantity) from {schema}.stock_holds h
                where h.shard = 0 and h.location = s.location and h.sku = s.sku
                  and h.expires_at <= %(now)s), 0)::bigint as reserved,
           s.in_transit
      from page s
)
select place.position, l.* from place left join (select * from levels l {limit_balances}) l on true
 {order}

-- totals --
-- Sums over present stocks; a page of groups.
with place as (
    select position from {schema}.tracking where shard = 0 and projection = 'stock'
), levels as (
    select s.* from {schema}.stock s
     where s.shard = 0
       and (%(sku)s::text is null or s.sku = %(sku)s)
       and (%(location)s::text is null or s.location = %(location)s)
       {groups}
), lapsed as (
    select h.location, h.sku, sum(h.quantity) as quantity from {schema}.stock_holds h
     where h.shard = 0 and h.expires_at <= %(now)s
       and (%(sku)s::text is null or h.sku = %(sku)s)
       and (%(location)s::text is null or h.location = %(location)s)
     group by h.location, h.sku
)
select place.position, t.*
  from place
  left join (
       select {group} as name, count(*) as stocks, sum(l.sellable), sum(l.quarantine),
              sum(l.damaged), sum(l.returned), sum(l.blocked),
              sum(l.reserved - coalesce(h.quantity, 0)), sum(l.in_transit)
         from levels l left join lapsed h on h.location = l.location and h.sku = l.sku
        {group_by}) t on true
 order by t.name

-- of_group --
-- Narrows totals to the stocks of a page's groups; the first page only, so that there is no before.
and s.{group} in (
    select distinct g.{group} from {schema}.stock g
     where g.shard = 0
       and (%(sku)s::text is null or g.sku = %(sku)s)
       and (%(location)s::text is null or g.location = %(location)s)
     order by g.{group} limit %(limit)s)

-- due_stocks --
-- Stocks with soft holds that have run out and wait for the sweeper, longest overdue first.
select location, sku from {schema}.stock_holds
 where shard = 0 and expires_at <= %(now)s
 group by location, sku order by min(expires_at) limit %(limit)s
