-- places --
-- How far the projections have read that answers come from, which of them is behind and what
-- stopped it, when the last event that all of them know was recorded, whether there are channels,
-- and where a channel and a location last changed.
with t as (
    select projection, position, error from {schema}.tracking
     where shard = 0 and projection in ('stock', 'fences', 'catalog', 'channels')
)
select min(t.position), max(t.position), (array_agg(t.projection order by t.position))[1],
       max(t.error),
       (select (extract(epoch from e.recorded_at) * 1000000)::bigint from ledger.events e
         where e.shard = 0 and e.position = (select min(position) from t)),
       exists (select from {schema}.channels where shard = 0),
       (select max(position) from {schema}.channels where shard = 0),
       (select max(position) from {schema}.catalog_locations where shard = 0)
  from t

-- channels --
-- Channels as they stand: all of them, or one.
select channel, locations, kinds, tags, by_location, rules, measured_s, version, defined_at
  from {schema}.channels
 where shard = 0 and (%(channel)s::text is null or channel = %(channel)s::text)

-- locations --
-- Of every location what channels ask of it.
select location, kind, sells, tags from {schema}.catalog_locations where shard = 0

-- skus --
-- Of SKUs what rules ask of them, where somebody has defined them. Here and below `offset 0` keeps a
-- look-up a look-up, whatever the planner believes of tables it has no statistics of.
select x.sku, x.base_unit, x.scale, x.packs, x.class
  from unnest(%(skus)b::text[]) as w (sku)
 cross join lateral (
       select c.* from {schema}.catalog_skus c where c.shard = 0 and c.sku = w.sku offset 0) x

-- stocks --
-- The stocks of SKUs at locations; what ran out by `now` no longer counts as reserved. One that only
-- has something on its way is not yet sold.
select s.sku, s.location, s.sellable, s.reserved - coalesce(gone.units, 0)::bigint,
       coalesce(b.units, 0), coming.expires_at, gone.expired_at
  from unnest(%(skus)b::text[]) as w (sku)
 cross join lateral (
       select t.* from {schema}.stock t
        where t.shard = 0 and t.sku = w.sku and t.location = any(%(locations)b::text[])
          and t.version > 0 offset 0) s
  left join lateral (
       select sum(h.quantity) as units, max(h.expires_at) as expired_at from {schema}.stock_holds h
        where h.shard = 0 and h.location = s.location and h.sku = s.sku
          and h.expires_at <= %(now)s) gone on s.reserved <> 0
  left join lateral (
       select h.expires_at from {schema}.stock_holds h
        where h.shard = 0 and h.location = s.location and h.sku = s.sku
          and h.expires_at > %(now)s
        order by h.expires_at limit 1) coming on s.reserved <> 0
  left join lateral (
       select l.units from {schema}.backorder_limits l
        where l.shard = 0 and l.location = s.location and l.sku = s.sku offset 0) b on true
 order by s.sku, s.location

-- fences --
-- What is free of the fences of SKUs; what a hold that ran out by `now` had of one is free again.
select f.sku, f.location, f.channel, f.free + coalesce(back.units, 0)::bigint
  from unnest(%(skus)b::text[]) as w (sku)
 cross join lateral (
       select g.* from {schema}.fences g
        where g.shard = 0 and g.sku = w.sku and g.location = any(%(locations)b::text[]) offset 0) f
  left join lateral (
       select sum(h.quantity) as units from {schema}.fence_holds h
        where h.shard = 0 and h.location = f.location and h.sku = f.sku
          and h.channel = f.channel and h.expires_at <= %(now)s) back
    on exists (
       select from {schema}.stock_holds g
        where g.shard = 0 and g.location = f.location and g.sku = f.sku
          and g.expires_at <= %(now)s)

-- touched --
-- Streams of stocks and of SKUs that were touched in a range of positions.
select distinct stream from ledger.events
 where shard = 0 and position > %(after)s and position <= %(until)s
   and (stream like 'stock/%%' or stream like 'sku/%%')

-- sold --
-- The next SKUs of a channel: those it sells, and those it was told of.
with recursive told as (
    (select sku from telling.channel_log
      where shard = 0 and channel = %(channel)s and sku > %(after)s order by sku limit 1)
    union all
    select (select l.sku from telling.channel_log l
             where l.shard = 0 and l.channel = %(channel)s and l.sku > told.sku
             order by l.sku limit 1)
      from told where told.sku is not null
), some_told as (select sku from told where sku is not null limit %(limit)s)
select sku from (
    select sku from some_told
    union
    (select distinct s.sku from {schema}.stock s
      where s.shard = 0 and s.sku > %(after)s and s.location = any(%(locations)b::text[])
        and s.version > 0
      order by s.sku limit %(limit)s)) both_kinds
 order by sku limit %(limit)s

-- due_holds --
-- When the first hold of each stock runs out, at locations that feed channels.
select location, sku, min(expires_at) from {schema}.stock_holds
 where shard = 0 and location = any(%(locations)b::text[])
 group by location, sku

-- location_names --
-- Every location that was ever defined.
select location from {schema}.catalog_locations where shard = 0

