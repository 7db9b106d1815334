-- Why: a promise that was hard from the start can be confirmed, too, and its status says so; what it
--      was placed as does not tell that any more.
-- Locks: `reservations`, as long as it takes to note which were confirmed. Deploy: before the
--        program, with the projectors stopped. Fill: here.
alter table projections.reservations add column confirmed boolean not null default false;
update projections.reservations set confirmed = true where kind = 'hard' and placed_kind = 'soft';
alter table projections.reservations drop column placed_kind;
