"""Codes as the ledger keeps them, for questions: some may be written in several ways."""

from collections.abc import Mapping, Sequence
from typing import Final

from ledger.clock import monotonic
from ledger.domain.catalog import spellings
from ledger.domain.values import code_problem
from projections.catalog.queries import Kept, kept_codes
from projections.progress import Pool, wait_for

LOOKED_S: Final = 0.05
"""How long nobody looks again whether there are such SKUs: no longer than projections are behind
under load, so that questions under load cost nothing more, and others next to nothing."""


class Spelling:
    """Looks codes up. While codes can be written in one way only, there is hardly ever a look."""

    def __init__(self, pool: Pool, timeout_s: float) -> None:
        """Look with a pool's connections; wait so long for a definition."""
        self._pool = pool
        self._timeout_s = timeout_s
        self._plain_until = -1  # Up to here each code can be written in one way only.
        self._looked_at = -LOOKED_S

    async def kept(self, codes: Sequence[str], position: int) -> Mapping[str, str]:
        """The codes that are kept in another form, and that form, by what was defined by then.

        `position`: what the answer has to reflect. What is no code is left to be refused.
        """
        if position <= self._plain_until and monotonic() - self._looked_at < LOOKED_S:
            return {}
        asked = [one for one in dict.fromkeys(codes) if code_problem(one) is None]
        asked = [one for one in asked if len(spellings(one)) > 1]
        if not asked:
            return {}
        found = await self._look(asked)
        if found.position < position:
            await wait_for(self._pool, "catalog", position, self._timeout_s)
            found = await self._look(asked)
        return found.codes

    async def _look(self, codes: Sequence[str]) -> Kept:
        began = monotonic()
        found = await kept_codes(self._pool, codes)
        if not found.spelled:
            self._plain_until, self._looked_at = found.position, began
        return found
