-- Why: evidence that a stranger can check: a Merkle tree over every event row (RFC 6962), kept in
--      tiles, and the signed notes that say what its root was at which size.
-- Locks: none, new tables. Deploy: before. Fill: by itself, from the first event on.
create schema proof;
grant usage on schema proof to ledger_service;

-- What a ledger is called in its notes. Made once, so that a copy of the data keeps its name.
create table proof.ledgers (
    shard smallint primary key check (shard = 0),
    id text not null
);
insert into proof.ledgers (shard, id) values (0, replace(gen_random_uuid()::text, '-', ''));

-- Up to 256 hashes a row, 32 bytes each. Level 0 holds the leaves' hashes, every other level those
-- of the full rows below it. Only the last row of a level ever changes, and it only grows.
create table proof.tiles (
    shard smallint not null,
    level smallint not null,
    tile bigint not null,
    hashes bytea not null check (length(hashes) between 32 and 8192 and length(hashes) % 32 = 0),
    primary key (shard, level, tile)
);
alter table proof.tiles alter column hashes set storage external;  -- Hashes do not compress.

create table proof.checkpoints (
    shard smallint not null,
    size bigint not null check (size >= 0),     -- positions 1 to size are attested
    number bigint not null,                     -- counted from 1: none can be missing unseen
    root bytea not null,
    note text not null,                         -- the signed note itself (C2SP tlog-checkpoint)
    signed_at timestamptz not null default clock_timestamp(),
    primary key (shard, size),
    unique (shard, number)
);
create trigger immutable before update or delete on proof.checkpoints
    for each row execute function ledger.refuse_change();
create trigger immutable_table before truncate on proof.checkpoints
    for each statement execute function ledger.refuse_change();

-- The public halves of the keys that ever signed.
create table proof.keys (
    shard smallint not null,
    key text not null,
    since timestamptz not null default clock_timestamp(),
    primary key (shard, key)
);

grant select on proof.ledgers to ledger_service;
grant select, insert, update, delete on proof.tiles to ledger_service;  -- They can grow again.
grant select, insert on proof.checkpoints, proof.keys to ledger_service;

insert into projections.tracking (shard, projection, position) values (0, 'proof', 0);
