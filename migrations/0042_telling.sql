-- Why: what every channel was told, when and why; kept for ever, and the outbox from which it is
--      published: a value is in the log before anybody hears of it.
-- Locks: none, new tables. Deploy: before. Fill: by itself, from the first channel on.
create schema telling;
grant usage on schema telling to ledger_service;

-- Where the one active teller stands. Its row is the fence: who was overtaken changes nothing.
create table telling.place (
    shard smallint primary key check (shard = 0),
    position bigint not null default 0,         -- streams touched up to here have been looked at
    instant bigint not null default 0,          -- of the last values, in microseconds; only grows
    generation bigint not null default 1,       -- of the stream that is told to
    told bigint not null default 0,             -- values of this generation, numbered from 1
    subjects bigint not null default 0,         -- on how many subjects the last value of each is
    epoch bigint not null default 0,
    holder text not null default '',
    backend integer not null default 0,         -- of whose session it is: without it, it is over
    leased_until timestamptz not null default '-infinity'
) with (fillfactor = 10);
insert into telling.place (shard) values (0);

-- What shaped the numbers of a channel when it was last looked at, and, while a change of that is
-- being told, how far this has come: round from one SKU, past the last one, to the same again.
create table telling.channels (
    shard smallint not null,
    channel text collate "C" not null,
    shape bytea not null,                       -- digest of rules, staleness and locations
    sweeping boolean not null,
    after text collate "C" not null,            -- the last SKU that was looked at
    until text collate "C" not null,            -- where the round began
    wrapped boolean not null,
    primary key (shard, channel)
);

create table telling.channel_log (
    shard smallint not null,
    generation bigint not null,
    told bigint not null check (told > 0),
    channel text collate "C" not null,
    sku text collate "C" not null,
    location text collate "C" not null,         -- '': all locations of the channel together
    ats bigint not null check (ats >= 0),
    position bigint not null,                   -- of the ledger, which the value reflects
    rule_version bigint not null,               -- of the channel
    instant bigint not null,                    -- by which holds have run out, in microseconds
    expires bigint,                             -- when the next hold runs out
    inputs text collate "C" not null,           -- JSON: what the rules were applied to
    primary key (shard, generation, told)
);
-- The last value of each subject, and the one in force at an instant: a channel hears of a subject
-- once an instant.
create unique index channel_log_subject on telling.channel_log
    (shard, channel, sku, location, instant desc);

-- Runs of values as they are sent, and the sequence that the stream has for the first: it takes them
-- there or nowhere. What has to be sent again has a later row of its own, once the stream has it.
create table telling.sent (
    shard smallint not null,
    generation bigint not null,
    told bigint not null,                       -- of the first value of the run
    through bigint not null,                    -- of the last; the stream's sequences run along
    sequence bigint not null,
    sent_at timestamptz not null default clock_timestamp(),
    primary key (shard, generation, told, sent_at)
);

do $$
declare
    name text;
begin
    foreach name in array array['channel_log', 'sent'] loop
        execute format('create trigger immutable before update or delete on telling.%I
            for each row execute function ledger.refuse_change()', name);
        execute format('create trigger immutable_table before truncate on telling.%I
            for each statement execute function ledger.refuse_change()', name);
    end loop;
end $$;
grant select, insert on telling.channel_log, telling.sent to ledger_service;
grant select, update on telling.place to ledger_service;
grant select, insert, update, delete on telling.channels to ledger_service;
