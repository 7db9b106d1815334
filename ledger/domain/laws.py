"""What must always hold, as predicates over plain totals; numbered as in the design.

Neither `postings` nor any `evolve` is used here: whoever asks brings totals computed in his own
way, so that a mistake in the meaning of an event cannot excuse itself. Every predicate returns
the breaches it found, an empty list where the law holds.

| law | says |
|---|---|
| 1 | what an event moves sums to zero per SKU |
| 2 | on hand is the sum of the physical buckets |
| 3 | a request never leaves more reserved than sellable, plus the limit, less what is fenced |
| 4 | the equations of reservations, transfers, returns and voids; documents tell what stocks tell |
| 5 | reserved is the sum of the open holds, and nothing else |
| 6 | a hold ends at its instant, written down or not |
| 7 | no fact is given up for a promise: the promise it broke is an open conflict |
| 8 | the events of one command are written together |
| 9 | at the time of a standing count the level is the counted one |
| 10 | positions are contiguous, instants increase, recorded times never decrease |
| 11 | effective times are the running maximum, so that late facts are found |
| 12 | a projection is what the events say, row for row |
| 13 | every accepted command has one receipt |
| 15 | versions are contiguous; the stream holds every event once, in order |
| 17 | the log is what its head says, and nobody has altered it |
| 18 | every event names actor, source, reason and correlation id |
"""

from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

PHYSICAL: Final = ("sellable", "quarantine", "damaged", "returned", "blocked")


class Breach(Struct, frozen=True, gc=False):
    """A law that does not hold, where in the ledger, and what was found there."""

    law: int
    position: int
    what: str


Breaches = list[Breach]


# --- stock ------------------------------------------------------------------------------------


def postings_sum_to_zero(position: int, sums: Mapping[str, int]) -> Breaches:
    """Law 1. `sums` holds per SKU what all buckets, virtual ones included, changed by."""
    return [
        Breach(1, position, f"the postings of {sku!r} sum to {total}, not to zero")
        for sku, total in sums.items()
        if total
    ]


def on_hand_is_its_buckets(position: int, on_hand: int, levels: Mapping[str, int]) -> Breaches:
    """Law 2."""
    total = sum(levels.get(bucket, 0) for bucket in PHYSICAL)
    if on_hand == total:
        return []
    return [Breach(2, position, f"on hand is {on_hand}, its buckets hold {total}")]


def promise_is_covered(
    position: int,
    *,
    sellable: int,
    reserved: int,
    asked: int,
    backorder: int = 0,
    fenced: int = 0,
) -> Breaches:
    """Law 3, with the totals before the promise and the units it newly binds."""
    if asked <= 0 or reserved + asked <= sellable + backorder - fenced:
        return []
    return [
        Breach(
            3,
            position,
            f"{asked} promised with {sellable} sellable and {reserved} reserved before",
        )
    ]


def fence_is_covered(position: int, *, channel: str, asked: int, spare: int) -> Breaches:
    """Law 3: only what nobody holds or has set aside is set aside for a channel."""
    if asked <= spare:
        return []
    return [Breach(3, position, f"{asked} set aside for {channel!r} of {spare} to spare")]


def fence_gives_what_it_has(position: int, channel: str, *, free: int, held: int) -> Breaches:
    """Law 3: nobody takes more from a ring-fence than it has, or gives back what it never gave."""
    if min(free, held) >= 0:
        return []
    return [Breach(3, position, f"the fence of {channel!r} has {free} free and {held} held")]


def fence_is_in_its_hold(
    position: int, holder: str, *, fenced: int, open_units: int, same_channel: bool
) -> Breaches:
    """Law 3: what a hold has of a ring-fence is a part of its open units, of one channel."""
    if 0 <= fenced <= open_units and same_channel:
        return []
    return [Breach(3, position, f"{holder!r} has {fenced} of a fence in {open_units} open units")]


def fence_gets_back(
    position: int, holder: str, *, had: tuple[str, int] | None, told: tuple[str, int] | None
) -> Breaches:
    """Law 3: what ran out goes back where it came from, to the last unit."""
    if had == told:
        return []
    return [Breach(3, position, f"{holder!r} had {had} of a fence and gave {told} back")]


