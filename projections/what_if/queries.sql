-- sizes --
-- About how much happened to the next stocks, by SKU and location: never less than what did, up to
-- a limit for each.
select s.sku, s.location, least(n.rows + m.rows, %(most)s)
  from (select s.sku, s.location, s.stock from {schema}.history_stocks s
         where s.shard = 0 and (s.sku, s.location) > (%(after_sku)s::text, %(after_location)s::text)
           and s.location = any(%(locations)s::text[])
           and (%(sku)s::text is null or s.sku = %(sku)s::text)
         order by s.sku, s.location limit %(limit)s) s
 cross join lateral (
       select count(*) as rows from (
           select from {schema}.history h
            where h.shard = 0 and h.stock = s.stock
              and h.effective_at > %(after)s and h.effective_at < %(until)s
            limit %(most)s) h) n
 cross join lateral (
       select count(*) as rows from (
           select from {schema}.history h
            where h.shard = 0 and h.stock = s.stock and h.occurred_at < h.effective_at
              and h.occurred_at > %(after)s and h.occurred_at < %(until)s
            limit %(most)s) h) m
 order by s.sku, s.location

-- stocks --
-- The stocks of some SKUs.
select s.sku, s.location, s.stock from {schema}.history_stocks s
 where s.shard = 0 and s.sku = any(%(skus)s::text[]) and s.location = any(%(locations)s::text[])
 order by s.sku, s.location

-- changes --
-- What happened to stocks after an instant and before another, SKU by SKU in the order in which it
-- happened. Rows in order and late ones come from an index each, and are put in order before their
-- events are looked up. Of most sales it is enough to know that they are one: bodies are sent of
-- events that say more.
select h.occurred_at, h.place, h.d_sellable, h.d_reserved,
       case when x.tells then e.state end, e.topic = %(sold)s::text, h.sku, h.position, h.part,
       case when x.tells then e.topic end
  from (select p.sku, p.place, c.*
          from unnest(%(stocks)s::int8[], %(numbers)s::int4[], %(places)s::int4[])
               as p (stock, sku, place)
         cross join lateral (
               (select h.occurred_at, h.position, h.part, h.d_sellable, h.d_reserved
                  from {schema}.history h
                 where h.shard = 0 and h.stock = p.stock and h.occurred_at = h.effective_at
                   and h.effective_at > %(after)s and h.effective_at < %(until)s
                   and h.position <= %(known)s
                 order by h.effective_at, h.position, h.part limit %(limit)s::int8)
               union all
               (select h.occurred_at, h.position, h.part, h.d_sellable, h.d_reserved
                  from {schema}.history h
                 where h.shard = 0 and h.stock = p.stock and h.occurred_at < h.effective_at
                   and h.occurred_at > %(after)s and h.occurred_at < %(until)s
                   and h.position <= %(known)s
                 order by h.occurred_at, h.position, h.part limit %(limit)s::int8)) c
         order by p.sku, c.occurred_at, c.position, c.part limit %(limit)s::int8) h
  join ledger.events e on e.shard = 0 and e.position = h.position
 cross join lateral (
       select e.topic = any(%(told)s::text[])
              and (e.topic <> %(sold)s::text
                   or (%(named)s::bytea is not null and position(%(named)s::bytea in e.state) > 0)
                   or position('"conflicts":'::bytea in e.state) > 0
                   or position('"reservation_id":'::bytea in e.state) > 0) as tells) x
 order by h.sku, h.occurred_at, h.position, h.part

-- expiries --
-- Soft holds that ran out after an instant and before another, and still had units open in what
-- was known: nobody had written it down.
select p.sku, p.place, o.expires_at, o.quantity, o.reservation_id
  from unnest(%(stocks)s::int8[], %(numbers)s::int4[], %(places)s::int4[]) as p (stock, sku, place)
 cross join lateral (
       select h.* from {schema}.history_holds h
        where h.shard = 0 and h.stock = p.stock and h.to_position is null
          and h.expires_at > %(after)s and h.expires_at < %(until)s
          and h.from_position <= %(known)s
       union all
       select h.* from {schema}.history_holds h
        where h.shard = 0 and h.stock = p.stock and h.to_position is not null
          and int8range(h.from_position, h.to_position) @> %(known)s::int8
          and h.expires_at > %(after)s and h.expires_at < %(until)s) o
 order by o.expires_at, o.from_position

-- fenced --
-- Which stocks of some SKUs ever had a fence, or a limit.
select f.sku, f.location from {schema}.fences f
 where f.shard = 0 and f.sku = any(%(skus)s::text[]) and f.location = any(%(locations)s::text[])
 union
select b.sku, b.location from {schema}.backorder_limits b
 where b.shard = 0 and b.sku = any(%(skus)s::text[]) and b.location = any(%(locations)s::text[])

-- events_of_fences --
-- The next events of a stock that matter to its fences or its limit.
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0 and stream = %(stream)s and version > %(version)s and position <= %(known)s
   and (topic = any(%(topics)s::text[]) or position('"fence":'::bytea in state) > 0)
 order by version limit %(limit)s

-- states --
-- Events by their positions.
select position, topic, state from ledger.events
 where shard = 0 and position = any(%(positions)s::int8[])

-- definitions --
-- Events of streams by the beginning of their names, up to a position.
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0 and stream >= %(first)s and stream < %(last)s and position <= %(known)s
 order by stream, version

-- events_of --
-- Events of some streams, up to a position and a version of each.
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0 and stream = any(%(streams)s::text[]) and position <= %(known)s
   and version <= %(version)s
 order by stream, version
