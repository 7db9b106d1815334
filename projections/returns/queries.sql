-- load_returns --
-- Returns that a batch goes on with.
select r.return_id, r.order_ref, r.status, r.version, r.authorised_at, r.authorised_position,
       r.closed_at, r.position
  from (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (return_id) offset 0) c
  join {schema}.returns r on r.shard = c.shard and r.return_id = c.return_id

-- load_lines --
-- Their lines, in order.
select l.return_id, l.sku, l.authorised, l.received, l.waived, l.grades, l.dispositions, l.at
  from (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (return_id) offset 0) c
  join {schema}.return_lines l on l.shard = c.shard and l.return_id = c.return_id
 order by l.return_id, l.line

-- save_returns --
-- Returns as they are now; what cannot change after the authorisation is not written again.
insert into {schema}.returns
    (shard, return_id, order_ref, status, version, authorised_at, authorised_position, closed_at,
     position)
select 0::smallint, c.*
  from unnest(%b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::int8[],
              %b::int8[]) as c
    on conflict (shard, return_id) do update
   set status = excluded.status, version = excluded.version, closed_at = excluded.closed_at,
       position = excluded.position

-- save_lines --
-- Lines as they are now.
insert into {schema}.return_lines
    (shard, return_id, line, sku, authorised_position, authorised, received, waived, grades,
     dispositions, at)
select 0::smallint, c.*
  from unnest(%b::text[], %b::int8[], %b::text[], %b::int8[], %b::int8[], %b::int8[], %b::int8[],
              %b::text[], %b::text[], %b::text[]) as c
    on conflict (shard, return_id, line) do update
   set received = excluded.received, waived = excluded.waived, grades = excluded.grades,
       dispositions = excluded.dispositions, at = excluded.at

-- load_orders --
-- Lines of orders that a batch goes on with.
select o.order_ref, o.sku, o.sold, o.returned, o.conflict_id, o.first_position, o.position
  from (select 0::smallint as shard, u.*
          from unnest(%b::text[], %b::text[]) as u (order_ref, sku) offset 0) c
  join {schema}.order_lines o on o.shard = c.shard and o.order_ref = c.order_ref and o.sku = c.sku

-- save_orders --
-- Lines of orders as they are now.
insert into {schema}.order_lines
    (shard, order_ref, sku, sold, returned, conflict_id, first_position, position)
select 0::smallint, c.*
  from unnest(%b::text[], %b::text[], %b::int8[], %b::int8[], %b::text[], %b::int8[],
              %b::int8[]) as c
    on conflict (shard, order_ref, sku) do update
   set sold = excluded.sold, returned = excluded.returned, conflict_id = excluded.conflict_id,
       position = excluded.position

-- get_return --
-- One return with its lines, in one snapshot with this projection's position.
select t.position, r.return_id, r.order_ref, r.status, r.version, r.authorised_at,
       r.authorised_position, r.closed_at, r.position,
       l.sku, l.authorised, l.received, l.waived, l.grades, l.dispositions, l.at
  from {schema}.tracking t
  left join {schema}.returns r on r.shard = t.shard and r.return_id = %(return_id)s
  left join {schema}.return_lines l on l.shard = r.shard and l.return_id = r.return_id
 where t.shard = 0 and t.projection = 'returns'
 order by l.line

-- list_returns --
-- The newest returns with their lines.
with page as (
    select r.* from {schema}.returns r
     where r.shard = 0
       {conditions}
     order by r.authorised_position desc
     limit %(limit)s
)
select t.position, r.return_id, r.order_ref, r.status, r.version, r.authorised_at,
       r.authorised_position, r.closed_at, r.position,
       l.sku, l.authorised, l.received, l.waived, l.grades, l.dispositions, l.at
  from {schema}.tracking t
  left join page r on true
  left join {schema}.return_lines l on l.shard = r.shard and l.return_id = r.return_id
 where t.shard = 0 and t.projection = 'returns'
 order by r.authorised_position desc, l.line

-- returns_begun --
-- Returns authorised by `known`, newest first, by what never changes of them; and whether a status
-- may match: of those that are as they were then, only where it is the same.
select r.authorised_position, r.return_id,
       %(status)s::text is null or not %(live)s or r.position > %(known)s or r.status = %(status)s
  from {schema}.returns r
 where r.shard = 0 and r.authorised_position < %(after_0)s and r.authorised_position <= %(known)s
   {conditions}
 order by r.authorised_position desc
 limit %(limit)s

-- of_sku --
-- Narrows a page to returns with a line of a SKU.
       and exists (select from {schema}.return_lines f
                    where f.shard = 0 and f.return_id = r.return_id and f.sku = %(sku)s)

-- list_orders --
-- What the first orders come to, by order and SKU.
with page as (
    select o.* from {schema}.order_lines o
     where o.shard = 0
       {conditions}
     order by o.order_ref, o.sku
     limit %(limit)s
)
select t.position, o.order_ref, o.sku, o.sold, o.returned, o.conflict_id, o.first_position,
       o.position
  from {schema}.tracking t left join page o on true
 where t.shard = 0 and t.projection = 'returns'
 order by o.order_ref, o.sku

-- orders_begun --
-- Lines of orders that were named by `known`, by order and SKU; and whether more may have come back
-- than was sold: where nothing has changed since, only if it has.
select o.order_ref, o.sku, o.order_ref, o.sku,
       not %(excess)s or not %(live)s or o.position > %(known)s or o.conflict_id is not null
  from {schema}.order_lines o
 where o.shard = 0 and (o.order_ref, o.sku) > (%(after_0)s, %(after_1)s)
   and o.first_position <= %(known)s
   {conditions}
 order by o.order_ref, o.sku
 limit %(limit)s
