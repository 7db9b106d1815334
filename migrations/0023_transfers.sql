-- Why: what was asked for, what left and what became of it, transfer by transfer.
-- Locks: none, new tables. Deploy: before.
create table projections.transfers (
    shard smallint not null,
    transfer_id text collate "C" not null,
    from_location text collate "C" not null,
    to_location text collate "C" not null,
    status text not null,
    requested_at bigint not null,       -- microseconds
    requested_position bigint not null,
    version bigint not null,            -- of the transfer's stream
    position bigint not null,           -- of its last event
    primary key (shard, transfer_id)
) with (fillfactor = 80);
create index transfers_requested on projections.transfers (shard, requested_position);
create index transfers_status on projections.transfers (shard, status, requested_position);
create index transfers_from on projections.transfers (shard, from_location, requested_position);
create index transfers_to on projections.transfers (shard, to_location, requested_position);
alter table projections.transfers owner to ledger_service;

create table projections.transfer_lines (
    shard smallint not null,
    transfer_id text collate "C" not null,
    line integer not null,              -- its place in the transfer
    sku text collate "C" not null,
    requested_position bigint not null,
    requested bigint not null,
    dispatched bigint not null,
    received bigint not null,           -- as reported, these four: what exceeds `dispatched` is
    damaged bigint not null,            -- told as the surplus
    lost bigint not null,
    returned bigint not null,
    primary key (shard, transfer_id, line)
) with (fillfactor = 80);
create index transfer_lines_sku on projections.transfer_lines (shard, sku, requested_position);
alter table projections.transfer_lines owner to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'transfers', 0);
