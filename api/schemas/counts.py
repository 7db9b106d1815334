"""Count documents, as they are asked for and as they are answered."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct, structs

from api.schemas.amounts import AnyCount, Unit, units_of
from api.schemas.fields import (
    DocumentId,
    Time,
    check_code,
    instant_of,
    rfc3339,
    rfc3339_or_none,
)
from api.schemas.questions import Page, Timestamp
from ledger.domain import commands
from ledger.domain.outcomes import ConflictNote, CountLineState, CountState, EarlierFigure
from ledger.domain.refusals import Malformed
from ledger.domain.units import Stated
from ledger.domain.values import QUANTITY_MAX, Code, CountKind, PhysicalBucket
from projections.counts import answers
from projections.uncounted import Uncounted

_LINES_MAX: Final = 1_000

Figure = Annotated[int, Meta(ge=0, le=QUANTITY_MAX)]
"""Units in the SKU's smallest unit, or none."""


class _Request(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """What the requests of this module share."""


class OpenCountRequest(_Request, frozen=True):
    """What shall be counted. Without SKUs: whatever is there.

    A line whose variance is greater than `approval_above` units is posted once it is approved.
    """

    count_id: DocumentId
    location: Code
    kind: CountKind = "cycle"
    skus: Annotated[tuple[Code, ...], Meta(max_length=_LINES_MAX)] = ()
    blind: bool = False
    approval_above: Figure | None = None


class FigureRequest(_Request, frozen=True):
    """What was seen of one SKU in one bucket; entered again, it takes the earlier one's place."""

    sku: Code
    counted: AnyCount
    uom: Unit | None = None
    counted_at: Time | None = None
    bucket: PhysicalBucket = "sellable"


class EnterCountRequest(_Request, frozen=True):
    """Figures, each SKU and bucket once."""

    lines: Annotated[tuple[FigureRequest, ...], Meta(min_length=1, max_length=_LINES_MAX)]


class ApproveCountRequest(_Request, frozen=True):
    """Nothing needs to be said."""


class PostCountRequest(_Request, frozen=True):
    """Nothing needs to be said."""


class CancelCountRequest(_Request, frozen=True):
    """Nothing needs to be said."""


class EarlierItem(Struct, frozen=True, kw_only=True, gc=False):
    """A figure that another one took the place of."""

    counted: int
    counted_at: Timestamp

    @classmethod
    def of(cls, figure: EarlierFigure) -> "EarlierItem":
        """The public form of an earlier figure."""
        return cls(counted=figure.counted, counted_at=rfc3339(figure.counted_at))


class CountLineItem(Struct, frozen=True, kw_only=True, gc=False):
    """One figure; of a blind count nobody is told what was expected before it is posted."""

    sku: str
    bucket: PhysicalBucket
    counted: int
    counted_at: Timestamp
    expected: int | None
    variance: int | None
    approved: bool
    earlier: tuple[EarlierItem, ...]

    @classmethod
    def of(cls, line: CountLineState) -> "CountLineItem":
        """The public form of a figure."""
        earlier = tuple(map(EarlierItem.of, line.earlier))
        at = rfc3339(line.counted_at)
        return cls(**structs.asdict(line) | {"counted_at": at, "earlier": earlier})


class CountAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """A count; `missing` was to be counted and has no figure, null where no SKUs were named."""

    count_id: str
    location: str
    kind: CountKind
    status: str
    blind: bool
    approval_above: int | None
    approved_by: str | None
    lines: tuple[CountLineItem, ...]
    missing: tuple[str, ...] | None
    position: int
    conflicts: tuple[ConflictNote, ...] | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, state: CountState) -> "CountAnswer":
        """The public form of what the ledger answered."""
        lines = tuple(map(CountLineItem.of, state.lines))
        conflicts = state.conflicts or msgspec.UNSET
        return cls(**structs.asdict(state) | {"lines": lines, "conflicts": conflicts})


