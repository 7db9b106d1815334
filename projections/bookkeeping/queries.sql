-- load_stocks --
-- The books of stocks among those asked for, and how many entries each has.
select b.location, b.sku, b.book, b.place, coalesce(e.number + 1, 0)
  from (select 0::smallint as shard, u.*
          from unnest(%b::text[], %b::text[]) as u (location, sku) offset 0) c
  join {schema}.statement_books b
    on b.shard = c.shard and b.location = c.location and b.sku = c.sku
  left join lateral (
       select e.number from {schema}.statement_entries e
        where e.shard = 0 and e.book = b.book
        order by e.position desc, e.leg desc limit 1) e on true

-- load_places --
-- The books of locations among those asked for.
select b.location, b.book
  from unnest(%b::text[]) as c (location)
 cross join lateral (
       select * from {schema}.statement_books b
        where b.shard = 0 and b.location = c.location and b.sku = '' offset 0) b

-- list_places --
-- The books of all locations.
select b.book from {schema}.statement_books b where b.shard = 0 and b.sku = ''

-- load_kinds --
-- The numbers of kinds among those asked for.
select k.kind, k.from_bucket, k.to_bucket, k.type, k.reason
  from (select 0::smallint as shard, u.*
          from unnest(%b::text[], %b::text[], %b::text[], %b::text[])
               as u (from_bucket, to_bucket, type, reason) offset 0) c
  join {schema}.statement_kinds k
    on k.shard = c.shard and k.type = c.type and k.from_bucket = c.from_bucket
   and k.to_bucket = c.to_bucket and k.reason = c.reason

-- count_kinds --
-- How many kinds there are.
select coalesce(max(kind), 0) from {schema}.statement_kinds where shard = 0

-- load_sums --
-- What locations have in the block of positions that is not yet full.
select e.place, ((e.occurred_at - -62135596800000000) / 86400000000)::int4, e.kind,
       sum(e.quantity)::int8, count(*)
  from {schema}.statement_entries e where e.shard = 0 and e.position > %b
 group by 1, 2, 3

-- insert_books --
-- Give new stocks and locations their books.
insert into {schema}.statement_books (shard, location, sku, book, place)
select 0::smallint, c.* from unnest(%b::text[], %b::text[], %b::int8[], %b::int8[]) as c

-- insert_kinds --
-- Number new kinds.
insert into {schema}.statement_kinds (shard, kind, from_bucket, to_bucket, type, reason)
select 0::smallint, c.*
  from unnest(%b::int8[], %b::text[], %b::text[], %b::text[], %b::text[]) as c

-- insert_entries --
-- Entries of books.
insert into {schema}.statement_entries
    (shard, leg, kind, book, place, position, number, occurred_at, quantity)
select 0::smallint, c.*
  from unnest(%b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[]) as c

