-- save_skus --
-- SKUs as they are defined now.
insert into {schema}.catalog_skus
    (shard, sku, base_unit, scale, packs, service, case_policy, class, version, defined_at,
     position)
select 0::smallint, c.sku, c.base_unit, c.scale, c.packs, c.service = 1, c.case_policy, c.class,
       c.version, c.defined_at, c.position
  from unnest(%b::text[], %b::text[], %b::int8[], %b::text[], %b::int8[], %b::text[], %b::text[],
              %b::int8[], %b::int8[], %b::int8[])
       as c (sku, base_unit, scale, packs, service, case_policy, class, version, defined_at,
             position)
    on conflict (shard, sku) do update
   set base_unit = excluded.base_unit, scale = excluded.scale, packs = excluded.packs,
       service = excluded.service, case_policy = excluded.case_policy, class = excluded.class,
       version = excluded.version, defined_at = excluded.defined_at, position = excluded.position

-- save_locations --
-- Locations as they are defined now.
insert into {schema}.catalog_locations
    (shard, location, kind, time_zone, sells, parent, authority, tags, version, defined_at,
     position)
select 0::smallint, c.location, c.kind, c.time_zone, c.sells = 1, c.parent, c.authority,
       array(select jsonb_array_elements_text(c.tags::jsonb)), c.version, c.defined_at, c.position
  from unnest(%b::text[], %b::text[], %b::text[], %b::int8[], %b::text[], %b::text[], %b::text[],
              %b::int8[], %b::int8[], %b::int8[])
       as c (location, kind, time_zone, sells, parent, authority, tags, version, defined_at,
             position)
    on conflict (shard, location) do update
   set kind = excluded.kind, time_zone = excluded.time_zone, sells = excluded.sells,
       parent = excluded.parent, authority = excluded.authority, tags = excluded.tags,
       version = excluded.version, defined_at = excluded.defined_at, position = excluded.position

-- save_parked --
-- Facts that began to wait.
insert into {schema}.catalog_parked
    (shard, conflict_id, location, sku, sku_upper, sku_fold, position)
select 0::smallint, c.*
  from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::int8[]) as c

-- drop_parked --
-- Facts that wait no longer.
delete from {schema}.catalog_parked p
 using (select 0::smallint as shard, u.* from unnest(%b::text[]) as u (conflict_id) offset 0) c
 where p.shard = c.shard and p.conflict_id = c.conflict_id

-- get_sku --
-- The SKU of a code: as written, or in the form its case policy keeps; the first of them.
with found as (
    select x.* from {schema}.catalog_skus x
     where x.shard = 0
       and (x.sku = %(sku)s
            or (x.sku = %(upper)s and x.case_policy = 'upper')
            or (x.sku = %(fold)s and x.case_policy = 'fold'))
     order by x.sku <> %(sku)s, x.case_policy <> 'upper' limit 1
)
select t.position, x.sku, x.base_unit, x.scale, x.packs, x.service, x.case_policy, x.class,
       x.version, x.defined_at
  from {schema}.tracking t left join found x on true
 where t.shard = 0 and t.projection = 'catalog'

-- list_skus --
-- The first SKUs by code, in one snapshot with this projection's position.
with page as (
    select x.* from {schema}.catalog_skus x
     where x.shard = 0
       and (%(service)s::boolean is null or x.service = %(service)s::boolean)
     order by x.sku limit %(limit)s
)
select t.position, x.sku, x.base_unit, x.scale, x.packs, x.service, x.case_policy, x.class,
       x.version, x.defined_at
  from {schema}.tracking t left join page x on true
 where t.shard = 0 and t.projection = 'catalog' order by x.sku

-- get_location --
-- One location.
select t.position, x.location, x.kind, x.time_zone, x.sells, x.parent, x.authority, x.tags,
       x.version, x.defined_at
  from {schema}.tracking t
  left join {schema}.catalog_locations x on x.shard = t.shard and x.location = %(location)s
 where t.shard = 0 and t.projection = 'catalog'

