-- Why: a statement adds up the last entries of a stock one by one, each on a page of its own where
--      many stocks move: with all that is added up in the index they are read from two or three.
-- Locks: statement_entries, while its index is built. Deploy: before.
alter table projections.statement_entries
    drop constraint statement_entries_pkey,
    add primary key (shard, book, position, leg) include (kind, number, occurred_at, quantity);
