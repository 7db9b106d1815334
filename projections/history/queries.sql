-- load_stocks --
-- The numbers of stocks and their balances after their last row.
select s.location, s.sku, s.stock,
       coalesce(h.sellable, 0), coalesce(h.quarantine, 0), coalesce(h.damaged, 0),
       coalesce(h.returned, 0), coalesce(h.blocked, 0), coalesce(h.reserved, 0)
  from unnest(%b::text[], %b::text[]) as c (location, sku)
  join {schema}.history_stocks s
    on s.shard = 0 and s.location = c.location and s.sku = c.sku
  left join lateral (
       select * from {schema}.history h where h.shard = 0 and h.stock = s.stock
        order by position desc, part desc limit 1) h on true

-- load_holds --
-- Open soft holds among those asked for.
select h.stock, h.reservation_id, h.from_position, h.quantity, h.expires_at
  from unnest(%b::int8[], %b::text[]) as c (stock, reservation_id)
  join {schema}.history_holds h
    on h.shard = 0 and h.stock = c.stock and h.reservation_id = c.reservation_id
   and h.to_position is null

-- insert_stocks --
-- Give new stocks their numbers.
insert into {schema}.history_stocks (shard, location, sku, stock)
select 0::smallint, c.* from unnest(%b::text[], %b::text[], %b::int8[]) as c

-- load_ways --
-- What is on its way to stocks among those asked for, and its latest business time.
select w.stock, w.quantity, w.effective_at
  from unnest(%b::int8[]) as c (stock)
  join lateral (
       select * from {schema}.history_in_transit w
        where w.shard = 0 and w.stock = c.stock order by position desc limit 1) w on true

-- insert_in_transit --
-- Changes of what was on its way, with what was on it afterwards.
insert into {schema}.history_in_transit
    (shard, stock, position, occurred_at, effective_at, delta, quantity)
