"""What a comparison hands to the writer: everything of a reconciliation that is recorded."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from api.schemas import reconciliations as words
from api.schemas.fields import check_asked_code
from ledger.domain import commands
from ledger.domain.events import ReconciliationRecorded
from ledger.domain.refusals import Malformed
from ledger.domain.values import CODE_LENGTH_MAX
from projections.reconciliations.comparison import Findings
from projections.reconciling import Pins

RECORD: Final = "reconciliations.record"
"""The operation by which a draft reaches the writer, wherever that is."""

_TEXT_LENGTH_MAX: Final = 128  # Of an id, the longest of all.

DRAFT: Final = msgspec.json.Decoder(commands.RecordReconciliation)


class Content:
    """A digest of what a caller sent, the same for a JSON object and for a stream of lines."""

    def __init__(self, head: words.ReconciliationHead) -> None:
        """Begin with all but the balances."""
        fields = {name: getattr(head, name) for name in words.ReconciliationHead.__struct_fields__}
        self._hash = hashlib.sha256(msgspec.json.encode(fields))

    def take(self, balances: Iterable[words.BalanceRequest]) -> None:
        """Go on with balances as they were written, in their order."""
        for balance in balances:
            self._hash.update(msgspec.json.encode(balance))

    def digest(self) -> str:
        """In hexadecimal."""
        return self._hash.hexdigest()


def draft_of(
    reconciliation_id: str,
    head: words.ReconciliationHead,
    pins: Pins,
    content: str,
    found: Findings,
) -> commands.RecordReconciliation:
    """What shall be recorded."""
    tolerance, tally, proposals = words.tolerance_of(head), found.tally, found.proposals
    recorded = ReconciliationRecorded(
        occurred_at=0,
        reconciliation_id=reconciliation_id,
        source=head.source,
        content=content,
        as_of=pins.as_of,
        known_position=pins.known,
        cut_position=pins.cut,
        horizon=pins.horizon,
        measure=head.measure,
        tolerance_units=tolerance.units,
        tolerance_per_mille=tolerance.per_mille,
        complete=head.complete,
        alert=tally.beyond > 0,
        tally=tally,
        locations=found.locations,
        keys_elsewhere=found.keys_elsewhere,
        proposals=len(proposals),
        proposals_left_out=found.proposals_left_out,
    )
    return commands.RecordReconciliation(found=recorded, proposals=proposals)


def check_draft(draft: commands.RecordReconciliation) -> None:
    """Refuse a draft that no comparison of ours made. Raises Malformed."""
    for path, value in _leaves(draft, "$"):
        if isinstance(value, int) and not -(2**62) <= value <= 2**62:
            raise Malformed(path, f"no number is as large as {value}")
        if isinstance(value, str):
            if len(value) > _TEXT_LENGTH_MAX:
                raise Malformed(path, f"has {len(value)} characters")
            check_asked_code(path, value[:CODE_LENGTH_MAX])
    tally = draft.found.tally
    keys = {(line.sku, line.location) for line in draft.proposals}
    sums = (tally.matched + tally.within + tally.beyond, len(draft.proposals), len(keys))
    if sums != (tally.keys, draft.found.proposals, draft.found.proposals):
        raise Malformed("$.found", "its numbers do not add up")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _leaves(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, tuple):
        for index, one in enumerate(value):
            yield from _leaves(one, f"{path}[{index}]")
    else:
        yield path, value
