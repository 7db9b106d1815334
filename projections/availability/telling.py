"""PURE: what of a channel's values is told, and when."""

from typing import Final, NamedTuple

from ledger.domain.events import Publishing
from ledger.domain.values import MICROSECONDS_PER_MILLISECOND, Instant

NEVER: Final = None


class Last(NamedTuple):
    """What was told last on a subject, and when."""

    ats: int
    instant: Instant


def due(last: Last | None, ats: int, publish: Publishing, now: Instant) -> Instant | None:
    """From when on a value is to be told; none where it need not be, as things stand.

    Nothing is told twice alike. "Sold out" and "back" are told at once, as is whatever is told
    first. A smaller rise than the channel cares about waits for a greater one; a fall never does.
    For as long as one message each so often is all the channel wants, the newest value waits.
    """
    if last is None:
        return now
    if ats == last.ats:
        return NEVER
    if ats == 0 or last.ats == 0:
        return now
    if 0 < ats - last.ats < publish.rise_units:
        return NEVER
    return max(now, last.instant + publish.every_ms * MICROSECONDS_PER_MILLISECOND)