def fence_is_its_holds(position: int, channel: str, *, held: int, parts: Iterable[int]) -> Breaches:
    """Law 3: what a ring-fence says is held is what open holds have of it."""
    total = sum(parts)
    if held == total:
        return []
    return [Breach(3, position, f"the fence of {channel!r} has {held} held, its holds {total}")]


def promise_is_whole(position: int, *, short: int, asked: str) -> Breaches:
    """Law 3: a broken hold is neither confirmed nor extended."""
    if short == 0:
        return []
    return [Breach(3, position, f"a hold that is {short} short was {asked}")]


# --- reservations and movements ---------------------------------------------------------------


class LineTotals(Struct, frozen=True, gc=False):
    """The units of one line of a reservation, by what became of them."""

    requested: int
    granted: int
    rejected: int
    open: int
    fulfilled: int
    released: int
    expired: int


def line_adds_up(position: int, name: str, line: LineTotals) -> Breaches:
    """Law 4: a request is granted or rejected to the last unit; a granted unit is open or gone."""
    found: Breaches = []
    if line.requested != line.granted + line.rejected:
        found.append(
            Breach(
                4,
                position,
                f"{name}: requested {line.requested}, "
                f"but granted {line.granted} and rejected {line.rejected}",
            )
        )
    gone = line.fulfilled + line.released + line.expired
    if line.granted != line.open + gone:
        found.append(
            Breach(
                4,
                position,
                f"{name}: granted {line.granted}, open {line.open}, gone {gone}",
            )
        )
    if min(line.requested, line.granted, line.rejected, line.open) < 0 or (
        min(line.fulfilled, line.released, line.expired) < 0
    ):
        found.append(Breach(4, position, f"{name}: a negative amount in {line}"))
    return found


class TransferTotals(Struct, frozen=True, gc=False, kw_only=True):
    """The units of one SKU in a transfer; what is told to have arrived includes the surplus."""

    dispatched: int
    received: int
    damaged: int
    lost: int
    returned: int
    surplus: int
    in_transit: int


def transfer_adds_up(position: int, name: str, line: TransferTotals) -> Breaches:
    """Law 4: what left is accounted for or on its way; only what nobody sent is a surplus."""
    found: Breaches = []
    arrived = line.received + line.damaged + line.lost + line.returned
    if line.dispatched + line.surplus != arrived + line.in_transit:
        what = f"{line.dispatched} left, {arrived} arrived, {line.surplus} of them surplus"
        found.append(Breach(4, position, f"{name}: {what}, {line.in_transit} in transit"))
    if line.surplus and line.in_transit:
        what = f"{line.surplus} surplus while {line.in_transit} are in transit"
        found.append(Breach(4, position, f"{name}: {what}"))
    if min(getattr(line, field) for field in line.__struct_fields__) < 0:
        found.append(Breach(4, position, f"{name}: a negative amount in {line}"))
    return found


def surplus_came_last(
    position: int,
    name: str,
    *,
    left: int,
    arrivals: Mapping[int, int],
    surplus: Mapping[int, int],
) -> Breaches:
    """Law 4: what left covers the earliest arrivals; both mappings go from business time to units.

    Whatever the order in which people reported it, so that the past does not depend on that.
    """
    expected: dict[int, int] = {}
    for at in sorted(arrivals):
        uncovered = max(0, arrivals[at] - left)
        left = max(0, left - arrivals[at])
        if uncovered:
            expected[at] = uncovered
    if expected == surplus:
        return []
    return [Breach(4, position, f"{name}: the surplus came {dict(surplus)}, not {expected}")]


def void_is_left(position: int, name: str, *, recorded: int, voided: int) -> Breaches:
    """Law 4: no more of a movement is voided than was recorded, and never less than nothing."""
    if 0 <= voided <= recorded:
        return []
    return [Breach(4, position, f"{voided} of movement {name!r} voided, {recorded} recorded")]


