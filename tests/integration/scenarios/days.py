"""Business times of the scenarios: days, hours and how they are written."""

import datetime as dt
from typing import Final

from ledger.domain.values import MICROSECONDS_PER_SECOND, Instant

MINUTE: Final = 60 * MICROSECONDS_PER_SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

MIDNIGHT: Final[Instant] = 15_949 * DAY
"""2013-09-01T00:00:00Z: before the first line of any file that is replayed."""


def instant_of(day: dt.date) -> Instant:
    """Midnight of a calendar day, in microseconds since 1970, UTC."""
    return (day - dt.date(1970, 1, 1)).days * DAY


def written(instant: Instant) -> str:
    """An instant as requests carry it."""
    moment = dt.datetime.fromtimestamp(instant // MICROSECONDS_PER_SECOND, dt.UTC)
    micros = instant % MICROSECONDS_PER_SECOND
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + f".{micros:06}Z"


def read(text: str) -> Instant:
    """An instant as answers carry it."""
    moment = dt.datetime.fromisoformat(text)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