-- stock_keys --
-- The stocks of SKUs at locations, whose fences they ever had, and whether they ever had a limit.
select s.sku, s.location,
       (select array_agg(f.channel) from {schema}.fences f
         where f.shard = 0 and f.location = s.location and f.sku = s.sku),
       exists (select from {schema}.backorder_limits b
                where b.shard = 0 and b.location = s.location and b.sku = s.sku)
  from unnest(%(skus)s::text[]) as w (sku)
  join {schema}.stock s
    on s.shard = 0 and s.sku = w.sku and s.location = any(%(locations)s::text[])
 order by s.sku, s.location

-- take_office --
-- Become the active teller, where nobody is: who was has gone, or said nothing for too long. Returns
-- the epoch, or no row.
update telling.place p
   set epoch = p.epoch + 1, holder = %(holder)s, backend = pg_backend_pid(),
       leased_until = clock_timestamp() + %(lease)s::interval
 where p.shard = 0
   and (p.leased_until < clock_timestamp()
        or not exists (select from pg_stat_activity a where a.pid = p.backend))
returning p.epoch

-- stay --
-- Keep the office. Returns the epoch, or no row where another has taken over.
with quietly as materialized (select set_config('synchronous_commit', 'off', true))
update telling.place p set leased_until = clock_timestamp() + %(lease)s::interval
  from quietly
 where p.shard = 0 and p.epoch = %(epoch)s
returning p.epoch

-- resign --
-- Give the office back, so that the next one need not wait.
update telling.place set leased_until = '-infinity' where shard = 0 and epoch = %(epoch)s

-- place --
-- Where the teller stands.
select position, instant, generation, told, subjects, epoch from telling.place where shard = 0

-- begin_generation --
-- Begin to tell a stream that has been told nothing.
update telling.place set generation = %(generation)s, told = 0, subjects = 0
 where shard = 0 and epoch = %(epoch)s
returning epoch

-- forget_channels --
-- Look at every SKU of every channel again.
delete from telling.channels where shard = 0

-- shaped --
-- What shaped the numbers of channels, and the sweeps under way.
select channel, shape, sweeping, after, until, wrapped from telling.channels where shard = 0

-- shape --
-- What shapes the numbers of a channel, and how far its sweep has come.
insert into telling.channels (shard, channel, shape, sweeping, after, until, wrapped)
values (0, %(channel)s, %(shape)s, %(sweeping)s, %(after)s, %(until)s, %(wrapped)s)
    on conflict (shard, channel) do update
   set shape = excluded.shape, sweeping = excluded.sweeping, after = excluded.after,
       until = excluded.until, wrapped = excluded.wrapped

-- lasts --
-- The last value of each subject of a channel and a SKU, a location after the other.
select w.place, l.location, l.ats, l.instant, l.generation
  from unnest(%(channels)b::text[], %(skus)b::text[]) with ordinality as w (channel, sku, place)
 cross join lateral (
       with recursive told as (
           (select t.location, t.ats, t.instant, t.generation from telling.channel_log t
             where t.shard = 0 and t.channel = w.channel and t.sku = w.sku
             order by t.location, t.instant desc limit 1)
           union all
           select n.* from told
            cross join lateral (
                  select t.location, t.ats, t.instant, t.generation from telling.channel_log t
                   where t.shard = 0 and t.channel = w.channel and t.sku = w.sku
                     and t.location > told.location
                   order by t.location, t.instant desc limit 1) n)
       select * from told) l

-- keep --
-- Values that are about to be told.
insert into telling.channel_log
    (shard, generation, told, channel, sku, location, ats, position, rule_version, instant,
     expires, inputs)
select 0::smallint, %b::int8, t.*
  from unnest(%b::int8[], %b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::text[]) as t

-- sent --
-- A run of values, and the sequence that the stream has for the first of them.
insert into telling.sent (shard, generation, told, through, sequence)
values (0, %s::int8, %s::int8, %s::int8, %s::int8)

-- sent_again --
-- Values that are sent once more, and the sequence of each; no row where another has taken over.
insert into telling.sent (shard, generation, told, through, sequence)
select 0::smallint, %(generation)s::int8, r.told, r.told, r.sequence
  from (select from telling.place where shard = 0 and epoch = %(epoch)s for no key update) office
 cross join unnest(%(told)b::int8[], %(sequences)b::int8[]) as r (told, sequence)
returning told

-- advance --
-- Where the teller stands from now on; no row where another has taken over. What tells nothing
-- need not outlive a crash.
with quietly as materialized (
    select case when %(at_leisure)s then set_config('synchronous_commit', 'off', true) end)
update telling.place p
   set position = %(position)s, instant = %(instant)s, told = %(told)s, subjects = %(subjects)s,
       leased_until = clock_timestamp() + %(lease)s::interval
  from quietly
 where p.shard = 0 and p.epoch = %(epoch)s and p.position = %(before)s and p.told = %(told_before)s
returning p.epoch

-- at --
-- One value that was told.
select told, generation, channel, sku, location, ats, position, rule_version, instant, expires,
       inputs
  from telling.channel_log
 where shard = 0 and generation = %(generation)s and told = %(told)s

