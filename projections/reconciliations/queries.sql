-- load_progress --
-- How far some reconciliations have come.
select x.reconciliation_id, x.version,
       (select count(*) from {schema}.reconciliation_lines l
         where l.shard = 0 and l.reconciliation_id = x.reconciliation_id),
       x.approved, x.position
  from (select 0::smallint as shard, u.*
          from unnest(%b::text[]) as u (reconciliation_id) offset 0) c
  join {schema}.reconciliations x on x.shard = c.shard and x.reconciliation_id = c.reconciliation_id

-- insert_reconciliations --
-- Reconciliations that begin.
insert into {schema}.reconciliations
    (shard, reconciliation_id, source, measure, tally, content, as_of, known_position,
     cut_position, horizon, tolerance_units, tolerance_per_mille, complete, alert,
     keys_elsewhere, proposals, proposals_left_out, approved, version, recorded_at,
     recorded_position, position)
select 0::smallint, c.reconciliation_id, c.source, c.measure, c.tally, c.content, c.as_of,
       c.known_position, c.cut_position, c.horizon, c.tolerance_units, c.tolerance_per_mille,
       c.complete = 1, c.alert = 1, c.keys_elsewhere, c.proposals, c.proposals_left_out,
       c.approved, c.version, c.recorded_at, c.recorded_position, c.position
  from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[])
    as c (reconciliation_id, source, measure, tally, content, as_of, known_position, cut_position,
          horizon, tolerance_units, tolerance_per_mille, complete, alert, keys_elsewhere,
          proposals, proposals_left_out, approved, version, recorded_at, recorded_position,
          position)

-- update_reconciliations --
-- Reconciliations that go on.
update {schema}.reconciliations x
   set approved = c.approved, version = c.version, position = c.position
  from (select 0::smallint as shard, u.*
          from unnest(%b::text[], %b::int8[], %b::int8[], %b::int8[])
               as u (reconciliation_id, approved, version, position) offset 0) c
 where x.shard = c.shard and x.reconciliation_id = c.reconciliation_id

-- insert_locations --
-- What they came to, location by location.
insert into {schema}.reconciliation_locations
    (shard, reconciliation_id, location, source, tally, alert, recorded_position)
select 0::smallint, c.reconciliation_id, c.location, c.source, c.tally, c.alert = 1,
       c.recorded_position
  from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[])
    as c (reconciliation_id, location, source, tally, alert, recorded_position)

-- insert_lines --
-- Corrections that are proposed.
insert into {schema}.reconciliation_lines
    (shard, reconciliation_id, sku, location, line, theirs, ours, delta)
select 0::smallint, c.reconciliation_id, c.sku, c.location, c.line, c.theirs, c.ours, c.delta
  from unnest(%b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::int8[])
    as c (reconciliation_id, sku, location, line, theirs, ours, delta)

-- approve_lines --
-- Corrections that were made.
update {schema}.reconciliation_lines x
   set approved_position = c.position
  from (select 0::smallint as shard, u.*
          from unnest(%b::text[], %b::text[], %b::text[], %b::int8[])
               as u (reconciliation_id, sku, location, position) offset 0) c
 where x.shard = c.shard and x.reconciliation_id = c.reconciliation_id and x.sku = c.sku
   and x.location = c.location

-- get_reconciliation --
-- One reconciliation, in one snapshot with this projection's position.
select t.position, x.reconciliation_id, x.source, x.as_of, x.known_position, x.cut_position,
       x.horizon, x.measure, x.tolerance_units, x.tolerance_per_mille, x.complete, x.alert,
       x.tally, x.keys_elsewhere, x.proposals, x.proposals_left_out, x.approved, x.content,
       x.version, x.recorded_at, x.recorded_position
  from {schema}.tracking t
  left join {schema}.reconciliations x
    on x.shard = t.shard and x.reconciliation_id = %(reconciliation_id)s
 where t.shard = 0 and t.projection = 'reconciliations'

-- get_locations --
-- What it came to, location by location.
select l.location, l.tally from {schema}.reconciliation_locations l
 where l.shard = 0 and l.reconciliation_id = %(reconciliation_id)s order by l.location

-- get_lines --
-- A page of the corrections it proposes.
select l.line, l.sku, l.location, l.theirs, l.ours, l.delta, l.approved_position
  from {schema}.reconciliation_lines l
 where l.shard = 0 and l.reconciliation_id = %(reconciliation_id)s and l.line > %(after)s
 order by l.line limit %(limit)s

-- list_reconciliations --
-- A page of reconciliations, newest first.
with page as (
    select x.* from {schema}.reconciliations x
     where x.shard = 0 and x.recorded_position < %(before)s
       {conditions}
     order by x.recorded_position desc limit %(limit)s
)
select t.position, x.reconciliation_id, x.source, x.as_of, x.known_position, x.cut_position,
       x.horizon, x.measure, x.tolerance_units, x.tolerance_per_mille, x.complete, x.alert,
       x.tally, x.keys_elsewhere, x.proposals, x.proposals_left_out, x.approved, x.content,
       x.version, x.recorded_at, x.recorded_position, null
  from {schema}.tracking t
  left join page x on true
 where t.shard = 0 and t.projection = 'reconciliations'
 order by x.recorded_position desc

-- list_by_location --
-- A page of the reconciliations that touched a location, newest first, with what it came to there.
with page as (
    select l.reconciliation_id, l.recorded_position, l.tally as own
      from {schema}.reconciliation_locations l
     where l.shard = 0 and l.location = %(location)s and l.recorded_position < %(before)s
       {conditions}
     order by l.recorded_position desc limit %(limit)s
)
select t.position, x.reconciliation_id, x.source, x.as_of, x.known_position, x.cut_position,
       x.horizon, x.measure, x.tolerance_units, x.tolerance_per_mille, x.complete, x.alert,
       x.tally, x.keys_elsewhere, x.proposals, x.proposals_left_out, x.approved, x.content,
       x.version, x.recorded_at, x.recorded_position, p.own
  from {schema}.tracking t
  left join page p on true
  left join {schema}.reconciliations x
    on x.shard = t.shard and x.reconciliation_id = p.reconciliation_id
 where t.shard = 0 and t.projection = 'reconciliations'
 order by p.recorded_position desc

-- latest --
-- The last reconciliation of every source, of the sources that were heard of last.
with recursive sources as (
    (select x.source from {schema}.reconciliations x where x.shard = 0
      order by x.source limit 1)
    union all
    select (select x.source from {schema}.reconciliations x
             where x.shard = 0 and x.source > s.source order by x.source limit 1)
      from sources s where s.source is not null
)
select s.source, x.tally, x.alert
  from sources s
  join lateral (
       select r.tally, r.alert from {schema}.reconciliations r
        where r.shard = 0 and r.source = s.source
        order by r.recorded_position desc limit 1) x on true
 limit %(limit)s
