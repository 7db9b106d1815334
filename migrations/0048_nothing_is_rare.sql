-- Why: a new ledger's views have no statistics for a minute or so, and the projector's statements
--      are planned once a connection, often while a table is empty. Without statistics the planner
--      holds any key for rare, also one that every row shares: it then looked for one hold among
--      all of its stock's, batch after batch, until the first ANALYZE. Planted until then: shards,
--      locations, SKUs, stocks and books tell nothing apart, so that a whole key is looked up.
-- Locks: SHARE UPDATE EXCLUSIVE on each view's tables, for moments. Deploy: before.
do $$
declare
    c record;
begin
    if current_setting('server_version_num')::int < 180000 then
        return;  -- Without it a new ledger is slow for a minute, nothing else.
    end if;
    for c in
        select n.nspname, t.relname, a.attname
          from pg_class t
          join pg_namespace n on n.oid = t.relnamespace
          join pg_attribute a on a.attrelid = t.oid
         where n.nspname in ('projections', 'telling') and t.relkind = 'r'
           and a.attname in ('shard', 'location', 'sku', 'stock', 'book') and not a.attisdropped
           and not exists (select from pg_statistic s where s.starelid = t.oid)
    loop
        perform pg_restore_attribute_stats(
            'version', 180000, 'schemaname', c.nspname::text, 'relname', c.relname::text,
            'attname', c.attname::text, 'inherited', false,
            'null_frac', 0::real, 'avg_width', 8, 'n_distinct', 1::real);
    end loop;
end;
$$;
