-- table --
-- For your own migration; the name is yours. A row for each key, not for each message: nothing
-- ever has to be tidied away.
create table inbox (
    subscriber text not null,
    key text not null,
    generation bigint not null,
    sequence bigint not null,
    primary key (subscriber, key)
);

-- once --
-- A row comes back where the message is newer than the last one of its key.
insert into {table} as seen (subscriber, key, generation, sequence)
values (%s, %s, %s, %s)
on conflict (subscriber, key) do update
   set generation = excluded.generation, sequence = excluded.sequence
 where (seen.generation, seen.sequence) < (excluded.generation, excluded.sequence)
returning sequence
