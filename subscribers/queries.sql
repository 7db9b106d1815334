-- stocks_after --
-- The events of stocks, one stock after the other, as they were at a position.
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0::smallint and stream >= 'stock/' and stream < 'stock0'
   and (stream, version) > (%b, %b) and position <= %b
 order by stream, version limit %b

-- stocks --
-- The same of some stocks only.
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0::smallint and stream = any(%b::text[])
   and (stream, version) > (%b, %b) and position <= %b
 order by stream, version limit %b

-- conflicts_after --
-- The next events about conflicts, in ledger order; read off a small part of the key.
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0::smallint and stream >= 'conflict/' and stream < 'conflict0'
   and position > %b and position <= %b order by position limit %b

-- count_stocks --
-- How many stocks there were at a position.
select count(*) from ledger.events
 where shard = 0::smallint and stream >= 'stock/' and stream < 'stock0'
   and version = 1 and position <= %b

-- count_conflicts --
-- How many events about conflicts there were at a position.
select count(*) from ledger.events
 where shard = 0::smallint and stream >= 'conflict/' and stream < 'conflict0'
   and position <= %b

-- streams_known --
-- Which of some streams there are.
select stream from ledger.events
 where shard = 0::smallint and version = 1 and stream = any(%b::text[])
