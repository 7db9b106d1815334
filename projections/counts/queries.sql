-- load_counts --
-- Count documents that a batch goes on with.
select x.count_id, x.location, x.kind, x.blind, x.approval_above, x.skus, x.status, x.approved_by,
       x.version, x.opened_at, x.opened_position, x.posted_at, x.posted_position, x.position
  from (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (count_id) offset 0) c
  join {schema}.counts x on x.shard = c.shard and x.count_id = c.count_id

-- load_lines --
-- Their lines, in order.
select l.count_id, l.sku, l.bucket, l.counted, l.counted_at, l.expected, l.approved, l.posted,
       l.earlier
  from (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (count_id) offset 0) c
  join {schema}.count_lines l on l.shard = c.shard and l.count_id = c.count_id
 order by l.count_id, l.line

-- save_counts --
-- Count documents as they are now; what cannot change after opening is not written again.
insert into {schema}.counts
    (shard, count_id, location, kind, skus, status, approved_by, blind, approval_above, version,
     opened_at, opened_position, posted_at, posted_position, position)
select 0::smallint, c.count_id, c.location, c.kind, c.skus, c.status, c.approved_by, c.blind = 1,
       c.approval_above, c.version, c.opened_at, c.opened_position, c.posted_at,
       c.posted_position, c.position
  from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[], %b::int8[])
    as c (count_id, location, kind, skus, status, approved_by, blind, approval_above, version,
          opened_at, opened_position, posted_at, posted_position, position)
    on conflict (shard, count_id) do update
   set status = excluded.status, approved_by = excluded.approved_by, version = excluded.version,
       posted_at = excluded.posted_at, posted_position = excluded.posted_position,
       position = excluded.position

-- save_lines --
-- Lines as they are now.
insert into {schema}.count_lines
    (shard, count_id, line, sku, bucket, opened_position, counted, counted_at, expected, approved,
     posted, earlier)
select 0::smallint, c.count_id, c.line, c.sku, c.bucket, c.opened_position, c.counted,
       c.counted_at, c.expected, c.approved = 1, c.posted = 1, c.earlier
  from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[], %b::int8[], %b::int8[], %b::int8[])
    as c (count_id, sku, bucket, earlier, line, opened_position, counted, counted_at, expected,
          approved, posted)
    on conflict (shard, count_id, line) do update
   set counted = excluded.counted, counted_at = excluded.counted_at, expected = excluded.expected,
       approved = excluded.approved, posted = excluded.posted, earlier = excluded.earlier

-- get_count --
-- One count document with its lines, in one snapshot with this projection's position.
select t.position, x.count_id, x.location, x.kind, x.blind, x.approval_above, x.skus, x.status,
       x.approved_by, x.version, x.opened_at, x.opened_position, x.posted_at, x.posted_position,
       x.position, l.sku, l.bucket, l.counted, l.counted_at, l.expected, l.approved, l.posted,
       l.earlier
  from {schema}.tracking t
  left join {schema}.counts x on x.shard = t.shard and x.count_id = %(count_id)s
  left join {schema}.count_lines l on l.shard = x.shard and l.count_id = x.count_id
 where t.shard = 0 and t.projection = 'counts'
 order by l.line

-- list_counts --
-- The newest count documents with their lines.
with page as (
    select x.* from {schema}.counts x
     where x.shard = 0
       {conditions}
     order by x.opened_position desc
     limit %(limit)s
)
select t.position, x.count_id, x.location, x.kind, x.blind, x.approval_above, x.skus, x.status,
       x.approved_by, x.version, x.opened_at, x.opened_position, x.posted_at, x.posted_position,
       x.position, l.sku, l.bucket, l.counted, l.counted_at, l.expected, l.approved, l.posted,
       l.earlier
  from {schema}.tracking t
  left join page x on true
  left join {schema}.count_lines l on l.shard = x.shard and l.count_id = x.count_id
 where t.shard = 0 and t.projection = 'counts'
 order by x.opened_position desc, l.line

-- counts_begun --
-- Count documents opened by `known`, newest first, by what never changes of them; and whether a
-- status may match: of those that are as they were then, only where it is the same.
select x.opened_position, x.count_id,
       %(status)s::text is null or not %(live)s or x.position > %(known)s or x.status = %(status)s
  from {schema}.counts x
 where x.shard = 0 and x.opened_position < %(after_0)s and x.opened_position <= %(known)s
   {conditions}
 order by x.opened_position desc
 limit %(limit)s

-- of_sku --
-- Narrows a page to counts with a figure of a SKU.
       and exists (select from {schema}.count_lines f
                    where f.shard = 0 and f.count_id = x.count_id and f.sku = %(sku)s)
