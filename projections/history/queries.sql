-- load_stocks --
-- The numbers of stocks and their balances after their last row.
select s.location, s.sku, s.stock,
       coalesce(h.sellable, 0), coalesce(h.quarantine, 0), coalesce(h.damaged, 0),
       coalesce(h.returned, 0), coalesce(h.blocked, 0), coalesce(h.reserved, 0)
  from (select 0::smallint as shard, u.*
          from unnest(%b::text[], %b::text[]) as u (location, sku) offset 0) c
  join {schema}.history_stocks s
    on s.shard = c.shard and s.location = c.location and s.sku = c.sku
  left join lateral (
       select * from {schema}.history h where h.shard = 0 and h.stock = s.stock
        order by position desc, part desc limit 1) h on true

-- load_holds --
-- Open soft holds among those asked for.
select h.stock, h.reservation_id, h.from_position, h.quantity, h.expires_at
  from unnest(%b::int8[], %b::text[]) as c (stock, reservation_id)
 cross join lateral (
       select * from {schema}.history_holds h
        where h.shard = 0 and h.stock = c.stock and h.reservation_id = c.reservation_id
          and h.to_position is null offset 0) h

-- load_crowds --
-- Since when stocks have many late rows, or how few they have.
select c.stock, w.crowded_from, coalesce(f.rows, 0), coalesce(w.lateness, 0)
  from (select 0::smallint as shard, u.* from unnest(%b::int8[]) as u (stock) offset 0) c
  left join {schema}.history_crowds w on w.shard = c.shard and w.stock = c.stock
  left join lateral (
       select count(*) as rows from (
           select from {schema}.history h
            where h.shard = 0 and h.stock = c.stock and h.occurred_at < h.effective_at
            limit %b::int8) few
        where w.stock is null) f on true

-- save_crowds --
-- Stocks have many late rows from a position on, none later than so much.
insert into {schema}.history_crowds (shard, stock, crowded_from, lateness)
select 0::smallint, c.* from unnest(%b::int8[], %b::int8[], %b::int8[]) as c
    on conflict (shard, stock) do update set lateness = excluded.lateness

-- add_to_late_sums --
-- Add late rows to the sums of their cells.
insert into {schema}.history_late_sums as s
    (shard, stock, level, chunk, span,
     d_sellable, d_quarantine, d_damaged, d_returned, d_blocked, d_reserved)
