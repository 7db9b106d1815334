-- Why: who disagreed with the ledger, by how much and why; and which corrections are proposed.
-- Locks: none, new tables. Deploy: before.
create table projections.reconciliations (
    shard smallint not null,
    reconciliation_id text collate "C" not null,
    source text collate "C" not null,   -- the other system
    as_of bigint not null,              -- microseconds, business time of its balances
    known_position bigint not null,     -- ours are as known there
    cut_position bigint not null,       -- the last one the other system can have known; 0: none
    horizon bigint not null,            -- the last one looked at for explanations
    measure text not null,              -- on_hand, sellable, available
    tolerance_units bigint not null,
    tolerance_per_mille bigint not null,
    complete boolean not null,          -- keys that the list lacked counted as none
    alert boolean not null,
    tally text not null,                -- JSON: keys and units by what explains them
    keys_elsewhere bigint not null,
    proposals bigint not null,
    proposals_left_out bigint not null,
    approved bigint not null,           -- proposals that were made
    content text not null,              -- digest of what was asked
    version bigint not null,            -- of the reconciliation's stream
    recorded_at bigint not null,        -- microseconds
    recorded_position bigint not null,
    position bigint not null,           -- of its last event
    primary key (shard, reconciliation_id)
) with (fillfactor = 80);
create index reconciliations_recorded on projections.reconciliations (shard, recorded_position);
create index reconciliations_source on projections.reconciliations
    (shard, source, recorded_position);
alter table projections.reconciliations owner to ledger_service;

create table projections.reconciliation_locations (
    shard smallint not null,
    reconciliation_id text collate "C" not null,
    location text collate "C" not null,
    source text collate "C" not null,
    alert boolean not null,
    tally text not null,                -- JSON
    recorded_position bigint not null,
    primary key (shard, reconciliation_id, location)
);
create index reconciliation_locations_trend on projections.reconciliation_locations
    (shard, location, recorded_position);
alter table projections.reconciliation_locations owner to ledger_service;

create table projections.reconciliation_lines (
    shard smallint not null,
    reconciliation_id text collate "C" not null,
    line integer not null,              -- its place among the proposals
    sku text collate "C" not null,
    location text collate "C" not null,
    theirs bigint not null,
    ours bigint not null,
    delta bigint not null,              -- by which the ledger would be adjusted
    approved_position bigint,           -- null: nobody has
    primary key (shard, reconciliation_id, line)
) with (fillfactor = 80);
create index reconciliation_lines_key on projections.reconciliation_lines
    (shard, reconciliation_id, sku, location);
alter table projections.reconciliation_lines owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'reconciliations', 0);