-- unsent --
-- The next values of a range that are still the last of their subjects.
select l.told, l.generation, l.channel, l.sku, l.location, l.ats, l.position, l.rule_version,
       l.instant, l.expires, l.inputs
  from telling.channel_log l
 where l.shard = 0 and l.generation = %(generation)s and l.told > %(after)s
   and l.told <= %(until)s
   and not exists (
       select from telling.channel_log n
        where n.shard = 0 and n.channel = l.channel and n.sku = l.sku and n.location = l.location
          and n.instant > l.instant)
 order by l.told limit %(limit)s

-- lasts_of --
-- The last values of some subjects.
select l.told, l.generation, l.channel, l.sku, l.location, l.ats, l.position, l.rule_version,
       l.instant, l.expires, l.inputs
  from unnest(%(channel)b::text[], %(sku)b::text[], %(location)b::text[])
       as w (channel, sku, location)
 cross join lateral (
       select t.* from telling.channel_log t
        where t.shard = 0 and t.channel = w.channel and t.sku = w.sku and t.location = w.location
        order by t.instant desc limit 1) l

-- last_of_each --
-- The last values of subjects, a page of them in the order of their names.
with recursive page as (
    (select t.*, 1 as place from telling.channel_log t
      where t.shard = 0 and (t.channel, t.sku, t.location) > (%(channel)s, %(sku)s, %(location)s)
      order by t.channel, t.sku, t.location, t.instant desc limit 1)
    union all
    select n.*, page.place + 1 from page
     cross join lateral (
           select t.* from telling.channel_log t
            where t.shard = 0
              and (t.channel, t.sku, t.location) > (page.channel, page.sku, page.location)
            order by t.channel, t.sku, t.location, t.instant desc limit 1) n
     where page.place < %(limit)s)
select told, generation, channel, sku, location, ats, position, rule_version, instant, expires,
       inputs
  from page

-- told_until --
-- How far the teller has looked.
select position from telling.place where shard = 0

-- told_of --
-- Values of a channel and a SKU on one subject, newest first, with the stream's sequence of each.
select l.told, l.generation, l.channel, l.sku, l.location, l.ats, l.position, l.rule_version,
       l.instant, l.expires, l.inputs, s.sequence
  from telling.channel_log l
  left join lateral ({sequence_of}) s on true
 where l.shard = 0 and l.channel = %(channel)s and l.sku = %(sku)s and l.location = %(location)s
   and l.instant < %(before)s
 order by l.instant desc limit %(limit)s

-- told_to --
-- Values of a channel, newest first.
select l.told, l.generation, l.channel, l.sku, l.location, l.ats, l.position, l.rule_version,
       l.instant, l.expires, l.inputs, s.sequence
  from telling.channel_log l
  left join lateral ({sequence_of}) s on true
 where l.shard = 0 and (l.generation, l.told) < (%(generation)s, %(told)s)
   and l.channel = %(channel)s and l.location = %(location)s
 order by l.generation desc, l.told desc limit %(limit)s

-- in_force --
-- The last value of each SKU of a channel at an instant, a page by SKU; a SKU told later has none.
with recursive skus as (
    (select l.sku, 1 as place from telling.channel_log l
      where l.shard = 0 and l.channel = %(channel)s and l.sku > %(after)s
        and (%(sku)s::text is null or l.sku = %(sku)s::text)
      order by l.sku limit 1)
    union all
    select n.sku, skus.place + 1 from skus
     cross join lateral (
           select l.sku from telling.channel_log l
            where l.shard = 0 and l.channel = %(channel)s and l.sku > skus.sku
            order by l.sku limit 1) n
     where skus.place < %(limit)s and %(sku)s::text is null)
select l.told, l.generation, l.channel, skus.sku, l.location, l.ats, l.position, l.rule_version,
       l.instant, l.expires, l.inputs, s.sequence
  from skus
  left join lateral (
       select t.* from telling.channel_log t
        where t.shard = 0 and t.channel = %(channel)s and t.sku = skus.sku
          and t.location = %(location)s and t.instant <= %(at)s
        order by t.instant desc limit 1) l on true
  left join lateral ({sequence_of}) s on true
 order by skus.sku

-- sequence_of --
-- The sequence of a value in the stream: where it was sent last.
select r.sequence + l.told - r.told as sequence from telling.sent r
 where r.shard = 0 and r.generation = l.generation and r.told <= l.told and r.through >= l.told
 order by r.told desc, r.sent_at desc limit 1

-- definitions --
-- The definitions of a channel with their versions.
select version, state from ledger.events
 where shard = 0 and stream = %(stream)s and topic = 'channel.defined.v1' order by version

-- status --
-- What the teller has done, and how far behind it is; no row where there is no channel.
select p.told, p.subjects, greatest(h.position - p.position, 0),
       (select count(*) from telling.channels c where c.shard = 0 and c.sweeping),
       extract(epoch from clock_timestamp() - p.leased_until)::float8
  from telling.place p join ledger.heads h on h.shard = p.shard
 where p.shard = 0 and exists (select from {schema}.channels where shard = 0)
