-- Why: a schema of its own for everything that can be rebuilt; the service owns what it builds.
-- Locks: none, a new schema. Deploy: before.
create schema projections;
grant usage, create on schema projections to ledger_service;

-- How far each projection has read. Written in the transaction that writes its rows.
create table projections.tracking (
    shard smallint not null,
    projection text not null,
    position bigint not null,
    primary key (shard, projection)
);
alter table projections.tracking owner to ledger_service;
