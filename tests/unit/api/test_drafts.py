"""What a comparison hands to the writer, which may be another process."""

import msgspec
import pytest

from api.schemas.drafts import check_draft
from ledger.domain.commands import RecordReconciliation
from ledger.domain.events import Tally
from ledger.domain.refusals import Malformed
from tests.support.reconciled import found, proposal


def test_the_bus_takes_no_draft_that_no_comparison_made() -> None:
    """The operation between processes is no way around the comparison's own checks."""
    tally = dict.fromkeys(Tally.__struct_fields__, 0)
    for change in ({"keys": 1}, {"keys": 2**70, "matched": 2**70}):
        draft = found("erp-1", content="x").found
        made = msgspec.structs.replace(draft, tally=Tally(**{**tally, **change}))
        with pytest.raises(Malformed):
            check_draft(RecordReconciliation(found=made))
    twice = found("erp-1", proposal("MUG", 1), proposal("MUG", 1))
    with pytest.raises(Malformed):
        check_draft(twice)
    check_draft(found("erp-1", proposal("MUG", 1)))
