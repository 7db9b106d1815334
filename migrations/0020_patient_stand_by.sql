-- Why: whoever holds the head row is appending or renewing, so somebody is at work. A stand-by
--      that stood in line behind a slow append could be served before the renewal behind that
--      append, and end the term of a healthy writer. It does not stand in line any more.
-- Locks: none, a function is replaced. Deploy: before, running stand-bys use it at once.
create or replace function ledger.acquire(p_shard smallint, p_holder text, p_lease interval)
returns table (epoch bigint, head bigint, instant bigint) language sql as $$
    update ledger.heads h
       set epoch = h.epoch + 1, holder = p_holder, leased_until = clock_timestamp() + p_lease
     where h.shard = (
               select f.shard from ledger.heads f
                where f.shard = p_shard and f.leased_until < clock_timestamp()
                  for update skip locked
           )
    returning h.epoch, h.position, h.instant
$$;
