-- Why: what many late rows add to a stock's past was read with one plan for all cases, of which the
--      usual one, where none of them is later than a few weeks, needs a fifth: the rest of it cost
--      as much as all other steps of the question together.
-- Locks: none that anybody waits for. Deploy: before or after the program. Fill: nothing.
create or replace function projections.stock_at(
    p_location text, p_sku text, p_as_of bigint, p_known bigint, p_whole boolean,
    p_chunk integer, p_chunks integer, p_span integer, p_spans integer)
returns table (
    sellable bigint, quarantine bigint, damaged bigint, returned bigint, blocked bigint,
    reserved bigint, in_transit bigint)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off  -- Planned while a table was empty, a step must serve when it is not.
as $$
declare
    v_stock bigint;
    v_crowded_from bigint;
    v_lateness bigint;
    v_last bigint;                      -- the last row that can have happened by `p_as_of`
    v_base bigint;                      -- the last row that was effective at `p_as_of`
    v_few bigint[];                     -- what late rows add, those of a crowd and those before
    v_late bigint[];
    v_first bigint;                     -- of many late rows: their rectangle, and its cells
    v_chunk bigint;
    v_last_chunk bigint;
    v_large bigint;
    v_last_large bigint;
    v_span bigint := p_as_of >> p_span;
    v_large_span bigint := p_as_of >> p_spans;
    v_step integer := p_chunks - p_chunk;
    v_under_way bigint;
