-- kept --
-- What is known of the copy that is told, whatever became of it.
select generation, told, witness, wrong_at, wrong, asked
  from projections.relay where shard = 0

-- begin --
-- A generation is told from here on: nothing of it has been told, nothing is known to be wrong.
insert into projections.relay as r (shard, generation) values (0, %b)
    on conflict (shard) do update
   set (generation, told, wrong_at, wrong, asked) = (excluded.generation, 0, null, null, null)
 where r.generation < excluded.generation

-- record --
-- When a generation began, and why.
insert into projections.generations (shard, generation, head, reason)
values (0, %b, %b, %b) on conflict do nothing

-- told --
-- Everything up to a position may be in the copy by now, and whose record of it counts.
update projections.relay
   set told = greatest(told, %b), witness = %b, looked_at = clock_timestamp()
 where shard = 0 and generation = %b

-- say --
-- How the relay is.
update projections.relay
   set (state, detail, looked_at) = (%b, %b, clock_timestamp()) where shard = 0

-- wrong --
-- The first message of the copy that is known not to be what the ledger says.
update projections.relay
   set (wrong_at, wrong) = (%b, %b)
 where shard = 0 and generation = %b and (wrong_at is null or wrong_at > %b)

-- right --
-- Nothing is known to be wrong any more.
update projections.relay set (wrong_at, wrong) = (null, null) where shard = 0

-- ask --
-- What people want done.
update projections.relay set asked = %b where shard = 0

-- done --
-- It was done, if nothing else has been asked meanwhile.
update projections.relay set asked = null where shard = 0 and asked = %b

-- compared --
-- How far a round has come, and what it found and repaired since the last word.
insert into projections.copies as c
       (shard, stream, compared, differences, repaired, round_ms, round_at)
values (0, %b, %b, %b, %b, %b, case when %b then clock_timestamp() end)
    on conflict (shard, stream) do update
   set (compared, differences, repaired, round_ms, round_at, looked_at)
     = (excluded.compared, c.differences + excluded.differences, c.repaired + excluded.repaired,
        coalesce(excluded.round_ms, c.round_ms), coalesce(excluded.round_at, c.round_at),
        clock_timestamp())

-- relay --
-- What the relay says, and how many seconds ago.
select generation, told, state, detail, wrong_at, wrong, asked,
       extract(epoch from clock_timestamp() - looked_at)::float8
  from projections.relay where shard = 0

-- copies --
-- What is known of every copy.
select stream, compared, differences, repaired, round_ms,
       extract(epoch from clock_timestamp() - round_at)::float8
  from projections.copies where shard = 0 order by stream

-- generations --
-- Every generation that began, and why.
select generation, began_at, head, reason
  from projections.generations where shard = 0 order by generation
