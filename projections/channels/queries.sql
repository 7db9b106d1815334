-- define --
-- Channels as they are defined now. What was measured of one stays as it is.
insert into {schema}.channels
    (shard, channel, locations, kinds, tags, by_location, rules, measured_s, version, defined_at,
     position)
select 0::smallint, c.channel,
       array(select jsonb_array_elements_text(c.locations::jsonb)),
       array(select jsonb_array_elements_text(c.kinds::jsonb)),
       array(select jsonb_array_elements_text(c.tags::jsonb)),
       c.by_location = 1, c.rules, 0, c.version, c.defined_at, c.position
  from unnest(%b::text[], %b::text[], %b::text[], %b::text[], %b::int8[], %b::text[], %b::int8[],
              %b::int8[], %b::int8[])
       as c (channel, locations, kinds, tags, by_location, rules, version, defined_at, position)
    on conflict (shard, channel) do update
   set locations = excluded.locations, kinds = excluded.kinds, tags = excluded.tags,
       by_location = excluded.by_location, rules = excluded.rules, version = excluded.version,
       defined_at = excluded.defined_at, position = excluded.position

-- move --
-- How far channels have come, and how stale they are where that has changed.
update {schema}.channels x
   set measured_s = coalesce(c.measured_s, x.measured_s), version = c.version,
       position = c.position
  from (select 0::smallint as shard, u.*
          from unnest(%b::text[], %b::int8[], %b::int8[], %b::int8[])
               as u (channel, measured_s, version, position) offset 0) c
 where x.shard = c.shard and x.channel = c.channel

-- issue --
-- Credentials that were issued.
insert into {schema}.channel_credentials
    (shard, channel, credential_id, public_key, issued_at, expires_at, position)
select 0::smallint, c.*
  from unnest(%b::text[], %b::text[], %b::text[], %b::int8[], %b::int8[], %b::int8[]) as c

-- revoke --
-- Credentials that are worth nothing any more.
update {schema}.channel_credentials x
   set revoked_at = c.revoked_at, position = c.position
  from (select 0::smallint as shard, u.*
          from unnest(%b::text[], %b::text[], %b::int8[], %b::int8[])
               as u (channel, credential_id, revoked_at, position) offset 0) c
 where x.shard = c.shard and x.channel = c.channel and x.credential_id = c.credential_id

-- get_channel --
-- One channel.
select t.position, x.channel, x.locations, x.kinds, x.tags, x.by_location, x.rules, x.measured_s,
       x.version, x.defined_at
  from {schema}.tracking t
  left join {schema}.channels x on x.shard = t.shard and x.channel = %(channel)s
 where t.shard = 0 and t.projection = 'channels'

-- list_channels --
-- The first channels by id, in one snapshot with this projection's position.
with page as (
    select x.* from {schema}.channels x where x.shard = 0 order by x.channel limit %(limit)s
)
select t.position, x.channel, x.locations, x.kinds, x.tags, x.by_location, x.rules, x.measured_s,
       x.version, x.defined_at
  from {schema}.tracking t left join page x on true
 where t.shard = 0 and t.projection = 'channels' order by x.channel

-- channels_after --
-- Channels by id; every one is asked for.
select x.channel, x.channel, true
  from {schema}.channels x
 where x.shard = 0 and x.channel > %(after_0)s
 order by x.channel limit %(limit)s

-- credentials_of --
-- The credentials of one channel, in one snapshot with this projection's position.
select t.position, x.channel, x.credential_id, x.public_key, x.issued_at, x.expires_at,
       x.revoked_at
  from {schema}.tracking t
  left join {schema}.channel_credentials x on x.shard = t.shard and x.channel = %(channel)s
 where t.shard = 0 and t.projection = 'channels' order by x.issued_at, x.credential_id
