-- Why: which copy of the ledger is being told to subscribers, up to where, and how the comparison
--      of the copies with the ledger stands, where every API process can read it and where it
--      survives the loss of the message server.
-- Locks: none, new tables. Deploy: before.
create table projections.relay (
    shard smallint primary key check (shard = 0),
    generation bigint not null check (generation > 0),  -- of the copy that is told
    told bigint not null default 0,             -- events that may be in it already
    witness text not null default '',           -- whose own record of that counts
    wrong_at bigint,                            -- the first message known to differ
    wrong text,
    asked text,                                 -- what people want done, until it is
    state text not null default '',
    detail text not null default '',
    looked_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);
create table projections.copies (
    shard smallint not null check (shard = 0),
    stream text collate "C" not null,
    compared bigint not null default 0,         -- messages, in the present round or the last one
    differences bigint not null default 0,      -- found since the relay started
    repaired bigint not null default 0,         -- of those, told anew
    round_ms bigint,                            -- how long the last whole round took
    round_at timestamptz,                       -- and when it ended
    looked_at timestamptz not null default clock_timestamp(),
    primary key (shard, stream)
) with (fillfactor = 50);
create table projections.generations (
    shard smallint not null check (shard = 0),
    generation bigint not null check (generation > 0),
    began_at timestamptz not null default clock_timestamp(),
    head bigint not null,                       -- the ledger's, when it began
    reason text not null,
    primary key (shard, generation)
);
grant select, insert, update on projections.relay, projections.copies to ledger_service;
grant select, insert on projections.generations to ledger_service;
