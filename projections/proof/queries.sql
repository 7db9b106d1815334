-- ledger --
-- What this ledger is called.
select id from proof.ledgers where shard = 0

-- places --
-- How far the tree has grown, and how far it could.
select t.position, t.generation, h.position
  from projections.tracking t join ledger.heads h on h.shard = t.shard
 where t.shard = 0 and t.projection = 'proof'

-- lock --
-- Nobody else grows the tree until the transaction ends.
select from projections.tracking where shard = 0 and projection = 'proof' for update

-- rows --
-- Event rows after a position, up to another, as they are.
select shard::bigint, position, stream, version, topic, state,
       (extract(epoch from recorded_at) * 1000000)::bigint
  from ledger.events where shard = 0 and position > %b and position <= %b order by position

-- tiles --
-- Some tiles.
select t.level::bigint, t.tile, t.hashes
  from unnest(%(levels)b::bigint[], %(tiles)b::bigint[]) as wanted (level, tile)
  join proof.tiles t
    on t.shard = 0 and t.level = wanted.level::smallint and t.tile = wanted.tile

-- write_tiles --
-- New tiles, and the last ones grown.
insert into proof.tiles (shard, level, tile, hashes)
select 0, t.level, t.tile, t.hashes
  from unnest(%b::bigint[], %b::bigint[], %b::bytea[]) as t (level, tile, hashes)
    on conflict (shard, level, tile) do update set hashes = excluded.hashes

-- last_checkpoint --
-- What was attested last.
select size, root, note from proof.checkpoints where shard = 0 order by size desc limit 1

-- checkpoint_of --
-- The note about a tree of one size.
select size, root, note from proof.checkpoints where shard = 0 and size = %(size)s

-- checkpoint_over --
-- The first note that attests a position.
select size, root, note from proof.checkpoints where shard = 0 and size >= %(size)s
 order by size limit 1

-- write_checkpoint --
-- Attest a tree.
insert into proof.checkpoints (shard, size, number, root, note)
select 0, %b, coalesce(max(number), 0) + 1, %b, %b from proof.checkpoints where shard = 0

-- write_key --
-- Remember who signs.
insert into proof.keys (shard, key) values (0, %s) on conflict do nothing

-- keys --
-- Who has signed, the first one first.
select key from proof.keys where shard = 0 order by since, key

-- fell_tiles --
-- Throw the tree away; what was attested stays.
delete from proof.tiles where shard = 0

-- start_again --
-- Let the tree grow from the first position on.
update projections.tracking
   set position = 0, generation = generation + 1, stopped_at = null, error = null
 where shard = 0 and projection = 'proof'

-- advance --
-- The tree has grown.
update projections.tracking set position = %b, stopped_at = null, error = null
 where shard = 0 and projection = 'proof'

-- stopped --
-- Why the tree does not grow.
update projections.tracking set stopped_at = clock_timestamp(), error = %s
 where shard = 0 and projection = 'proof'

-- row --
-- One event row, as far as its leaf needs it.
select shard, position, stream, version, topic, encode(sha256(state), 'hex'),
       (extract(epoch from recorded_at) * 1000000)::bigint
  from ledger.events where shard = 0 and position = %(position)s