-- list_locations --
-- The first locations by code, in one snapshot with this projection's position.
with page as (
    select x.* from {schema}.catalog_locations x
     where x.shard = 0
       and (%(kind)s::text is null or x.kind = %(kind)s::text)
       and (%(parent)s::text is null or x.parent = %(parent)s::text)
     order by x.location limit %(limit)s
)
select t.position, x.location, x.kind, x.time_zone, x.sells, x.parent, x.authority, x.tags,
       x.version, x.defined_at
  from {schema}.tracking t left join page x on true
 where t.shard = 0 and t.projection = 'catalog' order by x.location

-- skus_after --
-- SKUs by code; and whether they may match: where nothing has changed since, only if they do.
select x.sku, x.sku,
       %(service)s::boolean is null or not %(live)s or x.position > %(known)s
           or x.service = %(service)s::boolean
  from {schema}.catalog_skus x
 where x.shard = 0 and x.sku > %(after_0)s
 order by x.sku limit %(limit)s

-- locations_after --
-- Locations by code; and whether they may match, likewise.
select x.location, x.location,
       not %(live)s or x.position > %(known)s
           or ((%(kind)s::text is null or x.kind = %(kind)s::text)
               and (%(parent)s::text is null or x.parent = %(parent)s::text))
  from {schema}.catalog_locations x
 where x.shard = 0 and x.location > %(after_0)s
 order by x.location limit %(limit)s

-- last_definition --
-- The position of the newest definition: while it is the same, no more facts can be due.
select greatest(
    (select coalesce(max(position), 0) from {schema}.catalog_skus where shard = 0),
    (select coalesce(max(position), 0) from {schema}.catalog_locations where shard = 0))

-- due --
-- Facts whose SKU and location are defined, the first parked first; under an open catalog all.
select p.conflict_id from {schema}.catalog_parked p
 where p.shard = 0
   and (%(open)s or (
        exists (select from {schema}.catalog_locations l
                 where l.shard = 0 and l.location = p.location)
        and exists (select from {schema}.catalog_skus s
                     where s.shard = 0 and s.sku in (p.sku, p.sku_upper, p.sku_fold)
                       and (s.sku = p.sku
                            or (s.sku = p.sku_upper and s.case_policy = 'upper')
                            or (s.sku = p.sku_fold and s.case_policy = 'fold')))))
 order by p.position limit %(limit)s

-- get_skus --
-- The SKUs that codes stand for: as written, or in the form their case policy keeps.
select c.place, x.sku, x.base_unit, x.scale, x.packs, x.service, x.case_policy, x.class,
       x.version, x.defined_at
  from unnest(%(skus)s::text[], %(upper)s::text[], %(fold)s::text[]) with ordinality
    as c (sku, upper, fold, place)
 cross join lateral (
       select y.* from {schema}.catalog_skus y
        where y.shard = 0
          and (y.sku = c.sku
               or (y.sku = c.upper and y.case_policy = 'upper')
               or (y.sku = c.fold and y.case_policy = 'fold'))
        order by y.sku <> c.sku, y.case_policy <> 'upper' limit 1) x

-- kept_codes --
-- Codes that stand for a SKU kept under another one, as in `get_sku`; and whether there is any SKU
-- of which that may be true: where there is none, no code is looked up. Whatever the planner makes
-- of its numbers, it reads no more than one SKU for each form, and the first of those others.
with known as (
    select (select s.sku from {schema}.catalog_skus s
             where s.shard = 0 and s.case_policy <> 'exact' order by s.sku limit 1) is not null
        as spelled
)
select t.position, (select spelled from known), f.sku, f.kept
  from {schema}.tracking t
  left join lateral (
       select c.sku, coalesce(
              (select x.sku from {schema}.catalog_skus x where x.shard = 0 and x.sku = c.sku),
              (select x.sku from {schema}.catalog_skus x
                where x.shard = 0 and x.sku = c.upper and x.case_policy = 'upper'),
              (select x.sku from {schema}.catalog_skus x
                where x.shard = 0 and x.sku = c.fold and x.case_policy = 'fold')) as kept
         from unnest(%(skus)s::text[], %(upper)s::text[], %(fold)s::text[]) as c (sku, upper, fold)
        where (select spelled from known) offset 0) f on f.kept <> f.sku
 where t.shard = 0 and t.projection = 'catalog'
