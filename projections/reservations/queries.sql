-- load_reservations --
-- Reservations that a batch goes on with.
select r.reservation_id, r.channel, r.kind, r.confirmed, r.policy, r.expires_at, r.ended_by,
       r.version, r.placed_at, r.placed_position, r.position
  from (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (reservation_id) offset 0) c
  join {schema}.reservations r on r.shard = c.shard and r.reservation_id = c.reservation_id

-- load_lines --
-- Their lines, in order.
select l.reservation_id, l.location, l.sku, l.requested, l.granted, l.open, l.fulfilled,
       l.released, l.expired
  from (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (reservation_id) offset 0) c
  join {schema}.reservation_lines l on l.shard = c.shard and l.reservation_id = c.reservation_id
 order by l.reservation_id, l.line

-- save_reservations --
-- Reservations as they are now; what cannot change after placing is not written again.
insert into {schema}.reservations
    (shard, confirmed, reservation_id, channel, kind, policy, expires_at, open, fulfilled,
     ended_by, status, version, placed_at, placed_position, position)
select 0::smallint, c.confirmed <> 0, c.reservation_id, c.channel, c.kind, c.policy, c.expires_at,
       c.open, c.fulfilled, c.ended_by, c.status, c.version, c.placed_at, c.placed_position,
       c.position
  from unnest(%b::int8[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[],
              %b::int8[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[]) as c
       (confirmed, reservation_id, channel, kind, policy, expires_at, open, fulfilled, ended_by,
        status, version, placed_at, placed_position, position)
    on conflict (shard, reservation_id) do update
   set kind = excluded.kind, confirmed = excluded.confirmed, expires_at = excluded.expires_at, open = excluded.open,
       fulfilled = excluded.fulfilled, ended_by = excluded.ended_by, status = excluded.status,
       version = excluded.version, position = excluded.position

-- save_lines --
-- Lines as they are now.
insert into {schema}.reservation_lines
    (shard, reservation_id, line, location, sku, placed_position, requested, granted, open,
     fulfilled, released, expired)
select 0::smallint, c.*
  from unnest(%b::text[], %b::int8[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c
    on conflict (shard, reservation_id, line) do update
   set requested = excluded.requested, granted = excluded.granted, open = excluded.open,
       fulfilled = excluded.fulfilled, released = excluded.released, expired = excluded.expired

-- get_reservation --
-- One reservation with its lines, in one snapshot with this projection's position.
select t.position, r.reservation_id, r.channel, r.kind, r.confirmed, r.policy, r.expires_at,
       r.ended_by, r.version, r.placed_at, r.placed_position, r.position,
       l.location, l.sku, l.requested, l.granted, l.open, l.fulfilled, l.released, l.expired
  from {schema}.tracking t
  left join {schema}.reservations r on r.shard = t.shard and r.reservation_id = %(reservation_id)s
  left join {schema}.reservation_lines l
    on l.shard = r.shard and l.reservation_id = r.reservation_id
 where t.shard = 0 and t.projection = 'reservations'
 order by l.line

-- list_reservations --
-- The newest reservations with their lines. A status is meant as of `now`: what ran out unswept is
-- expired.
with page as (
    select r.* from {schema}.reservations r
     where r.shard = 0
       and (%(channel)s::text is null or r.channel = %(channel)s)
       and (%(status)s::text is null
            or case when r.open > 0 and r.expires_at <= %(now)s then 'expired' else r.status end
               = %(status)s)
       {open_only}
       {of_lines}
     order by r.placed_position desc
     limit %(limit)s
)
select t.position, r.reservation_id, r.channel, r.kind, r.confirmed, r.policy, r.expires_at,
       r.ended_by, r.version, r.placed_at, r.placed_position, r.position,
       l.location, l.sku, l.requested, l.granted, l.open, l.fulfilled, l.released, l.expired
  from {schema}.tracking t
  left join page r on true
  left join {schema}.reservation_lines l
    on l.shard = r.shard and l.reservation_id = r.reservation_id
 where t.shard = 0 and t.projection = 'reservations'
 order by r.placed_position desc, l.line

-- reservations_begun --
-- Reservations placed by `known`, newest first, by what never changes of them; and whether a status
-- may match: of those that are as they were then, only where it is the same, or has run out.
select r.placed_position, r.reservation_id,
       %(status)s::text is null or not %(live)s or r.position > %(known)s or r.status = %(status)s
           or (r.open > 0 and r.expires_at is not null and %(status)s = 'expired')
  from {schema}.reservations r
 where r.shard = 0 and r.placed_position < %(after_0)s and r.placed_position <= %(known)s
   and (%(channel)s::text is null or r.channel = %(channel)s)
   {of_lines}
 order by r.placed_position desc
 limit %(limit)s

-- of_lines --
-- Narrows a page to reservations with a line of a SKU or a location.
       and exists (select from {schema}.reservation_lines f
                    where f.shard = 0 and f.reservation_id = r.reservation_id
                      and (%(sku)s::text is null or f.sku = %(sku)s)
                      and (%(location)s::text is null or f.location = %(location)s))

-- due_stocks --
-- Stocks with soft holds that have run out and wait for the sweeper, longest overdue first.
select l.location, l.sku
  from (select reservation_id, expires_at from {schema}.reservations
         where shard = 0 and open > 0 and expires_at is not null and expires_at <= %(now)s
         order by expires_at limit %(scan)s) r
  join {schema}.reservation_lines l
    on l.shard = 0 and l.reservation_id = r.reservation_id and l.open > 0
 group by l.location, l.sku order by min(r.expires_at) limit %(limit)s
