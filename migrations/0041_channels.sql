-- Why: what channels sell from and by which rules, for whoever asks what they may be told; which
--      credentials they have; and what their rules ask of SKUs and locations.
-- Locks: catalog_skus and catalog_locations for a moment, no rewrite; new tables. Deploy: before.
alter table projections.catalog_skus add column class text collate "C";
alter table projections.catalog_locations
    add column tags text[] collate "C" not null default '{}';

create table projections.channels (
    shard smallint not null,
    channel text collate "C" not null,
    locations text[] collate "C" not null, -- it sells from those named,
    kinds text[] collate "C" not null,     -- of these kinds,
    tags text[] collate "C" not null,      -- or with one of these tags
    by_location boolean not null,
    rules text not null,                -- JSON, as in its definition
    measured_s bigint not null,         -- staleness that was measured last; 0: none
    version bigint not null,            -- of the channel's stream
    defined_at bigint not null,         -- microseconds
    position bigint not null,           -- of its last event
    primary key (shard, channel)
);
create index channels_position on projections.channels (shard, position);
alter table projections.channels owner to ledger_service;

create table projections.channel_credentials (
    shard smallint not null,
    channel text collate "C" not null,
    credential_id text collate "C" not null,
    public_key text collate "C" not null,
    issued_at bigint not null,          -- microseconds
    expires_at bigint,                  -- null: never
    revoked_at bigint,                  -- null: it has not been
    position bigint not null,           -- of its last event
    primary key (shard, channel, credential_id)
);
alter table projections.channel_credentials owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'channels', 0);