class CountItem(Struct, frozen=True, kw_only=True):
    """A count as it stands."""

    count_id: str
    location: str
    kind: str
    status: str
    blind: bool
    approval_above: int | None
    approved_by: str | None
    opened_at: Timestamp
    posted_at: Timestamp | None
    version: int
    lines: tuple[CountLineItem, ...]
    missing: tuple[str, ...] | None

    @classmethod
    def of(cls, answer: answers.CountAnswer) -> "CountItem":
        """The public form of a count."""
        return cls(**_public(answer))


class CountFound(CountItem, frozen=True, kw_only=True):
    """One count, what the answer stands for, and the position at which it was read.

    Of a full count that named no SKUs, `missing` are those the ledger knew at the location when
    it was posted, or knew at `known_at_position`; at most so many, `missing_more` where there
    are others.
    """

    missing_more: bool
    as_of: Timestamp
    known_at: Timestamp | None
    known_at_position: int
    settled: bool
    position: int


class CountsPage(Page, frozen=True, kw_only=True):
    """Counts, newest first."""

    items: list[CountItem]


def found(answer: answers.CountAnswer, left: Uncounted, **more: Any) -> CountFound:
    """One count, and what a full one that named no SKUs has no figure for."""
    public = _public(answer)
    if answer.kind == "full" and answer.missing is None:
        public["missing"] = left.skus
    return CountFound(**public, missing_more=left.more, **more)


def _public(answer: answers.CountAnswer) -> dict[str, Any]:
    changed = {
        "opened_at": rfc3339(answer.opened_at),
        "posted_at": rfc3339_or_none(answer.posted_at),
        "lines": tuple(map(CountLineItem.of, answer.lines)),
    }
    fields = structs.asdict(answer)
    return {name: fields[name] for name in CountItem.__struct_fields__} | changed


OPEN: Final = msgspec.json.Decoder(OpenCountRequest)
ENTER: Final = msgspec.json.Decoder(EnterCountRequest)
APPROVE: Final = msgspec.json.Decoder(ApproveCountRequest)
POST: Final = msgspec.json.Decoder(PostCountRequest)
CANCEL: Final = msgspec.json.Decoder(CancelCountRequest)


def open_of(request: OpenCountRequest) -> commands.OpenCount:
    """The command. Raises Malformed."""
    check_code("$.location", request.location)
    for index, sku in enumerate(request.skus):
        check_code(f"$.skus[{index}]", sku)
    return commands.OpenCount(
        count_id=request.count_id,
        location=request.location,
        kind=request.kind,
        skus=request.skus,
        blind=request.blind,
        approval_above=request.approval_above,
    )


def enter_of(count_id: str, request: EnterCountRequest) -> commands.EnterCount:
    """The command. Raises Malformed with the line's path."""
    lines: dict[tuple[str, str], commands.FigureLine] = {}
    stated: list[Stated] = []
    for index, line in enumerate(request.lines):
        at = f"$.lines[{index}]"
        check_code(f"{at}.sku", line.sku)
        if (line.sku, line.bucket) in lines:
            raise Malformed(f"{at}.sku", f"{line.sku!r} in {line.bucket} has a figure already")
        path, place = f"{at}.counted", f"lines.{index}.counted"
        lines[line.sku, line.bucket] = commands.FigureLine(
            sku=line.sku,
            counted=units_of(line.counted, line.uom, path, stated, place, zero=True),
            counted_at=instant_of(line.counted_at, f"{at}.counted_at"),
            bucket=line.bucket,
        )
    return commands.EnterCount(count_id=count_id, lines=tuple(lines.values()), stated=tuple(stated))


def approve_of(count_id: str, _: ApproveCountRequest) -> commands.ApproveCount:
    """The command."""
    return commands.ApproveCount(count_id=count_id)


def post_of(count_id: str, _: PostCountRequest) -> commands.PostCount:
    """The command."""
    return commands.PostCount(count_id=count_id)


def cancel_of(count_id: str, _: CancelCountRequest) -> commands.CancelCount:
    """The command."""
    return commands.CancelCount(count_id=count_id)
