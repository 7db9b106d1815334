-- stocks_after --
-- The events of stocks after a place in the order of their streams, 'stock/' being before the first,
-- as they were at a position. The limits here are written out: a plan that does not know them may
-- sort a whole ledger for every page. Another lower bound of the streams would be where it starts.
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0::smallint and stream < 'stock0'
   and (stream, version) > (%b, %b) and position <= %b
 order by stream, version limit 5000

-- stocks --
-- The same of some stocks only.
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0::smallint and stream = any(%b::text[])
   and (stream, version) > (%b, %b) and position <= %b
 order by stream, version limit 5000

-- conflicts_after --
-- The next events about conflicts, in ledger order; read off a small part of the key.
select position, stream, version, topic, state, recorded_at from ledger.events
 where shard = 0::smallint and stream >= 'conflict/' and stream < 'conflict0'
   and position > %b and position <= %b order by position limit 1000

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
