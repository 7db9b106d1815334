-- Why: a projection that stops says so where everybody can read it, and a rebuilt one is told
--      apart from the one it replaced. `projections_next` is where rebuilds grow.
-- Locks: projections.tracking, briefly. Deploy: before.
alter table projections.tracking
    add column generation bigint not null default 0,    -- one more after each rebuild
    add column stopped_at timestamptz,                  -- set: it met an event it cannot apply
    add column error text;
alter table projections.tracking set (fillfactor = 50);

create schema projections_next;
grant usage, create on schema projections_next to ledger_service;