begin
    select s.stock, w.crowded_from, w.lateness into v_stock, v_crowded_from, v_lateness
      from projections.history_stocks s
      left join projections.history_crowds w on w.shard = 0 and w.stock = s.stock
     where s.shard = 0 and s.location = p_location and s.sku = p_sku and abs(s.stock) <= p_known;
    if not found then
        return;
    end if;

    -- The base: the earlier of the last row that was effective and the last one that was known.
    if not p_whole then
        select h.position, h.sellable, h.quarantine, h.damaged, h.returned, h.blocked, h.reserved
          into v_base, sellable, quarantine, damaged, returned, blocked, reserved
          from projections.history h
         where h.shard = 0 and h.stock = v_stock and h.effective_at <= p_as_of
         order by h.effective_at desc, h.position desc, h.part desc limit 1;
    end if;
    if p_whole or v_base > p_known then
        select h.sellable, h.quarantine, h.damaged, h.returned, h.blocked, h.reserved
          into sellable, quarantine, damaged, returned, blocked, reserved
          from projections.history h
         where h.shard = 0 and h.stock = v_stock and h.position <= p_known
         order by h.position desc, h.part desc limit 1;
    end if;

    -- Late rows after it: those before the stock became a crowd one by one.
    v_first := coalesce(v_base, 0) + 1;
    if not p_whole and v_first <= p_known then
        if v_crowded_from is null or v_first < v_crowded_from then
            select array[sum(h.d_sellable), sum(h.d_quarantine), sum(h.d_damaged),
                         sum(h.d_returned), sum(h.d_blocked), sum(h.d_reserved)]
              into v_few
              from projections.history h
             where h.shard = 0 and h.stock = v_stock and h.occurred_at < h.effective_at
               and h.position >= v_first
               and h.position <= least(p_known, v_crowded_from - 1)
               and h.occurred_at + 0 <= p_as_of;
        end if;

        -- The others are a rectangle, by place in the ledger and by business time: sums of cells
        -- fill its middle, rows its edges. It ends where no row was late enough any more.
        if v_crowded_from <= p_known then
            v_first := greatest(v_first, v_crowded_from);
            select h.position into v_last
              from projections.history h
             where h.shard = 0 and h.stock = v_stock and h.effective_at <= p_as_of + v_lateness
             order by h.effective_at desc, h.position desc, h.part desc limit 1;
            v_last := least(p_known, coalesce(v_last, 0));
            v_chunk := v_first >> p_chunk;
            v_last_chunk := v_last >> p_chunk;
            v_large := v_first >> p_chunks;
            v_last_large := v_last >> p_chunks;
            if v_last_large - v_large < 2 then  -- No large piece of the ledger is in it.
                select array[sum(q.a), sum(q.b), sum(q.c), sum(q.d), sum(q.e), sum(q.f)]
                  into v_late
                  from (
                    select h.d_sellable, h.d_quarantine, h.d_damaged,
                           h.d_returned, h.d_blocked, h.d_reserved
                      from projections.history_late_sums h
                     where h.shard = 0 and h.stock = v_stock and h.level = 1
                       and h.chunk > v_chunk and h.chunk < v_last_chunk
                       and h.span < v_large_span
                    union all
                    select h.d_sellable, h.d_quarantine, h.d_damaged,
                           h.d_returned, h.d_blocked, h.d_reserved
                      from projections.history_late_sums h
                     where h.shard = 0 and h.stock = v_stock and h.level = 0
                       and h.chunk > v_chunk and h.chunk < v_last_chunk
                       and h.span >= v_large_span << (p_spans - p_span) and h.span < v_span
                    union all
                    select h.d_sellable, h.d_quarantine, h.d_damaged,
                           h.d_returned, h.d_blocked, h.d_reserved
                      from projections.history h
                     where h.shard = 0 and h.stock = v_stock and h.occurred_at < h.effective_at
                       and h.position >= v_first
                       and h.position <= least(v_last, ((v_chunk + 1) << p_chunk) - 1)
                       and h.occurred_at + 0 <= p_as_of
                    union all
                    select h.d_sellable, h.d_quarantine, h.d_damaged,
                           h.d_returned, h.d_blocked, h.d_reserved
                      from projections.history h
                     where h.shard = 0 and h.stock = v_stock and h.occurred_at < h.effective_at
                       and h.position >= greatest(v_last_chunk, v_chunk + 1) << p_chunk
                       and h.position <= v_last
                       and h.occurred_at + 0 <= p_as_of
                    union all
                    select h.d_sellable, h.d_quarantine, h.d_damaged,
                           h.d_returned, h.d_blocked, h.d_reserved
                      from projections.history h
                     where h.shard = 0 and h.stock = v_stock and h.occurred_at < h.effective_at
                       and h.occurred_at >= v_span << p_span and h.occurred_at <= p_as_of
                       and h.position + 0 >= (v_chunk + 1) << p_chunk
                       and h.position + 0 < v_last_chunk << p_chunk) q (a, b, c, d, e, f);
            else
                select array[sum(q.a), sum(q.b), sum(q.c), sum(q.d), sum(q.e), sum(q.f)]
                  into v_late
                  from (
                    select q.*
                      from (values
                             (2, v_large + 1, v_last_large),
                             (0, v_chunk + 1, least(v_last_chunk, (v_large + 1) << v_step)),
                             (0, greatest(v_last_large, v_large + 1) << v_step, v_last_chunk)
                           ) r (level, low, high)
                     cross join (values
                             (1, -9223372036854775808, v_large_span),
                             (0, v_large_span << (p_spans - p_span), v_span)
                           ) t (level, low, high)
                     cross join lateral (
                           select sum(h.d_sellable), sum(h.d_quarantine), sum(h.d_damaged),
                                  sum(h.d_returned), sum(h.d_blocked), sum(h.d_reserved)
                             from projections.history_late_sums h
                            where h.shard = 0 and h.stock = v_stock and h.level = r.level + t.level
                              and h.chunk >= r.low and h.chunk < r.high
                              and h.span >= t.low and h.span < t.high) q (a, b, c, d, e, f)
                    union all
                    select q.*
                      from (values
                             (v_first, least(v_last, ((v_chunk + 1) << p_chunk) - 1)),
                             (greatest(v_last_chunk, v_chunk + 1) << p_chunk, v_last)
                           ) r (low, high)
                     cross join lateral (
                           select sum(h.d_sellable), sum(h.d_quarantine), sum(h.d_damaged),
                                  sum(h.d_returned), sum(h.d_blocked), sum(h.d_reserved)
                             from projections.history h
                            where h.shard = 0 and h.stock = v_stock and h.occurred_at < h.effective_at
                              and h.position >= r.low and h.position <= r.high
                              and h.occurred_at + 0 <= p_as_of) q (a, b, c, d, e, f)
                    union all
                    select sum(h.d_sellable), sum(h.d_quarantine), sum(h.d_damaged),
                           sum(h.d_returned), sum(h.d_blocked), sum(h.d_reserved)
                      from projections.history h
                     where h.shard = 0 and h.stock = v_stock and h.occurred_at < h.effective_at
                       and h.occurred_at >= v_span << p_span and h.occurred_at <= p_as_of
                       and h.position + 0 >= (v_chunk + 1) << p_chunk
                       and h.position + 0 < v_last_chunk << p_chunk) q (a, b, c, d, e, f);
            end if;
        end if;
    end if;

    sellable := coalesce(sellable, 0) + coalesce(v_few[1], 0) + coalesce(v_late[1], 0);
    quarantine := coalesce(quarantine, 0) + coalesce(v_few[2], 0) + coalesce(v_late[2], 0);
    damaged := coalesce(damaged, 0) + coalesce(v_few[3], 0) + coalesce(v_late[3], 0);
    returned := coalesce(returned, 0) + coalesce(v_few[4], 0) + coalesce(v_late[4], 0);
    blocked := coalesce(blocked, 0) + coalesce(v_few[5], 0) + coalesce(v_late[5], 0);
    reserved := coalesce(reserved, 0) + coalesce(v_few[6], 0) + coalesce(v_late[6], 0);

    -- Soft holds that had run out and were still open in what was known: those that are open to
    -- this day, and those whose end was recorded later.
    reserved := reserved - coalesce((
        select sum(o.quantity)::bigint from projections.history_holds o
         where o.shard = 0 and o.stock = v_stock and o.to_position is null
           and o.expires_at <= p_as_of and o.from_position <= p_known), 0);
    reserved := reserved - coalesce((
        select sum(o.quantity)::bigint from projections.history_holds o
         where o.stock = v_stock and o.to_position is not null
           and int8range(o.from_position, o.to_position) @> p_known
           and o.expires_at <= p_as_of), 0);

    -- What was on its way, where anything ever was.
    in_transit := 0;
    perform from projections.history_in_transit i
      where i.shard = 0 and i.stock = v_stock and i.position <= p_known;
    if found then
        v_base := null;
        select i.position, i.quantity into v_base, in_transit
          from projections.history_in_transit i
         where i.shard = 0 and i.stock = v_stock and i.effective_at <= p_as_of
         order by i.effective_at desc, i.position desc limit 1;
        if v_base > p_known then
            select i.quantity into in_transit
              from projections.history_in_transit i
             where i.shard = 0 and i.stock = v_stock and i.position <= p_known
             order by i.position desc limit 1;
        end if;
        select sum(i.delta)::bigint into v_under_way
          from projections.history_in_transit i
         where i.stock = v_stock and i.occurred_at < i.effective_at
           and int8range(i.occurred_at, i.effective_at) @> p_as_of and i.position <= p_known;
        in_transit := coalesce(in_transit, 0) + coalesce(v_under_way, 0);
    end if;
    return next;
end;
$$;