-- insert_cells --
-- Sums of full blocks of positions.
insert into {schema}.statement_cells (shard, level, book, block, day, kind, quantity, entries)
select 0::smallint, 0::smallint, c.*
  from unnest(%b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c

-- fill_stocks --
-- Sums of full blocks of the entries of stocks: from a block to before another one, of a stock
-- that has so many entries by now.
insert into {schema}.statement_cells (shard, level, book, block, day, kind, quantity, entries)
select 0::smallint, 0::smallint, c.book, e.number / p.size,
       (e.occurred_at - -62135596800000000) / 86400000000, e.kind, sum(e.quantity)::int8, count(*)
  from (select %b::int8 as size) p
 cross join unnest(%b::int8[], %b::int8[], %b::int8[], %b::int8[]) as c (book, first, until, total)
 cross join lateral (
       select e.number, e.occurred_at, e.kind, e.quantity from {schema}.statement_entries e
        where e.shard = 0 and e.book = c.book
        order by e.position desc, e.leg desc limit c.total - c.first * p.size) e
 where e.number < c.until * p.size
 group by c.book, 4, 5, e.kind

-- merge_blocks --
-- Sums of blocks of a level, from the sixteen below each.
insert into {schema}.statement_cells (shard, level, book, block, day, kind, quantity, entries)
select 0::smallint, %b::smallint, c.book, c.block, s.day, s.kind, sum(s.quantity)::int8,
       sum(s.entries)::int8
  from (select 0::smallint as shard, %b::smallint as level, u.*
          from unnest(%b::int8[], %b::int8[]) as u (book, block) offset 0) c
  join {schema}.statement_cells s
    on s.shard = c.shard and s.book = c.book and s.level = c.level
   and s.block >= c.block * 16 and s.block < (c.block + 1) * 16
 group by c.book, c.block, s.day, s.kind

-- stand --
-- Where this projection stands.
select position from {schema}.tracking where shard = 0 and projection = 'statements'

-- list_skus --
-- A page of SKUs of which something had moved, each with the books of its stocks.
select b.sku, b.book
  from (select distinct s.sku from {schema}.statement_books s
         where s.shard = 0 and s.sku > %(after)s and abs(s.book) <= %(known)s
           and (%(sku)s::text is null or s.sku = %(sku)s)
           and (%(location)s::text is null or s.location = %(location)s)
         order by s.sku limit %(limit)s) page
  join {schema}.statement_books b
    on b.shard = 0 and b.sku = page.sku and abs(b.book) <= %(known)s
   and (%(location)s::text is null or b.location = %(location)s)
 order by b.sku

-- list_locations --
-- A page of locations: the book of each, or of a stock there.
select b.location, b.book from {schema}.statement_books b
 where b.shard = 0 and b.location > %(after)s and b.sku = %(sku)s and abs(b.book) <= %(known)s
   and (%(location)s::text is null or b.location = %(location)s)
 order by b.location limit %(limit)s

-- list_books --
-- The books of a SKU's stocks, or of one location (its SKU is empty).
select b.book from {schema}.statement_books b
 where b.shard = 0 and b.sku = %(sku)s and abs(b.book) <= %(known)s
   and (%(location)s::text is null or b.location = %(location)s)

-- sum_stocks --
-- Sums by kind over books of stocks, in groups: of what was before `start`, and of what was from
-- then on and before `until`, as known at `known`. Whole days of full blocks are read as cells; one
-- by one only the entries of the days that `start` and `until` divide, and those in no full block.
with known as materialized (
    select a.part, a.book, e.number + 1 as total, (e.number + 1) / %(size)s as blocks
      from unnest(%(parts)s::int8[], %(books)s::int8[]) as a (part, book)
     cross join lateral (
           select e.number from {schema}.statement_entries e
            where e.shard = 0 and e.book = a.book and e.position <= %(known)s
            order by e.position desc, e.leg desc limit 1) e
), sums as (
    select k.part, c.kind, sum(c.quantity) filter (where c.day < %(start_day)s) as before,
           sum(c.quantity) filter (where c.day >= %(start_day)s) as within,
           sum(c.entries) filter (where c.day >= %(start_day)s) as entries
      from known k
     cross join generate_series(0, 9) as l (level)
     cross join lateral (select k.blocks >> (4 * l.level) as full_blocks) f
     cross join lateral (
           select c.kind, c.day, c.quantity, c.entries from {schema}.statement_cells c
            where c.shard = 0 and c.book = k.book and c.level = l.level
              and c.block >= (f.full_blocks >> 4) << 4 and c.block < f.full_blocks
              and c.day < %(until_day)s
           offset 0) c  -- By itself, and so by its index: joined, all cells there are would be read.
     where f.full_blocks > 0
     group by k.part, c.kind
    union all
    select k.part, e.kind, sum(e.quantity), - sum(e.quantity), - count(*)
      from known k
     cross join lateral (
           select e.kind, e.quantity from {schema}.statement_entries e
            where e.shard = 0 and e.book = k.book and e.occurred_at >= %(start_dawn)s
              and e.occurred_at < %(start)s and e.number < k.blocks * %(size)s) e
     where k.blocks > 0
     group by k.part, e.kind
    union all
    select k.part, e.kind, null, sum(e.quantity), count(*)
      from known k
     cross join lateral (
           select e.kind, e.quantity from {schema}.statement_entries e
            where e.shard = 0 and e.book = k.book and e.occurred_at >= %(until_dawn)s
              and e.occurred_at < %(until)s and e.number < k.blocks * %(size)s) e
     where k.blocks > 0
     group by k.part, e.kind
    union all
    select k.part, e.kind, sum(e.quantity) filter (where e.occurred_at < %(start)s),
           sum(e.quantity) filter (where e.occurred_at >= %(start)s),
           count(*) filter (where e.occurred_at >= %(start)s)
      from known k
     cross join lateral (
           select e.kind, e.occurred_at, e.quantity from {schema}.statement_entries e
            where e.shard = 0 and e.book = k.book and e.position <= %(known)s
            order by e.position desc, e.leg desc limit k.total - k.blocks * %(size)s) e
     where e.occurred_at < %(until)s
     group by k.part, e.kind
)
select s.part, k.from_bucket, k.to_bucket, k.type, k.reason, coalesce(sum(s.before), 0)::int8,
       coalesce(sum(s.within), 0)::int8, coalesce(sum(s.entries), 0)::int8
  from sums s join {schema}.statement_kinds k on k.shard = 0 and k.kind = s.kind
 group by s.part, k.from_bucket, k.to_bucket, k.type, k.reason
 order by s.part, k.from_bucket, k.to_bucket, k.type, k.reason

-- sum_places --
-- The same over the books of locations and of the network, whose blocks are of positions.
with known as materialized (
    select a.part, a.book, %(known)s::int8 / %(size)s as blocks,
           %(known)s::int8 / %(size)s * %(size)s as whole
      from unnest(%(parts)s::int8[], %(books)s::int8[]) as a (part, book)
), places as materialized (
    select k.part, k.whole, b.book
      from known k
      join {schema}.statement_books b
        on b.shard = 0 and b.sku = '' and (k.book = 0 or b.book = k.book)
), sums as (
    select k.part, c.kind, sum(c.quantity) filter (where c.day < %(start_day)s) as before,
           sum(c.quantity) filter (where c.day >= %(start_day)s) as within,
           sum(c.entries) filter (where c.day >= %(start_day)s) as entries
      from known k
     cross join generate_series(0, 9) as l (level)
     cross join lateral (select k.blocks >> (4 * l.level) as full_blocks) f
     cross join lateral (
           select c.kind, c.day, c.quantity, c.entries from {schema}.statement_cells c
            where c.shard = 0 and c.book = k.book and c.level = l.level
              and c.block >= (f.full_blocks >> 4) << 4 and c.block < f.full_blocks
              and c.day < %(until_day)s
           offset 0) c  -- By itself, and so by its index: joined, all cells there are would be read.
     where f.full_blocks > 0
     group by k.part, c.kind
    union all
    select p.part, e.kind, sum(e.quantity), - sum(e.quantity), - count(*)
      from places p
     cross join lateral (
           select e.kind, e.quantity from {schema}.statement_entries e
            where e.shard = 0 and e.place = p.book and e.occurred_at >= %(start_dawn)s
              and e.occurred_at < %(start)s and e.position <= p.whole) e
     group by p.part, e.kind
    union all
    select p.part, e.kind, null, sum(e.quantity), count(*)
      from places p
     cross join lateral (
           select e.kind, e.quantity from {schema}.statement_entries e
            where e.shard = 0 and e.place = p.book and e.occurred_at >= %(until_dawn)s
              and e.occurred_at < %(until)s and e.position <= p.whole) e
     group by p.part, e.kind
    union all
    select p.part, e.kind, sum(e.quantity) filter (where e.occurred_at < %(start)s),
           sum(e.quantity) filter (where e.occurred_at >= %(start)s),
           count(*) filter (where e.occurred_at >= %(start)s)
      from {schema}.statement_entries e
      join places p on p.book = e.place
     where e.shard = 0 and e.position > %(known)s::int8 / %(size)s * %(size)s
       and e.position <= %(known)s and e.occurred_at < %(until)s
     group by p.part, e.kind
)
select s.part, k.from_bucket, k.to_bucket, k.type, k.reason, coalesce(sum(s.before), 0)::int8,
       coalesce(sum(s.within), 0)::int8, coalesce(sum(s.entries), 0)::int8
  from sums s join {schema}.statement_kinds k on k.shard = 0 and k.kind = s.kind
 group by s.part, k.from_bucket, k.to_bucket, k.type, k.reason
 order by s.part, k.from_bucket, k.to_bucket, k.type, k.reason

-- stock_entries --
-- A page of entries of stocks, in the order in which they happened, with their events.
with kinds as materialized (
    select k.* from {schema}.statement_kinds k
     where k.shard = 0
       and (%(from_bucket)s::text is null or k.from_bucket = %(from_bucket)s)
       and (%(to_bucket)s::text is null or k.to_bucket = %(to_bucket)s)
       and (%(counter)s::text is null or %(counter)s in (k.from_bucket, k.to_bucket))
       and (%(type)s::text is null or k.type = %(type)s)
       and (%(reason)s::text is null or k.reason = %(reason)s)
), page as (
    select e.* from unnest(%(books)s::int8[]) as b (book)
     cross join lateral (
           select e.* from {schema}.statement_entries e
            where e.shard = 0 and e.book = b.book
              and (e.occurred_at, e.position, e.leg)
                  > (%(occurred_at)s::int8, %(position)s::int8, %(leg)s::int2)
              and e.occurred_at < %(until)s::int8
              and e.position <= %(known)s and e.position > %(known_after)s
              and (%(every)s or e.kind = any (array(select kind from kinds)))
            order by e.occurred_at, e.position, e.leg limit %(limit)s) e
     order by e.occurred_at, e.position, e.leg limit %(limit)s
)
select p.position, p.leg, p.occurred_at, p.quantity, k.from_bucket, k.to_bucket,
       e.recorded_at, e.topic, e.state
  from page p
  join {schema}.statement_kinds k on k.shard = 0 and k.kind = p.kind
  join ledger.events e on e.shard = 0 and e.position = p.position
 order by p.occurred_at, p.position, p.leg

-- place_entries --
-- The same of locations, which all together are the network.
with kinds as materialized (
    select k.* from {schema}.statement_kinds k
     where k.shard = 0
       and (%(from_bucket)s::text is null or k.from_bucket = %(from_bucket)s)
       and (%(to_bucket)s::text is null or k.to_bucket = %(to_bucket)s)
       and (%(counter)s::text is null or %(counter)s in (k.from_bucket, k.to_bucket))
       and (%(type)s::text is null or k.type = %(type)s)
       and (%(reason)s::text is null or k.reason = %(reason)s)
), page as (
    select e.* from unnest(%(books)s::int8[]) as b (book)
     cross join lateral (
           select e.* from {schema}.statement_entries e
            where e.shard = 0 and e.place = b.book
              and (e.occurred_at, e.position, e.leg)
                  > (%(occurred_at)s::int8, %(position)s::int8, %(leg)s::int2)
              and e.occurred_at < %(until)s::int8
              and e.position <= %(known)s and e.position > %(known_after)s
              and (%(every)s or e.kind = any (array(select kind from kinds)))
            order by e.occurred_at, e.position, e.leg limit %(limit)s) e
     order by e.occurred_at, e.position, e.leg limit %(limit)s
)
select p.position, p.leg, p.occurred_at, p.quantity, k.from_bucket, k.to_bucket,
       e.recorded_at, e.topic, e.state
  from page p
  join {schema}.statement_kinds k on k.shard = 0 and k.kind = p.kind
  join ledger.events e on e.shard = 0 and e.position = p.position
 order by p.occurred_at, p.position, p.leg

-- insert_periods --
-- Periods that were closed.
insert into {schema}.statement_periods
    (shard, period_id, location, starts_at, ends_at, known_position, follows, closed_at, position)
select 0::smallint, c.*
  from unnest(%b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::text[], %b::int8[],
              %b::int8[]) as c

-- get_period --
-- One period, where the one before it was closed, and where this projection stands.
select t.position, p.period_id, p.location, p.starts_at, p.ends_at, p.known_position, p.follows,
       p.closed_at, p.position, b.known_position
  from {schema}.tracking t
  left join {schema}.statement_periods p on p.shard = 0 and p.period_id = %(period_id)s
  left join {schema}.statement_periods b on b.shard = 0 and b.period_id = p.follows
 where t.shard = 0 and t.projection = 'statements'

-- list_periods --
-- A page of periods, the last closed first.
with page as (
    select * from {schema}.statement_periods p
     where p.shard = 0 and p.position < %(before)s
       and (%(location)s::text is null or p.location = %(location)s)
     order by p.position desc limit %(limit)s)
select t.position, p.period_id, p.location, p.starts_at, p.ends_at, p.known_position, p.follows,
       p.closed_at, p.position, b.known_position
  from {schema}.tracking t left join page p on true
  left join {schema}.statement_periods b on b.shard = 0 and b.period_id = p.follows
 where t.shard = 0 and t.projection = 'statements' order by p.position desc
