-- append: under whatever epoch and head there is; stream versions alone guard it.
select ledger.append(
    0::smallint, null, null, 0, null, %b::text[], %b::bigint[], %b::text[], %b::bytea[],
    '{}', '{}', '{}', '{}')

-- positions: where rows of a stream stand in the ledger, in order of version.
select position from ledger.events e
  join unnest(%b::text[], %b::bigint[]) as wanted (stream, version)
    on e.shard = 0::smallint and e.stream = wanted.stream and e.version = wanted.version
 order by position

-- events: one stream, or a part of it, in either direction.
select stream, version, topic, state from ledger.events
 where shard = 0::smallint and stream = %(stream)s
   and version > coalesce(%(gt)s, -1) and version <= coalesce(%(lte)s, 9223372036854775807)
 order by version * %(direction)s limit %(limit)s

-- notifications: the ledger from a position on.
select position, stream, version, topic, state from ledger.events
 where shard = 0::smallint and position > %(after)s
   and position <= coalesce(%(stop)s, 9223372036854775807)
   and (%(topics)s::text[] is null or topic = any (%(topics)s::text[]))
 order by position limit %(limit)s

-- head: the last position, or null for an empty ledger.
select nullif(position, 0) from ledger.heads where shard = 0::smallint
