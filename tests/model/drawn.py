"""Random commands of every kind, drawn without looking at what they will meet.

Ids are remembered as they are used, so that later commands speak of earlier ones: sometimes of
one that was refused, of one that has long ended, or of one that never was.
"""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from ledger.domain import commands as c
from ledger.domain.events import (
    Authority,
    Buffer,
    ChannelRules,
    DispositionedLine,
    GradedLine,
    LineQuantity,
    Pack,
    ReceivedLine,
    Relocation,
    SafetyStock,
    SkuQuantity,
    SourcedLine,
    StalenessBand,
)
from ledger.domain.units import Stated
from ledger.domain.values import PHYSICAL_BUCKETS, Instant

SECOND: Final = 1_000_000
DISPOSITIONS: Final = (
    "restock",
    "refurbish",
    "damaged",
    "return_to_vendor",
    "scrap",
    "return_to_customer",
    "credit_only",
    "missing",
)
RESOLUTIONS: Final = ("dismiss", "release", "shorten", "re_source", "record")
RECENT: Final = 12


class Drawn:
    """Draws from one source of chance: the same seed, the same commands."""

    def __init__(self, random: Random, skus: tuple[str, ...], places: tuple[str, ...]) -> None:
        self.random = random
        self.skus = skus
        self.places = places
        self.ids: dict[str, list[str]] = {}
        self.stocks: dict[str, tuple[str, str]] = {}  # By movement, where it was.
        self.number = 0
        self.now: Instant = 0

    def command(self, now: Instant) -> c.AnyCommand:
        """The next one."""
        self.now = now
        self.number += 1
        return self.random.choice(self.random.choices(KINDS, WEIGHTS)[0])(self)

    def remember(self, kind: str, name: str) -> str:
        """An id that later commands may speak of."""
        self.ids.setdefault(kind, []).append(name)
        return name

    def some(self, kind: str) -> str:
        """One of the latest ids of a kind, or one that nobody has used."""
        known = self.ids.get(kind, [])[-RECENT:]
        return self.random.choice(known) if known else f"no-{kind}"

    # --- parts ------------------------------------------------------------------------------------

    def quantity(self, most: int = 9) -> int:
        """Few units."""
        return self.random.randrange(1, most + 1)

    def sku(self) -> str:
        """A SKU."""
        return self.random.choice(self.skus)

    def place(self) -> str:
        """A location."""
        return self.random.choice(self.places)

    def bucket(self) -> Any:
        """A bucket; most goods are for sale."""
        return self.random.choice(("sellable", "sellable", *PHYSICAL_BUCKETS))

    def at(self) -> Instant | None:
        """A business time: mostly now, often late, now and then to come."""
        draw = self.random.random()
        if draw < 0.55:
            return None
        if draw < 0.97:
            return self.now - self.random.randrange(0, 4_000) * SECOND
        return self.now + self.random.randrange(1, 900) * SECOND

    def line(self) -> LineQuantity:
        """Units of a stock."""
        return LineQuantity(sku=self.sku(), location=self.place(), quantity=self.quantity(5))

    def lines(self) -> tuple[LineQuantity, ...]:
        """Units of some stocks, each once."""
        drawn = [self.line() for _ in range(self.random.randrange(1, 4))]
        return tuple({(line.location, line.sku): line for line in drawn}.values())

    def sourced(self) -> tuple[SourcedLine, ...]:
        """Units from whichever place has them."""
        count = self.random.randrange(1, len(self.places) + 1)
        return (
            SourcedLine(
                sku=self.sku(),
                locations=tuple(self.random.sample(self.places, count)),
                quantity=self.quantity(12),
                sourcing=self.random.choice(("in_order", "most_available")),
                split=self.random.random() < 0.5,
            ),
        )

    def goods(self, most: int = 6) -> tuple[SkuQuantity, ...]:
        """Units of some SKUs, each once."""
        skus = self.random.sample(self.skus, self.random.randrange(1, len(self.skus)))
        return tuple(SkuQuantity(sku=sku, quantity=self.quantity(most)) for sku in skus)

    def soon(self) -> Instant:
        """When a promise may run out."""
        return self.now + self.random.randrange(30, 900) * SECOND

    def known(self) -> dict[str, Any]:
        """A movement that was told before, with its stock: most of the time the right one."""
        name = self.some("movement")
        location, sku = self.stocks.get(name, (self.place(), self.sku()))
        return {"location": location, "sku": sku, "of": name}


