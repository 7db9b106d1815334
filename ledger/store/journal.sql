-- append: one batch, one round trip, one commit; null where the head moved or the epoch is old.
select ledger.append(
    0::smallint, $1::bigint, $2::bigint, $3::bigint, $4::bigint * interval '1 millisecond',
    $5::text[], $6::bigint[], $7::text[], $8::bytea[],
    $9::bytea[], $10::bytea[], $11::bigint[], $12::bytea[])

-- load: receipts by command, then each stream's latest snapshot and the events after it.
-- `= any` is one descent of the index for many keys. Where a stream starts from a snapshot its
-- events are a probe of their own; `offset 0` keeps each such subquery a subquery, whatever the
-- planner believed about the tables' sizes when it cached the plan.
select 'receipt', null::text, command, 0::bigint, position, ''::text, fingerprint || answer
  from ledger.receipts
 where shard = 0::smallint and command = any ($1::bytea[])
union all
select 'event', stream, null, version, position, topic, state
  from ledger.events
 where shard = 0::smallint and stream = any ($3::text[])
union all
select 'snapshot', wanted.stream, null, s.version, 0::bigint, s.topic, s.state
  from unnest($2::text[]) as wanted (stream)
 cross join lateral (
    select version, topic, state from ledger.snapshots
     where shard = 0::smallint and stream = wanted.stream and topic = $4
     order by version desc limit 1) s
union all
select 'event', wanted.stream, null, e.version, e.position, e.topic, e.state
  from unnest($2::text[]) as wanted (stream)
 cross join lateral (
    select coalesce(max(version), 0) as version from ledger.snapshots
     where shard = 0::smallint and stream = wanted.stream and topic = $4 offset 0) s
 cross join lateral (
    select version, position, topic, state from ledger.events
     where shard = 0::smallint and stream = wanted.stream and version > s.version offset 0) e

-- versions: the last version of each stream.
select wanted.stream, e.version
  from unnest(%b::text[]) as wanted (stream)
 cross join lateral (
    select version from ledger.events
     where shard = 0::smallint and stream = wanted.stream order by version desc limit 1) e

-- runs: the events from some positions on, a few of each.
select wanted.first, e.position, e.stream, e.version, e.topic, e.state,
       (extract(epoch from e.recorded_at) * 1000000)::bigint
  from unnest(%b::bigint[]) as wanted (first)
 cross join lateral (
    select position, stream, version, topic, state, recorded_at from ledger.events
     where shard = 0::smallint and position >= wanted.first order by position limit %b::bigint) e
 order by wanted.first, e.position

-- tails: the newest events of streams, up to a version of each, newest first.
select wanted.stream, e.version, e.position, e.topic, e.state
  from unnest(%b::text[], %b::bigint[]) as wanted (stream, version)
 cross join lateral (
    select version, position, topic, state from ledger.events
     where shard = 0::smallint and stream = wanted.stream and version <= wanted.version
     order by version desc limit %b::bigint) e
 order by wanted.stream, e.version desc

-- anything_defined: two descents of the index.
select exists (select from ledger.events
                where shard = 0::smallint and stream >= 'sku/' and stream < 'sku0')
    or exists (select from ledger.events
                where shard = 0::smallint and stream >= 'location/' and stream < 'location0')

-- channels: the last definition of every channel, one descent of the index for each.
with recursive streams as (
    (select stream from ledger.events
      where shard = 0::smallint and stream >= 'channel/' and stream < 'channel0'
      order by stream limit 1)
    union all
    select (select e.stream from ledger.events e
             where e.shard = 0::smallint and e.stream > s.stream and e.stream < 'channel0'
             order by e.stream limit 1)
      from streams s where s.stream is not null)
select d.topic, d.state
  from streams s
 cross join lateral (
    select e.topic, e.state from ledger.events e
     where e.shard = 0::smallint and e.stream = s.stream and e.topic = 'channel.defined.v1'
     order by e.version desc limit 1) d

-- rows: event rows by position, a half-open range.
select position, stream, version, topic, state, (extract(epoch from recorded_at) * 1000000)::bigint
  from ledger.events
 where shard = 0::smallint and position > %b::bigint and position <= %b::bigint order by position

-- acquire: the lease, if it has run out.
select epoch, head, instant from ledger.acquire(0::smallint, %b::text, %b::bigint * interval '1 millisecond')

-- renew: the lease, if it is still ours.
select head from ledger.renew(0::smallint, %b::bigint, %b::bigint * interval '1 millisecond')

-- fence: end every append under way under our epoch.
select epoch, head, instant from ledger.fence(0::smallint, %b::bigint, %b::bigint * interval '1 millisecond')

-- resign: let a stand-by take over at once.
select ledger.resign(0::smallint, %b::bigint)

-- save_snapshot: keep the newest state of a stream; older ones are dropped after it.
insert into ledger.snapshots (shard, stream, version, topic, state)
values (0::smallint, %b::text, %b::bigint, %b::text, %b::bytea) on conflict do nothing

-- drop_snapshots: states that a newer snapshot has replaced.
delete from ledger.snapshots where shard = 0::smallint and stream = %b::text and version < %b::bigint