select 0::smallint, c.*
  from unnest(%b::int8[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c
    on conflict (shard, stock, level, chunk, span) do update
   set d_sellable = s.d_sellable + excluded.d_sellable,
       d_quarantine = s.d_quarantine + excluded.d_quarantine,
       d_damaged = s.d_damaged + excluded.d_damaged,
       d_returned = s.d_returned + excluded.d_returned,
       d_blocked = s.d_blocked + excluded.d_blocked,
       d_reserved = s.d_reserved + excluded.d_reserved

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

-- insert_history --
-- Rows of history, with the balances after them.
insert into {schema}.history
    (shard, part, stock, position, occurred_at, effective_at,
     d_sellable, d_quarantine, d_damaged, d_returned, d_blocked, d_reserved,
     sellable, quarantine, damaged, returned, blocked, reserved)
select 0::smallint, c.*
  from unnest(%b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c

-- end_holds --
-- Episodes that ended.
update {schema}.history_holds h set to_position = c.to_position
  from (select 0::smallint as shard, u.*
          from unnest(%b::int8[], %b::int8[], %b::int8[])
               as u (stock, from_position, to_position) offset 0) c
 where h.shard = c.shard and h.stock = c.stock and h.from_position = c.from_position

-- insert_holds --
-- Episodes that began, and those that began and ended within one batch.
insert into {schema}.history_holds
    (shard, stock, reservation_id, from_position, to_position, quantity, expires_at)
select 0::smallint, c.*
  from unnest(%b::int8[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c

-- list_at --
-- A page of balances by what had happened at `as_of`, as known at `known`. In the order of names
-- the page is chosen first; in the order of a balance, among all.
with place as (
    select position from {schema}.tracking where shard = 0 and projection = 'history'
), page as (
    select * from (
        {asked}
           {after_name}
         {limit_names}) named
     order by stock  -- So that stocks are neighbours in every index that is searched for each.
), levels as (
{levels}
)
select place.position, l.location, l.sku, l.sellable, l.quarantine, l.damaged, l.returned,
       l.blocked, l.reserved, l.stock, exists (
           select from {schema}.history_in_transit i
            where i.shard = 0 and i.stock = l.stock and i.position <= %(known)s)
  from place
  left join (select * from levels l {after_balance} {limit_balances}) l on true
 {order}

-- stock_at --
-- What one stock had by what had happened at `as_of`, as known at `known`: `list_at` of one stock,
-- step by step.
select t.position, s.*
  from {schema}.tracking t
  left join {schema}.stock_at(
       %(location)s::text, %(sku)s::text, %(as_of)s::int8, %(known)s::int8, %(whole)s::bool,
       %(chunk)s::int4, %(chunks)s::int4, %(span)s::int4, %(spans)s::int4) s on true
 where t.shard = 0 and t.projection = 'history'

-- totals_at --
-- Sums over stocks by what had happened at `as_of`, as known at `known`; a page of groups.
with place as (
    select position from {schema}.tracking where shard = 0 and projection = 'history'
), page as (
    {asked}
       {groups}
     order by s.stock
), levels as (
{levels}
), ways as (
    select page.location, page.sku, i.quantity
      from page
     cross join lateral ({in_transit}) i (stock, quantity)
     where exists (select from {schema}.history_in_transit w
                    where w.shard = 0 and w.stock = page.stock)
), parts as (
    select location, sku, 1 as stocks, sellable, quarantine, damaged, returned, blocked, reserved,
           0 as in_transit
      from levels
     union all
    select location, sku, 0, 0, 0, 0, 0, 0, 0, quantity from ways
)
select place.position, t.*
  from place
  left join (
       select {group} as name, coalesce(sum(l.stocks), 0), sum(l.sellable), sum(l.quarantine),
              sum(l.damaged), sum(l.returned), sum(l.blocked), sum(l.reserved), sum(l.in_transit)
         from parts l
        {group_by}) t on true
 order by t.name

-- of_group --
-- Narrows totals to the stocks of a page's groups, of which `history_stocks` has an index each.
and s.{group} in (
    select distinct g.{group} from {schema}.history_stocks g
     where g.shard = 0 and abs(g.stock) <= %(known)s
       and (%(sku)s::text is null or g.sku = %(sku)s)
       and (%(location)s::text is null or g.location = %(location)s)
       and g.{group} > %(after)s
     order by g.{group} limit %(limit)s)

-- asked --
-- A part of other statements: the stocks that a question is about.
select s.location, s.sku, s.stock, w.crowded_from
  from {schema}.history_stocks s
  left join {schema}.history_crowds w on w.shard = 0 and w.stock = s.stock
 where s.shard = 0 and abs(s.stock) <= %(known)s
   and (%(sku)s::text is null or s.sku = %(sku)s)
   and (%(location)s::text is null or s.location = %(location)s)

-- as_recorded --
-- A part of other statements: what stocks of `page` had as recorded (b + c + m).
  -- The base is the earlier of two rows: the last that was effective at `as_of`, and the last that
  -- was known. Where the first was known, it is the earlier; else the other is looked for, too.
  -- `whole`: all that was known had happened by `as_of`, so that only the other counts.
  left join lateral (
       select h.* from {schema}.history h
        where h.shard = 0 and h.stock = page.stock and h.effective_at <= %(as_of)s
          and not %(whole)s
        order by h.effective_at desc, h.position desc, h.part desc limit 1) e on true
  left join lateral (
       select e.sellable, e.quarantine, e.damaged, e.returned, e.blocked, e.reserved
        where e.position <= %(known)s
       union all
       (select h.sellable, h.quarantine, h.damaged, h.returned, h.blocked, h.reserved
          from {schema}.history h
         where h.shard = 0 and h.stock = page.stock and h.position <= %(known)s
           and (%(whole)s or e.position > %(known)s)
         order by h.position desc, h.part desc limit 1)) b on true
  -- Late rows after the first of those two, as long as they are few (c). Of many they are a
  -- rectangle, by position and by business time: sums of cells fill its middle, rows its edges (m).
  -- Each piece is a look-up of its own, whatever the planner believes about the tables' sizes.
  left join lateral (
       select sum(h.d_sellable)::bigint as sellable, sum(h.d_quarantine)::bigint as quarantine,
              sum(h.d_damaged)::bigint as damaged, sum(h.d_returned)::bigint as returned,
              sum(h.d_blocked)::bigint as blocked, sum(h.d_reserved)::bigint as reserved
         from {schema}.history h
        where h.shard = 0 and h.stock = page.stock and h.occurred_at < h.effective_at
          and h.position > coalesce(e.position, 0) and h.position <= %(known)s
          and h.position < coalesce(page.crowded_from, 9223372036854775807)
          and h.occurred_at <= %(as_of)s and not %(whole)s) c on true
{many}

-- crowded --
-- A part of those statements: the sum of late rows where they are many.
  left join lateral (
       select *, first >> %(chunk)s::int as chunk, last >> %(chunk)s::int as last_chunk,
              first >> %(chunks)s::int as chunks, last >> %(chunks)s::int as last_chunks,
              %(as_of)s::int8 >> %(span)s::int as span, %(as_of)s::int8 >> %(spans)s::int as spans,
              %(chunks)s::int - %(chunk)s::int as step, %(spans)s::int - %(span)s::int as leap
         from (select greatest(coalesce(e.position, 0) + 1, page.crowded_from) as first,
                      %(known)s::int8 as last) bounds
        where page.crowded_from <= %(known)s and not %(whole)s offset 0) x on true
  left join lateral (
       select sum(q.sellable)::bigint as sellable,
              sum(q.quarantine)::bigint as quarantine,
              sum(q.damaged)::bigint as damaged,
              sum(q.returned)::bigint as returned,
              sum(q.blocked)::bigint as blocked,
              sum(q.reserved)::bigint as reserved
         from (
           select h.*
             from (values
                   (2, x.chunks + 1, x.last_chunks),
                   (0, x.chunk + 1, least(x.last_chunk, (x.chunks + 1) << x.step)),
                   (0, greatest(x.last_chunks, x.chunks + 1) << x.step, x.last_chunk)
                  ) r (level, low, high)
            cross join (values
                   (1, -9223372036854775808, x.spans),
                   (0, x.spans << x.leap, x.span)) t (level, low, high)
            cross join lateral (
                  select coalesce(sum(h.d_sellable), 0)::bigint as sellable,
                         coalesce(sum(h.d_quarantine), 0)::bigint as quarantine,
                         coalesce(sum(h.d_damaged), 0)::bigint as damaged,
                         coalesce(sum(h.d_returned), 0)::bigint as returned,
                         coalesce(sum(h.d_blocked), 0)::bigint as blocked,
                         coalesce(sum(h.d_reserved), 0)::bigint as reserved
                    from {schema}.history_late_sums h
                   where h.shard = 0 and h.stock = page.stock and h.level = r.level + t.level
                     and h.chunk >= r.low and h.chunk < r.high
                     and h.span >= t.low and h.span < t.high) h
           union all
           select h.*
             from (values
                   (x.first, least(x.last, ((x.chunk + 1) << %(chunk)s::int) - 1)),
                   (greatest(x.last_chunk, x.chunk + 1) << %(chunk)s::int, x.last)) r (low, high)
            cross join lateral (
                  select coalesce(sum(h.d_sellable), 0)::bigint as sellable,
                         coalesce(sum(h.d_quarantine), 0)::bigint as quarantine,
                         coalesce(sum(h.d_damaged), 0)::bigint as damaged,
                         coalesce(sum(h.d_returned), 0)::bigint as returned,
                         coalesce(sum(h.d_blocked), 0)::bigint as blocked,
                         coalesce(sum(h.d_reserved), 0)::bigint as reserved
                    from {schema}.history h
                   where h.shard = 0 and h.stock = page.stock and h.occurred_at < h.effective_at
                     and h.position >= r.low and h.position <= r.high
                     and h.occurred_at + 0 <= %(as_of)s) h
           union all
           select coalesce(sum(h.d_sellable), 0)::bigint as sellable,
                  coalesce(sum(h.d_quarantine), 0)::bigint as quarantine,
                  coalesce(sum(h.d_damaged), 0)::bigint as damaged,
                  coalesce(sum(h.d_returned), 0)::bigint as returned,
                  coalesce(sum(h.d_blocked), 0)::bigint as blocked,
                  coalesce(sum(h.d_reserved), 0)::bigint as reserved
             from {schema}.history h
            where h.shard = 0 and h.stock = page.stock and h.occurred_at < h.effective_at
              and h.occurred_at >= x.span << %(span)s::int and h.occurred_at <= %(as_of)s
              and h.position + 0 >= (x.chunk + 1) << %(chunk)s::int
              and h.position + 0 < x.last_chunk << %(chunk)s::int) q
        where x.first is not null) m on true

-- uncrowded --
-- The same where no stock that is asked about has many: not even planned.
  left join lateral (
       select 0::bigint as sellable, 0::bigint as quarantine, 0::bigint as damaged,
              0::bigint as returned, 0::bigint as blocked, 0::bigint as reserved) m on true

-- any_crowd --
-- Whether a stock that is asked about has many late rows. Who crowds later does so beyond what is
-- known now.
select exists (
    select from {schema}.history_crowds w
      join {schema}.history_stocks s on s.shard = 0 and s.stock = w.stock
     where w.shard = 0
       and (%(sku)s::text is null or s.sku = %(sku)s)
       and (%(location)s::text is null or s.location = %(location)s))

-- levels_at --
-- What each stock of a page had by what had happened at `as_of`, as known at `known`.
select page.location, page.sku, page.stock,
       coalesce(b.sellable, 0) + coalesce(c.sellable, 0) + coalesce(m.sellable, 0) as sellable,
       coalesce(b.quarantine, 0) + coalesce(c.quarantine, 0) + coalesce(m.quarantine, 0) as quarantine,
       coalesce(b.damaged, 0) + coalesce(c.damaged, 0) + coalesce(m.damaged, 0) as damaged,
       coalesce(b.returned, 0) + coalesce(c.returned, 0) + coalesce(m.returned, 0) as returned,
       coalesce(b.blocked, 0) + coalesce(c.blocked, 0) + coalesce(m.blocked, 0) as blocked,
       coalesce(b.reserved, 0) + coalesce(c.reserved, 0) + coalesce(m.reserved, 0)
           - coalesce(d.quantity, 0) - coalesce(w.quantity, 0) as reserved
  from {page}
{as_recorded}
  -- Soft holds that had run out by `as_of` and were still open in what was known: those that
  -- are open to this day, and those whose end was recorded after `known`.
  left join lateral (
       select sum(o.quantity)::bigint as quantity from {schema}.history_holds o
        where o.shard = 0 and o.stock = page.stock and o.to_position is null
          and o.expires_at <= %(as_of)s and o.from_position <= %(known)s) d on true
  left join {ended} (
       select o.stock, sum(o.quantity)::bigint as quantity from {schema}.history_holds o
        where {ended_of} o.to_position is not null
          and int8range(o.from_position, o.to_position) @> %(known)s::int8
          and o.expires_at <= %(as_of)s
        group by o.stock) w on w.stock = page.stock

-- sizes --
-- About how many stocks there are, and how many holds that have ended.
select (select c.reltuples from pg_class c where c.oid = '{schema}.history_stocks'::regclass),
       (select c.reltuples from pg_class c where c.oid = '{schema}.history_holds_closed'::regclass)

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
select coalesce(b.sellable, 0) + coalesce(c.sellable, 0) + coalesce(m.sellable, 0),
       coalesce(b.quarantine, 0) + coalesce(c.quarantine, 0) + coalesce(m.quarantine, 0),
       coalesce(b.damaged, 0) + coalesce(c.damaged, 0) + coalesce(m.damaged, 0),
       coalesce(b.returned, 0) + coalesce(c.returned, 0) + coalesce(m.returned, 0),
       coalesce(b.blocked, 0) + coalesce(c.blocked, 0) + coalesce(m.blocked, 0),
       coalesce(b.reserved, 0) + coalesce(c.reserved, 0) + coalesce(m.reserved, 0)
  from (select s.stock, w.crowded_from
          from (select %(stock)s::int8 as stock) s
          left join {schema}.history_crowds w on w.shard = 0 and w.stock = s.stock) page
{as_recorded}

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
-- in one question, each for a few look-ups. A name the ledger never saw has no row.
select page.place, page.stock,
       coalesce(b.sellable, 0) + coalesce(c.sellable, 0) + coalesce(m.sellable, 0),
       coalesce(b.quarantine, 0) + coalesce(c.quarantine, 0) + coalesce(m.quarantine, 0),
       coalesce(b.damaged, 0) + coalesce(c.damaged, 0) + coalesce(m.damaged, 0),
       coalesce(b.returned, 0) + coalesce(c.returned, 0) + coalesce(m.returned, 0),
       coalesce(b.blocked, 0) + coalesce(c.blocked, 0) + coalesce(m.blocked, 0),
       coalesce(b.reserved, 0) + coalesce(c.reserved, 0) + coalesce(m.reserved, 0)
           - coalesce(d.quantity, 0) - coalesce(w.quantity, 0)
  from (select c.place, s.stock, w.crowded_from
          from unnest(%(locations)s::text[], %(skus)s::text[])
               with ordinality as c (location, sku, place)
         -- The limit keeps this a look-up: joined, every piece of a long list would read all
         -- stocks.
         cross join lateral (
               select x.stock from {schema}.history_stocks x
                where x.shard = 0 and x.location = c.location and x.sku = c.sku limit 1) s
          left join {schema}.history_crowds w on w.shard = 0 and w.stock = s.stock) page
{as_recorded}
  left join lateral (
       select sum(o.quantity)::bigint as quantity from {schema}.history_holds o
        where %(held)s and o.shard = 0 and o.stock = page.stock and o.to_position is null
          and o.expires_at <= %(as_of)s and o.from_position <= %(known)s) d on true
  left join lateral (
       select sum(o.quantity)::bigint as quantity from {schema}.history_holds o
        where %(held)s and o.stock = page.stock and o.to_position is not null
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
