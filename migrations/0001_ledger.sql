-- Why: the ledger itself: the head, the events, the receipts, the snapshots, and the one function
--      that writes them.
-- Locks: none, new tables. Deploy: before.
create schema ledger;

do $$ begin
    if not exists (select from pg_roles where rolname = 'ledger_service') then
        create role ledger_service nologin;
    end if;
end $$;

-- One row a shard. Every append locks it, which makes positions contiguous and commit-ordered;
-- the low fillfactor keeps its many versions on one page.
create table ledger.heads (
    shard smallint primary key check (shard = 0),
    position bigint not null default 0,
    epoch bigint not null default 0,
    instant bigint not null default 0,          -- decision time of the last command, in microseconds
    recorded_at timestamptz not null default '-infinity',
    holder text not null default '',            -- who holds the lease of this epoch
    leased_until timestamptz not null default '-infinity'
) with (fillfactor = 10);
insert into ledger.heads (shard) values (0);

create table ledger.events (
    shard smallint not null,
    stream text collate "C" not null,
    version bigint not null check (version >= 0),
    position bigint not null check (position > 0),
    recorded_at timestamptz not null,
    topic text collate "C" not null,
    state bytea not null,
    primary key (shard, stream, version),
    unique (shard, position)
);

create table ledger.receipts (
    shard smallint not null,
    command bytea not null,                     -- digest of principal and idempotency key
    fingerprint bytea not null,                 -- hash version and hash of the client's fields
    position bigint not null,                   -- the head's when the command was accepted
    answer bytea not null,
    primary key (shard, command)
);

create table ledger.snapshots (
    shard smallint not null,
    stream text collate "C" not null,
    version bigint not null,
    topic text collate "C" not null,            -- the state's kind and schema hash
    state bytea not null,
    primary key (shard, stream, version)
);

-- Append what one batch decided: all of it or none of it, one round trip, one commit.
-- Returns when it was recorded, or null where the head has moved or the epoch is another's.
-- A null epoch or expected position means any: for callers who rely on stream versions alone.
create function ledger.append(
    p_shard smallint, p_epoch bigint, p_expected bigint, p_instant bigint, p_lease interval,
    p_streams text[], p_versions bigint[], p_topics text[], p_states bytea[],
    p_commands bytea[], p_fingerprints bytea[], p_positions bigint[], p_answers bytea[]
) returns timestamptz language plpgsql as $$
declare
    v_position bigint;
    v_last timestamptz;
    v_recorded_at timestamptz;
begin
    select position, recorded_at into v_position, v_last from ledger.heads
     where shard = p_shard and epoch = coalesce(p_epoch, epoch)
       and position = coalesce(p_expected, position) for update;
    if not found then
        return null;
    end if;
    -- The clock is read after the wait for the row, so that recorded_at never lies in the past
    -- of a reader who saw an earlier position.
    v_recorded_at := greatest(
        clock_timestamp(), v_last, to_timestamp(0) + p_instant * interval '1 microsecond');
    update ledger.heads
       set position = v_position + cardinality(p_streams), instant = greatest(instant, p_instant),
           recorded_at = v_recorded_at,
           leased_until = greatest(leased_until, clock_timestamp() + p_lease)
     where shard = p_shard;
    insert into ledger.events (shard, stream, version, position, recorded_at, topic, state)
    select p_shard, e.stream, e.version, v_position + e.ordinal, v_recorded_at, e.topic, e.state
      from unnest(p_streams, p_versions, p_topics, p_states)
           with ordinality as e (stream, version, topic, state, ordinal);
    insert into ledger.receipts (shard, command, fingerprint, position, answer)
    select p_shard, r.command, r.fingerprint, r.position, r.answer
      from unnest(p_commands, p_fingerprints, p_positions, p_answers)
           as r (command, fingerprint, position, answer);
    return v_recorded_at;
end $$;

-- Take the lease when it has run out. Returns the new epoch and the head, or no row.
create function ledger.acquire(p_shard smallint, p_holder text, p_lease interval)
returns table (epoch bigint, head bigint, instant bigint) language sql as $$
    update ledger.heads h
       set epoch = h.epoch + 1, holder = p_holder, leased_until = clock_timestamp() + p_lease
     where h.shard = p_shard and h.leased_until < clock_timestamp()
    returning h.epoch, h.position, h.instant
$$;

-- Keep the lease. Returns the head, or no row when another has taken over.
create function ledger.renew(p_shard smallint, p_epoch bigint, p_lease interval)
returns table (head bigint) language sql as $$
    update ledger.heads h set leased_until = clock_timestamp() + p_lease
     where h.shard = p_shard and h.epoch = p_epoch
    returning h.position
$$;

-- End every append still under way under this epoch: after this commits, what is not in the
-- ledger never will be. Returns the next epoch and the head, or no row when another has fenced.
create function ledger.fence(p_shard smallint, p_epoch bigint, p_lease interval)
returns table (epoch bigint, head bigint, instant bigint) language sql as $$
    update ledger.heads h
       set epoch = h.epoch + 1, leased_until = clock_timestamp() + p_lease
     where h.shard = p_shard and h.epoch = p_epoch
    returning h.epoch, h.position, h.instant
$$;

-- Give the lease back so that a stand-by need not wait for it to run out.
create function ledger.resign(p_shard smallint, p_epoch bigint)
returns void language sql as $$
    update ledger.heads set leased_until = '-infinity' where shard = p_shard and epoch = p_epoch
$$;

-- The last position recorded at or before an instant: a binary search, because recorded_at never
-- decreases with position. 0 where nothing had been recorded.
create function ledger.position_at(p_shard smallint, p_at timestamptz)
returns bigint language plpgsql stable as $$
declare
    v_low bigint := 0;
    v_high bigint;
    v_middle bigint;
    v_recorded_at timestamptz;
begin
    select position into v_high from ledger.heads where shard = p_shard;
    while v_low < v_high loop
        v_middle := (v_low + v_high + 1) / 2;
        select recorded_at into v_recorded_at from ledger.events
         where shard = p_shard and position = v_middle;
        if v_recorded_at <= p_at then v_low := v_middle; else v_high := v_middle - 1; end if;
    end loop;
    return v_low;
end $$;

-- Immutability is a matter of grants; the triggers are a second guard, for owners' slips.
create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of %.% are immutable', tg_table_schema, tg_table_name
        using errcode = 'IL001', hint = 'Record a new fact instead: a void, a correction, a count.';
end $$;
create trigger immutable before update or delete on ledger.events
    for each row execute function ledger.refuse_change();
create trigger immutable_table before truncate on ledger.events
    for each statement execute function ledger.refuse_change();
create trigger immutable before update or delete on ledger.receipts
    for each row execute function ledger.refuse_change();
create trigger immutable_table before truncate on ledger.receipts
    for each statement execute function ledger.refuse_change();

grant usage on schema ledger to ledger_service;
grant select, insert on ledger.events, ledger.receipts to ledger_service;
grant select, insert, delete on ledger.snapshots to ledger_service;
grant select, update on ledger.heads to ledger_service;