# --- facts --------------------------------------------------------------------------------------


def facts(d: Drawn) -> c.RecordMovements:
    """One movement, or some."""
    count = 1 if d.random.random() < 0.85 else d.random.randrange(2, 5)
    movements = tuple(movement(d, f"m-{d.number}-{n}") for n in range(count))
    for one in movements:
        name = d.remember("movement", one.movement_id or "")
        d.stocks[name] = one.location, one.sku
    return c.RecordMovements(movements=movements)


def movement(d: Drawn, name: str) -> c.AnyMovement:  # noqa: C901, PLR0912 - one case a type
    """A fact under its own id."""
    told: dict[str, Any] = {"sku": d.sku(), "location": d.place(), "movement_id": name}
    fact = {**told, "occurred_at": d.at()}
    restated = {**told, **d.known()}
    match d.random.choice(MOVEMENTS):
        case "opening":
            return c.Opening(**fact, quantity=d.quantity())
        case "receive":
            return c.Receive(**fact, quantity=d.quantity(20))
        case "cases":
            stated = (Stated(field="quantity", amount=d.random.choice(("2", "1.5")), uom="case"),)
            return c.Receive(**fact, quantity=0, stated=stated)
        case "sale":
            return c.Sale(**fact, quantity=d.quantity(), channel="web")
        case "ordered":
            return c.Sale(**fact, quantity=d.quantity(), order=d.remember("order", order(d)))
        case "promised":
            return c.Sale(**fact, quantity=d.quantity(), reservation_id=d.some("reservation"))
        case "void":
            return c.SaleVoid(**restated, quantity=d.quantity(4))
        case "return":
            return c.Return(**fact, quantity=d.quantity(4), to_bucket=d.bucket())
        case "returned":
            return c.Return(**fact, quantity=d.quantity(4), order=d.some("order"))
        case "adjust":
            return c.Adjust(**fact, delta=d.random.choice((-7, -2, 1, 5)))
        case "expecting":
            return c.Adjust(**fact, delta=2, expected_on_hand=d.quantity(30))
        case "move":
            source, target = d.random.sample(PHYSICAL_BUCKETS, 2)
            return c.Move(**fact, quantity=d.quantity(5), from_bucket=source, to_bucket=target)
        case "scrap":
            return c.Scrap(**fact, quantity=d.quantity(4), bucket=d.bucket())
        case "count":
            return c.Count(**fact, counted=d.random.randrange(0, 30), bucket=d.bucket())
        case "recount":
            of = restated.pop("of")
            return c.Count(**restated, counted=d.random.randrange(0, 30), replaces=of)
        case "correct":
            return c.Correct(**restated, quantity=d.random.randrange(-3, 12))
        case _:
            return c.Cancel(**restated)


def order(d: Drawn) -> str:
    """A customer's order, new or known."""
    return d.some("order") if d.random.random() < 0.5 else f"order-{d.number}"


MOVEMENTS: Final = (
    *("receive", "receive", "receive", "sale", "sale", "sale", "count", "count", "move", "scrap"),
    *("opening", "ordered", "promised", "void", "void", "return", "returned", "adjust"),
    *("expecting", "recount", "correct", "correct", "cancel", "cases"),
)


# --- promises -----------------------------------------------------------------------------------


def place(d: Drawn) -> c.PlaceReservation:
    """A promise, soft or hard, here or wherever there is something."""
    soft = d.random.random() < 0.7
    candidates = d.random.random() < 0.3
    return c.PlaceReservation(
        reservation_id=d.remember("reservation", f"r-{d.number}"),
        lines=() if candidates else d.lines(),
        sourced=d.sourced() if candidates else (),
        channel=d.random.choice(("web", "shop", None)),
        kind="soft" if soft else "hard",
        expires_at=d.soon() if soft else None,
        policy=d.random.choice(("all", "partial")),
    )


def confirm(d: Drawn) -> c.ConfirmReservation:
    """For good."""
    return c.ConfirmReservation(reservation_id=d.some("reservation"))