def return_adds_up(
    position: int,
    name: str,
    *,
    received: int,
    waived: int,
    inspected: int,
    dispositioned: int,
    left: Iterable[int],
    closed: bool,
) -> Breaches:
    """Law 4: of a SKU, what came or was waived has a disposition or is still in `returned`.

    `left` are the units there, by location. A closed return has none.
    """
    units = list(left)
    found: Breaches = []
    if received + waived != dispositioned + sum(units):
        what = f"received {received} and waived {waived}, but {dispositioned} decided"
        found.append(Breach(4, position, f"{name}: {what} and {sum(units)} left"))
    if units and min(units) < 0:
        found.append(Breach(4, position, f"{name}: more went than lay at a location"))
    if inspected > received:
        found.append(Breach(4, position, f"{name}: {inspected} inspected of {received} received"))
    if closed and any(units):
        found.append(Breach(4, position, f"{name}: closed with {sum(units)} left"))
    return found


def movement_goes_on(
    position: int, name: str, *, recorded: int, known: int, ended: bool
) -> Breaches:
    """Law 4: what becomes of a movement begins where it stood; nothing becomes of a cancelled one.

    So two people cannot cancel the same movement.
    """
    if ended:
        return [Breach(4, position, f"movement {name!r} is cancelled")]
    if recorded == known:
        return []
    return [Breach(4, position, f"movement {name!r} came to {known}, not to {recorded}")]


# --- counts -----------------------------------------------------------------------------------


def level_is_counted(position: int, name: str, *, counted: int, level: int) -> Breaches:
    """Law 9: at the time of a standing count the level is what was seen, whatever came in since."""
    if level == counted:
        return []
    return [Breach(9, position, f"{name}: {counted} counted, the level there is {level}")]


def cancel_takes_all(position: int, *, held: int, taken: int) -> Breaches:
    """Law 9: a count that is cancelled leaves nothing of it in the variance."""
    if held == taken:
        return []
    return [Breach(9, position, f"{taken} of the variance taken back, the count held {held}")]


def reserved_is_its_holds(position: int, reserved: int, open_units: Iterable[int]) -> Breaches:
    """Law 5: the total over the holds, none of which is empty or negative."""
    units = list(open_units)
    found: Breaches = []
    if reserved != sum(units):
        found.append(
            Breach(
                5,
                position,
                f"reserved is {reserved}, the open holds sum to {sum(units)}",
            )
        )
    if units and min(units) <= 0:
        found.append(Breach(5, position, f"a hold has {min(units)} units open"))
    return found


def streams_agree(position: int, name: str, *, in_stock: int, in_reservation: int) -> Breaches:
    """Law 5: the stock's stream and the reservation's tell the same about one promise."""
    if in_stock == in_reservation:
        return []
    return [
        Breach(
            5,
            position,
            f"{name}: {in_stock} by the stock, {in_reservation} by the reservation",
        )
    ]


def hold_still_runs(position: int, *, expires_at: int | None, at: int, doing: str) -> Breaches:
    """Law 6: nothing is done with a hold from its expiry on."""
    if expires_at is None or at < expires_at:
        return []
    return [Breach(6, position, f"a hold was {doing} {at - expires_at} µs after it had run out")]


def expiry_is_exact(
    position: int,
    *,
    expires_at: int | None,
    written: int,
    now: int,
    held: int,
    quantity: int,
) -> Breaches:
    """Law 6: a sweep writes what was open, at the instant it ran out, and never before."""
    found: Breaches = []
    if written != expires_at:
        found.append(Breach(6, position, f"expiry written for {written}, due at {expires_at}"))
    if written > now:
        found.append(Breach(6, position, f"expiry written {written - now} µs too early"))
    if quantity != held:
        found.append(Breach(6, position, f"{quantity} units expired of {held} open"))
    return found


# --- conflicts --------------------------------------------------------------------------------


def shortage(*, sellable: int, reserved: int, backorder: int = 0) -> int:
    """How many promised units have neither stock nor an allowance behind them."""
    return min(reserved, max(0, reserved - sellable - backorder))


