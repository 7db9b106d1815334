"""Instants of the ledger (microseconds since 1970) to and from the driver's datetimes."""

from datetime import UTC, datetime, timedelta
from typing import Final

from ledger.domain.values import EARLIEST, LATEST, Instant

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_datetime(instant: Instant) -> datetime:
    """The datetime of an instant; what no datetime can hold becomes the nearest one."""
    return _EPOCH + max(EARLIEST, min(LATEST, instant)) * _MICROSECOND


def from_datetime(moment: datetime) -> Instant:
    """The instant of a datetime, exactly."""
    return (moment - _EPOCH) // _MICROSECOND