def extend(d: Drawn) -> c.ExtendReservation:
    """For longer, or not so long."""
    return c.ExtendReservation(reservation_id=d.some("reservation"), expires_at=d.soon())


def amend(d: Drawn) -> c.AmendReservation:
    """Other quantities."""
    return c.AmendReservation(reservation_id=d.some("reservation"), lines=d.lines())


def release(d: Drawn) -> c.ReleaseReservation:
    """Some of it, or all."""
    lines = d.lines() if d.random.random() < 0.5 else None
    return c.ReleaseReservation(reservation_id=d.some("reservation"), lines=lines)


def fulfil(d: Drawn) -> c.FulfilReservation:
    """What was promised has left, or something else."""
    return c.FulfilReservation(
        reservation_id=d.some("reservation"),
        lines=d.lines() if d.random.random() < 0.4 else None,
        occurred_at=d.at(),
        if_open=d.random.random() < 0.3,
    )


def relocate(d: Drawn) -> c.RelocateReservation:
    """To another place."""
    start, end = d.random.sample(d.places, 2)
    move = Relocation(sku=d.sku(), from_location=start, to_location=end, quantity=d.quantity(3))
    return c.RelocateReservation(reservation_id=d.some("reservation"), moves=(move,))


def expire(d: Drawn) -> c.ExpireHolds:
    """What the sweeper does."""
    return c.ExpireHolds(location=d.place(), sku=d.sku())


def grant(d: Drawn) -> c.GrantFence:
    """Units for one channel alone."""
    return c.GrantFence(sku=d.sku(), location=d.place(), channel="web", quantity=d.quantity(4))


def unfence(d: Drawn) -> c.ReturnFence:
    """Units for everybody again."""
    quantity = d.quantity(3) if d.random.random() < 0.5 else None
    return c.ReturnFence(sku=d.sku(), location=d.place(), channel="web", quantity=quantity)


def backorder(d: Drawn) -> c.SetBackorderLimit:
    """More may be promised than there is."""
    return c.SetBackorderLimit(
        sku=d.sku(), location=d.place(), limit=d.random.choice((0, 0, 0, 3, 8))
    )


def resolve(d: Drawn) -> c.ResolveConflict:
    """Somebody deals with a conflict."""
    candidates = c.Candidates(locations=d.places, split=d.random.random() < 0.5)
    resolution = d.random.choice(RESOLUTIONS)
    return c.ResolveConflict(
        conflict_id=d.some("conflict"),
        resolution=resolution,
        candidates=candidates if resolution == "re_source" else None,
    )


# --- documents ----------------------------------------------------------------------------------


def transfer(d: Drawn) -> c.AnyTransferCommand:
    """A transfer begins, or goes on."""
    name = d.some("transfer")
    match d.random.randrange(10):
        case 0 | 1 | 2:
            start, end = d.random.sample(d.places, 2)
            name = d.remember("transfer", f"t-{d.number}")
            return c.RequestTransfer(
                transfer_id=name, from_location=start, to_location=end, lines=d.goods()
            )
        case 3 | 4 | 5:
            lines = d.goods(4) if d.random.random() < 0.5 else None
            return c.DispatchTransfer(transfer_id=name, lines=lines, occurred_at=d.at())
        case 6 | 7 | 8:
            return c.ReceiveTransfer(transfer_id=name, lines=arrived(d), occurred_at=d.at())
        case _:
            return d.random.choice((c.CancelTransfer, c.CloseTransfer))(transfer_id=name)


def arrived(d: Drawn) -> tuple[ReceivedLine, ...] | None:
    """What came of a transfer: everything, or this and that."""
    if d.random.random() < 0.4:
        return None
    units = dict.fromkeys(("received", "damaged", "lost", "returned"), 0)
    for _ in range(d.quantity(5)):
        units[d.random.choice([*units])] += 1
    return (ReceivedLine(sku=d.sku(), **units),)


