-- Why: whoever works through conflicts sees the fact that waits behind one.
-- Locks: projections.conflicts, briefly. Deploy: before. Fill: inventory-ledger rebuild conflicts.
alter table projections.conflicts
    add column movement text;           -- JSON: the fact that is parked, as a command has it
