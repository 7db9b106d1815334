"""A ledger whose teller forgets a rule: with this folder on the path, safety stock is nobody's."""

import sys
from typing import Any

if "teller" in sys.orig_argv:
    from ledger.domain import availability

    _closest: Any = availability.closest

    def _forgetful(*asked: Any) -> Any:
        """The rule that counts, unless it is about safety stock."""
        found = _closest(*asked)
        return None if type(found).__name__ == "SafetyStock" else found

    vars(availability)["closest"] = _forgetful