def return_(d: Drawn) -> c.AnyReturnCommand:
    """A return begins, or goes on."""
    name = d.some("return")
    match d.random.randrange(10):
        case 0 | 1:
            known = d.some("order") if d.random.random() < 0.7 else None
            name = d.remember("return", f"b-{d.number}")
            return c.AuthoriseReturn(return_id=name, lines=d.goods(3), order=known)
        case 2 | 3 | 4:
            return c.ReceiveReturn(
                return_id=name, location=d.place(), lines=d.goods(3), occurred_at=d.at()
            )
        case 5 | 6:
            grade = GradedLine(sku=d.sku(), quantity=d.quantity(3), grade="b")
            return c.InspectReturn(return_id=name, lines=(grade,))
        case 7 | 8:
            what: Any = d.random.choice(DISPOSITIONS)
            line = DispositionedLine(sku=d.sku(), quantity=d.quantity(2), disposition=what)
            return c.DispositionReturn(return_id=name, lines=(line,), occurred_at=d.at())
        case _:
            return c.CloseReturn(return_id=name)


def count(d: Drawn) -> c.AnyCountCommand:
    """A count document begins, or goes on."""
    name = d.some("count")
    match d.random.randrange(9):
        case 0 | 1:
            name = d.remember("count", f"n-{d.number}")
            return c.OpenCount(
                count_id=name,
                location=d.place(),
                kind=d.random.choice(("cycle", "full")),
                skus=tuple(d.random.sample(d.skus, 2)) if d.random.random() < 0.5 else (),
                approval_above=d.random.choice((None, 3)),
            )
        case 2 | 3 | 4:
            line = c.FigureLine(
                sku=d.sku(),
                counted=d.random.randrange(0, 25),
                counted_at=d.at(),
                bucket=d.bucket(),
            )
            return c.EnterCount(count_id=name, lines=(line,))
        case 5:
            return c.ApproveCount(count_id=name)
        case 6 | 7:
            return c.PostCount(count_id=name)
        case _:
            return c.CancelCount(count_id=name)


# --- catalog ------------------------------------------------------------------------------------


def define_sku(d: Drawn) -> c.DefineSku:
    """A SKU comes in cases."""
    pack = Pack(name="case", factor=d.random.choice((4, 6)))
    return c.DefineSku(sku=d.sku(), base_unit="each", packs=(pack,))


def define_location(d: Drawn) -> c.DefineLocation:
    """A place is known; perhaps not everybody may say what is scrapped there."""
    some = (Authority(fact="scrap", sources=("wms",)),)
    return c.DefineLocation(location=d.place(), authority=some if d.random.random() < 0.3 else ())


def release_parked(d: Drawn) -> c.ReleaseParked:
    """What waited for a definition is told."""
    return c.ReleaseParked(conflict_id=d.some("conflict"))


# --- channels -----------------------------------------------------------------------------------


def channel(d: Drawn) -> c.AnyChannelCommand:
    """The web has other rules, which may bind; is stale; or has another reader, or one fewer."""
    name, number = d.random.choice(("web", "shop")), d.random.randrange(5)
    match d.random.randrange(6):
        case 0 | 1 | 2:
            kept = (SafetyStock(units=d.random.randrange(3)),)
            bands = (StalenessBand(from_s=60, units=1),)
            rules = ChannelRules(
                safety_stock=kept,
                buffers=(Buffer(basis_points=500, sku=d.sku()),),
                staleness=bands[: d.random.randrange(2)],
                binding=d.random.random() < 0.5,
            )
            return c.DefineChannel(channel=name, locations=(d.place(), d.place()), rules=rules)
        case 3:
            return c.ReportStaleness(channel=name, measured_s=d.random.choice((0, 59, 60, 300)))
        case 4:
            key = f"U-{name}-{number}"
            return c.IssueCredential(channel=name, credential_id=f"c-{number}", public_key=key)
        case _:
            return c.RevokeCredential(channel=name, credential_id=f"c-{number}")


KINDS: Final[tuple[tuple[Callable[[Drawn], c.AnyCommand], ...], ...]] = (
    (facts,),
    (place, place, confirm, extend, amend, release, fulfil, fulfil, relocate, expire),
    (grant, unfence, backorder),
    (transfer,),
    (return_,),
    (count,),
    (resolve,),
    (define_sku, define_location, release_parked, release_parked),
    (channel,),
)
WEIGHTS: Final = (42, 24, 5, 11, 7, 7, 4, 2, 1)
