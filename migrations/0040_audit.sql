-- Why: what the auditor of a running service has verified and what it found, where every API
--      process can read it.
-- Locks: none, a new table. Deploy: before.
create table projections.audit (
    shard smallint primary key check (shard = 0),
    position bigint not null,                   -- the last one verified
    breaches bigint not null,                   -- found since the auditor started
    law smallint,                               -- the first difference that stands, if one does
    at bigint,
    what text,
    full_ms bigint,                             -- how long the last full round took
    full_at timestamptz,                        -- and when it ended
    looked_at timestamptz not null              -- when the auditor last said anything
) with (fillfactor = 50);
grant select, insert, update on projections.audit to ledger_service;
