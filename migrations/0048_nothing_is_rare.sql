-- Why: a new ledger's views have no statistics for a minute or so, and the projector's statements
--      are planned once a connection, often while a table is empty. Without statistics the planner
--      holds any key for rare, also one that every row shares: it then looked for one hold among
--      all of its stock's, batch after batch, until the first ANALYZE. Planted until then: all rows
--      are of one shard, which is so, and all holds of one stock, as in a sale they may well be.
-- Locks: SHARE UPDATE EXCLUSIVE on the views' tables, for moments. Deploy: before.
do $$
declare
    c record;
begin
    if current_setting('server_version_num')::int < 180000 then
        return;  -- Without it a new ledger is slow for a minute, nothing else.
    end if;
    for c in
        select t.relname, a.attname
          from pg_class t
          join pg_namespace n on n.oid = t.relnamespace
          join pg_attribute a on a.attrelid = t.oid
         where n.nspname = 'projections' and t.relkind = 'r' and not a.attisdropped
           and (a.attname = 'shard'
                or t.relname = 'stock_holds' and a.attname in ('location', 'sku')
                or t.relname = 'history_holds' and a.attname = 'stock')
           and not exists (select from pg_statistic s where s.starelid = t.oid)
    loop
        perform pg_restore_attribute_stats(
            'version', 180000, 'schemaname', 'projections', 'relname', c.relname::text,
            'attname', c.attname::text, 'inherited', false,
            'null_frac', 0::real, 'avg_width', 8, 'n_distinct', 1::real);
    end loop;
end;
$$;