select 0::smallint, c.*
  from unnest(%b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c

-- copy_history --
-- Rows of history, in binary.
copy {schema}.history
    (shard, part, stock, position, occurred_at, effective_at,
     d_sellable, d_quarantine, d_damaged, d_returned, d_blocked, d_reserved,
     sellable, quarantine, damaged, returned, blocked, reserved)
from stdin (format binary)

-- end_holds --
-- Episodes that ended.
update {schema}.history_holds h set to_position = c.to_position
  from unnest(%b::int8[], %b::int8[], %b::int8[]) as c (stock, from_position, to_position)
 where h.shard = 0 and h.stock = c.stock and h.from_position = c.from_position

-- insert_holds --
-- Episodes that began, and those that began and ended within one batch.
insert into {schema}.history_holds
    (shard, stock, reservation_id, from_position, to_position, quantity, expires_at)
select 0::smallint, c.*
  from unnest(%b::int8[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c

-- place_at --
-- The last position recorded at or before an instant, and the head.
select ledger.position_at(0::smallint, %(at)s), h.position from ledger.heads h where h.shard = 0

-- place_of --
-- When a position was recorded, and the head.
select (select e.recorded_at from ledger.events e where e.shard = 0 and e.position = %(position)s),
       h.position
  from ledger.heads h where h.shard = 0

-- list_at --
-- A page of balances by what had happened at `as_of`, as known at `known`.
with place as (
    select position from {schema}.tracking where shard = 0 and projection = 'history'
), page as (
    select s.location, s.sku, s.stock
      from {schema}.history_stocks s
     where s.shard = 0 and abs(s.stock) <= %(known)s
       and (%(sku)s::text is null or s.sku = %(sku)s)
       and (%(location)s::text is null or s.location = %(location)s)
       and (s.location, s.sku) > (%(after_location)s, %(after_sku)s)
     order by s.location, s.sku
     limit %(limit)s
)
select place.position, page.location, page.sku,
       coalesce(b.sellable, 0) + coalesce(c.sellable, 0),
       coalesce(b.quarantine, 0) + coalesce(c.quarantine, 0),
       coalesce(b.damaged, 0) + coalesce(c.damaged, 0),
       coalesce(b.returned, 0) + coalesce(c.returned, 0),
       coalesce(b.blocked, 0) + coalesce(c.blocked, 0),
       coalesce(b.reserved, 0) + coalesce(c.reserved, 0) - coalesce(d.quantity, 0)
           - coalesce(w.quantity, 0),
       page.stock, exists (
           select from {schema}.history_in_transit i
            where i.shard = 0 and i.stock = page.stock and i.position <= %(known)s)
  from place
  left join page on true
  -- The base is the earlier of the two rows; where either is missing it is empty.
  left join lateral (
       select * from (
           select ends.*, count(*) over () as found from (
               (select h.* from {schema}.history h
                 where h.shard = 0 and h.stock = page.stock and h.effective_at <= %(as_of)s
                 order by h.effective_at desc, h.position desc, h.part desc limit 1)
               union all
               (select h.* from {schema}.history h
                 where h.shard = 0 and h.stock = page.stock and h.position <= %(known)s
                 order by h.position desc, h.part desc limit 1)
           ) ends
       ) counted
       where found = 2 order by position, part limit 1) b on true
  left join lateral (
       select sum(h.d_sellable)::bigint as sellable, sum(h.d_quarantine)::bigint as quarantine,
              sum(h.d_damaged)::bigint as damaged, sum(h.d_returned)::bigint as returned,
              sum(h.d_blocked)::bigint as blocked, sum(h.d_reserved)::bigint as reserved
         from {schema}.history h
        where h.stock = page.stock and h.occurred_at < h.effective_at
          and int8range(h.occurred_at, h.effective_at) @> %(as_of)s::int8
          and h.position <= %(known)s) c on true
  -- Soft holds that had run out by `as_of` and were still open in what was known: those that
  -- are open to this day, and those whose end was recorded after `known`.
  left join lateral (
       select sum(o.quantity)::bigint as quantity from {schema}.history_holds o
        where o.shard = 0 and o.stock = page.stock and o.to_position is null
          and o.expires_at <= %(as_of)s and o.from_position <= %(known)s) d on true
  left join lateral (
       select sum(o.quantity)::bigint as quantity from {schema}.history_holds o
        where o.stock = page.stock and o.to_position is not null
          and int8range(o.from_position, o.to_position) @> %(known)s::int8
          and o.expires_at <= %(as_of)s) w on true

-- in_transit_at --
-- What was on its way to some stocks, by what had happened at `as_of`, as known at `known`.
select s.stock, coalesce(t.quantity, 0) + coalesce(u.quantity, 0)
  from unnest(%(stocks)s::int8[]) as s (stock)
  left join lateral (
       select * from (
           select ends.*, count(*) over () as found from (
               (select i.position, i.quantity from {schema}.history_in_transit i
                 where i.shard = 0 and i.stock = s.stock and i.effective_at <= %(as_of)s
                 order by i.effective_at desc, i.position desc limit 1)
               union all
               (select i.position, i.quantity from {schema}.history_in_transit i
                 where i.shard = 0 and i.stock = s.stock and i.position <= %(known)s
                 order by i.position desc limit 1)
           ) ends
       ) counted
       where found = 2 order by position limit 1) t on true
  left join lateral (
       select sum(i.delta)::bigint as quantity from {schema}.history_in_transit i
        where i.stock = s.stock and i.occurred_at < i.effective_at
          and int8range(i.occurred_at, i.effective_at) @> %(as_of)s::int8
          and i.position <= %(known)s) u on true

-- stock_number --
-- A stock's number, and where this projection stands.
select t.position, s.stock
  from {schema}.tracking t
  left join {schema}.history_stocks s
    on s.shard = 0 and s.location = %(location)s and s.sku = %(sku)s
 where t.shard = 0 and t.projection = 'history'

-- fold_at --
-- Balances of one stock as recorded, by what had happened at `as_of`, as known at `known`.
select coalesce(b.sellable, 0) + coalesce(c.sellable, 0),
       coalesce(b.quarantine, 0) + coalesce(c.quarantine, 0),
       coalesce(b.damaged, 0) + coalesce(c.damaged, 0),
       coalesce(b.returned, 0) + coalesce(c.returned, 0),
       coalesce(b.blocked, 0) + coalesce(c.blocked, 0),
       coalesce(b.reserved, 0) + coalesce(c.reserved, 0)
  from (
       select sum(h.d_sellable)::bigint as sellable, sum(h.d_quarantine)::bigint as quarantine,
              sum(h.d_damaged)::bigint as damaged, sum(h.d_returned)::bigint as returned,
              sum(h.d_blocked)::bigint as blocked, sum(h.d_reserved)::bigint as reserved
         from {schema}.history h
        where h.stock = %(stock)s and h.occurred_at < h.effective_at
          and int8range(h.occurred_at, h.effective_at) @> %(as_of)s::int8
          and h.position <= %(known)s) c
  left join lateral (
       select * from (
           select ends.*, count(*) over () as found from (
               (select h.* from {schema}.history h
                 where h.shard = 0 and h.stock = %(stock)s and h.effective_at <= %(as_of)s
                 order by h.effective_at desc, h.position desc, h.part desc limit 1)
               union all
               (select h.* from {schema}.history h
                 where h.shard = 0 and h.stock = %(stock)s and h.position <= %(known)s
                 order by h.position desc, h.part desc limit 1)
           ) ends
       ) counted
       where found = 2 order by position, part limit 1) b on true

-- recorded_page --
-- Rows of one stock in ledger order, with their events.
select h.position, h.part, h.occurred_at, h.effective_at,
       h.d_sellable, h.d_quarantine, h.d_damaged, h.d_returned, h.d_blocked, h.d_reserved,
       h.sellable, h.quarantine, h.damaged, h.returned, h.blocked, h.reserved,
       e.version, e.recorded_at, e.topic, e.state
  from {schema}.history h
  join ledger.events e on e.shard = 0 and e.position = h.position
 where h.shard = 0 and h.stock = %(stock)s
   and (h.position, h.part) > (%(position)s::int8, %(part)s::int4) and h.position <= %(until)s
 order by h.position, h.part limit %(limit)s

-- occurred_page --
-- Rows of one stock in the order in which things happened, with their events. Rows in order and
-- late ones come from an index each, so a page costs a page.
with rows as (
    (select h.* from {schema}.history h
      where h.shard = 0 and h.stock = %(stock)s and h.occurred_at = h.effective_at
        and (h.effective_at, h.position, h.part) > (%(occurred_at)s::int8, %(position)s::int8, %(part)s::int4)
        and h.effective_at <= %(until)s and h.position <= %(known)s
      order by h.effective_at, h.position, h.part limit %(limit)s)
    union all
    (select h.* from {schema}.history h
      where h.shard = 0 and h.stock = %(stock)s and h.occurred_at < h.effective_at
        and (h.occurred_at, h.position, h.part) > (%(occurred_at)s::int8, %(position)s::int8, %(part)s::int4)
        and h.occurred_at <= %(until)s and h.position <= %(known)s
      order by h.occurred_at, h.position, h.part limit %(limit)s)
)
select h.position, h.part, h.occurred_at, h.effective_at,
       h.d_sellable, h.d_quarantine, h.d_damaged, h.d_returned, h.d_blocked, h.d_reserved,
       h.sellable, h.quarantine, h.damaged, h.returned, h.blocked, h.reserved,
       e.version, e.recorded_at, e.topic, e.state
  from (select * from rows order by occurred_at, position, part limit %(limit)s) h
  join ledger.events e on e.shard = 0 and e.position = h.position
 order by h.occurred_at, h.position, h.part

-- skus_at --
-- SKUs that had a history at a location at a position. A stock's number is that of its first event;
-- a negative one is of a stock that was only named as a destination then.
select s.sku from {schema}.history_stocks s
 where s.shard = 0 and s.location = %(location)s and s.stock <= %(known)s
   and (s.stock > 0 or exists (
        select from {schema}.history h
         where h.shard = 0 and h.stock = s.stock and h.position <= %(known)s))
   and s.sku <> all(%(besides)s::text[])
 order by s.sku limit %(limit)s

-- levels_of --
-- Balances of the stocks named, by what had happened at `as_of`, as known at `known`: every name
-- in one question, each for two look-ups. A name the ledger never saw has no row.
select c.place, s.stock,
       coalesce(b.sellable, 0) + coalesce(l.sellable, 0),
       coalesce(b.quarantine, 0) + coalesce(l.quarantine, 0),
       coalesce(b.damaged, 0) + coalesce(l.damaged, 0),
       coalesce(b.returned, 0) + coalesce(l.returned, 0),
       coalesce(b.blocked, 0) + coalesce(l.blocked, 0),
       coalesce(b.reserved, 0) + coalesce(l.reserved, 0) - coalesce(d.quantity, 0)
           - coalesce(w.quantity, 0)
  from unnest(%(locations)s::text[], %(skus)s::text[]) with ordinality as c (location, sku, place)
 -- The limit keeps this a look-up: joined, every piece of a long list would read all stocks.
 cross join lateral (
       select x.stock from {schema}.history_stocks x
        where x.shard = 0 and x.location = c.location and x.sku = c.sku limit 1) s
  left join lateral (
       select * from (
           select ends.*, count(*) over () as found from (
               (select h.* from {schema}.history h
                 where h.shard = 0 and h.stock = s.stock and h.effective_at <= %(as_of)s
                 order by h.effective_at desc, h.position desc, h.part desc limit 1)
               union all
               (select h.* from {schema}.history h
                 where h.shard = 0 and h.stock = s.stock and h.position <= %(known)s
                 order by h.position desc, h.part desc limit 1)
           ) ends
       ) counted
       where found = 2 order by position, part limit 1) b on true
  left join lateral (
       select sum(h.d_sellable)::bigint as sellable, sum(h.d_quarantine)::bigint as quarantine,
              sum(h.d_damaged)::bigint as damaged, sum(h.d_returned)::bigint as returned,
              sum(h.d_blocked)::bigint as blocked, sum(h.d_reserved)::bigint as reserved
         from {schema}.history h
        where h.stock = s.stock and h.occurred_at < h.effective_at
          and int8range(h.occurred_at, h.effective_at) @> %(as_of)s::int8
          and h.position <= %(known)s) l on true
  left join lateral (
       select sum(o.quantity)::bigint as quantity from {schema}.history_holds o
        where %(held)s and o.shard = 0 and o.stock = s.stock and o.to_position is null
          and o.expires_at <= %(as_of)s and o.from_position <= %(known)s) d on true
  left join lateral (
       select sum(o.quantity)::bigint as quantity from {schema}.history_holds o
        where %(held)s and o.stock = s.stock and o.to_position is not null
          and int8range(o.from_position, o.to_position) @> %(known)s::int8
          and o.expires_at <= %(as_of)s) w on true

-- stocks_at --
-- A page of the stocks of a location that had begun at a position. A negative number is of a stock
-- that was only named as a destination then.
select s.stock, s.location, s.sku from {schema}.history_stocks s
 where s.shard = 0 and s.location = %(location)s and s.sku > %(after)s
   and abs(s.stock) <= %(known)s
 order by s.sku limit %(limit)s

-- changes_around --
-- What happened to some stocks around a moment, and what was recorded on either side of a
-- position: of each at most so many rows, each once, with their events.
select a.stock, h.position, h.occurred_at, h.effective_at,
       h.d_sellable, h.d_quarantine, h.d_damaged, h.d_returned, h.d_blocked, h.d_reserved,
       e.recorded_at, e.topic, e.state
  from unnest(%(stocks)s::int8[]) as a (stock)
 cross join lateral (
       -- Before the moment, the nearest first: in order, then late ones, each by their index.
       (select * from {schema}.history h
         where h.shard = 0 and h.stock = a.stock and h.occurred_at = h.effective_at
           and h.effective_at <= %(as_of)s and h.effective_at > %(since)s
           and h.position <= %(known)s
         order by h.effective_at desc, h.position desc, h.part desc limit %(limit)s)
       union
       (select * from {schema}.history h
         where h.shard = 0 and h.stock = a.stock and h.occurred_at < h.effective_at
           and h.occurred_at <= %(as_of)s and h.occurred_at > %(since)s
           and h.position <= %(horizon)s
         order by h.occurred_at desc, h.position desc, h.part desc limit %(limit)s)
       union
       -- After it.
       (select * from {schema}.history h
         where h.shard = 0 and h.stock = a.stock and h.occurred_at = h.effective_at
           and h.effective_at > %(as_of)s and h.effective_at <= %(until)s
           and h.position <= %(known)s
         order by h.effective_at, h.position, h.part limit %(limit)s)
       union
       (select * from {schema}.history h
         where h.shard = 0 and h.stock = a.stock and h.occurred_at < h.effective_at
           and h.occurred_at > %(as_of)s and h.occurred_at <= %(until)s
           and h.position <= %(known)s
         order by h.occurred_at, h.position, h.part limit %(limit)s)
       union
       -- Recorded after the cut, the last first; then after what is known, the first first.
       (select * from (
           select * from {schema}.history h
            where h.shard = 0 and h.stock = a.stock and h.position > %(cut)s
              and h.position <= %(known)s
            order by h.position desc, h.part desc limit %(scanned)s) r
         where r.occurred_at <= %(as_of)s order by r.position desc, r.part desc limit %(limit)s)
       union
       (select * from (
           select * from {schema}.history h
            where h.shard = 0 and h.stock = a.stock and h.position > %(known)s
              and h.position <= %(horizon)s
            order by h.position, h.part limit %(scanned)s) r
         where r.occurred_at <= %(as_of)s order by r.position, r.part limit %(limit)s)
       ) h
  join ledger.events e on e.shard = 0 and e.position = h.position

-- ways_around --
-- Events of transfers to some stocks before a moment, the last first.
select a.stock, i.position, i.occurred_at, i.delta, e.recorded_at, e.topic, e.state
  from unnest(%(stocks)s::int8[]) as a (stock)
 cross join lateral (
       select * from {schema}.history_in_transit i
        where i.shard = 0 and i.stock = a.stock and i.position <= %(known)s
          and i.occurred_at <= %(as_of)s and i.occurred_at > %(since)s
        order by i.position desc limit %(limit)s) i
  join ledger.events e on e.shard = 0 and e.position = i.position