def broken_promises(short: int, holds: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Spread a shortage over holds given in breaking order: soft before hard, newest first."""
    broken: dict[str, int] = {}
    for holder, units in holds:
        if short <= 0:
            break
        broken[holder] = min(short, units)
        short -= units
    return broken


def conflicts_are_open(
    position: int, kind: str, *, expected: Mapping[str, int], found: Mapping[str, int]
) -> Breaches:
    """Law 7: by holder, exactly what is broken is open, by exactly the units short."""
    if expected == found:
        return []
    return [
        Breach(
            7,
            position,
            f"{kind} of {holder!r}: short {expected.get(holder, 0)}, "
            f"open conflict says {found.get(holder, 0)}",
        )
        for holder in sorted(expected.keys() | found.keys())
        if expected.get(holder, 0) != found.get(holder, 0)
    ]


def conflict_change_is_one(position: int, conflict_id: str, *, before: int, after: int) -> Breaches:
    """Law 7: a conflict is opened, changed or cleared only where the amount short changes."""
    if before != after:
        return []
    return [Breach(7, position, f"conflict {conflict_id!r} was {before} short and still is")]


# --- the log ----------------------------------------------------------------------------------


class Place(Struct, frozen=True, gc=False):
    """Where and when an event stands in the log."""

    position: int
    instant: int
    recorded_at: int
    command: str


START: Final = Place(0, 0, -(2**63), "")
"""Before the first event."""


def log_is_in_order(last: Place, this: Place) -> Breaches:
    """Laws 8 and 10, between neighbours.

    An instant belongs to one item of one command; its events stand together, so a repeated
    instant that is not the neighbour's is a decrease.
    """
    found: Breaches = []
    if this.position != last.position + 1:
        # Where a position is missing, it is the missing one that is named.
        where = min(this.position, last.position + 1)
        found.append(Breach(10, where, f"position {this.position} follows {last.position}"))
    if this.instant < last.instant:
        found.append(Breach(10, this.position, f"instant {this.instant} follows {last.instant}"))
    elif this.instant == last.instant and this.command != last.command:
        found.append(Breach(8, this.position, "two commands share one instant"))
    if this.recorded_at < last.recorded_at:
        found.append(
            Breach(
                10,
                this.position,
                f"recorded {last.recorded_at - this.recorded_at} µs too early",
            )
        )
    elif this.recorded_at < this.instant:
        found.append(Breach(10, this.position, "recorded before it was decided"))
    return found


def version_is_next(position: int, stream: str, *, last: int, found: int) -> Breaches:
    """Law 15: the versions of a stream are contiguous from 1."""
    if found == last + 1:
        return []
    return [Breach(15, position, f"version {found} of {stream!r} follows {last}")]


def effective_is_running_maximum(
    position: int, *, last: int, occurred_at: int, effective_at: int
) -> Breaches:
    """Law 11."""
    if effective_at == max(last, occurred_at):
        return []
    return [
        Breach(
            11,
            position,
            f"effective at {effective_at}, should be {max(last, occurred_at)}",
        )
    ]


def nothing_from_the_future(position: int, *, occurred_at: int, instant: int) -> Breaches:
    """Law 10: no event happened after it was decided."""
    if occurred_at <= instant:
        return []
    return [Breach(10, position, f"happened {occurred_at - instant} µs after its decision")]


def provenance_is_named(
    position: int, *, actor: str, source: str, reason: str, correlation_id: str
) -> Breaches:
    """Law 18."""
    if actor and source and reason and correlation_id:
        return []
    names = {
        "actor": actor,
        "source": source,
        "reason": reason,
        "correlation id": correlation_id,
    }
    missing = ", ".join(name for name, value in names.items() if not value)
    return [Breach(18, position, f"the event does not name its {missing}")]


def head_is_the_end(*, head: int, last: int, events: int) -> Breaches:
    """Law 17: the head row, the last position and the number of events agree."""
    if head == last == events:
        return []
    return [
        Breach(
            17,
            min(head, last, events) + 1,
            f"the head stands at {head}, the last event at {last}, and there are {events}",
        )
    ]
