"""The fields that requests share: their types, their checks, and times in both directions."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from ledger.domain.refusals import Malformed
from ledger.domain.values import (
    EARLIEST,
    LATEST,
    MICROSECONDS_PER_SECOND,
    Instant,
    Money,
    asked_code_problem,
    code_problem,
    text_problem,
)

_ID: Final = r"[A-Za-z0-9._~:@+-]{1,128}"
_AMOUNT: Final = r"[0-9]{1,12}(\.[0-9]{1,12})?"


def _exactly(pattern: str) -> Meta:
    """A pattern for the whole string: `$` would let a line break at its end pass."""
    return Meta(pattern=rf"\A(?:{pattern})\Z")


DocumentId: TypeAlias = Annotated[str, _exactly(_ID)]
"""An id chosen by the caller."""

MovementId: TypeAlias = Annotated[str, _exactly(_ID + r"(/[0-9]{1,4})?")]
"""A movement's own id, or `<idempotency key>/<index>` where it came without one."""

Time: TypeAlias = Annotated[datetime, Meta(tz=True)]
"""RFC 3339 with an offset."""

Amount: TypeAlias = Annotated[str, _exactly(_AMOUNT)]
"""A decimal number as a string, exact to a millionth."""

Currency: TypeAlias = Annotated[str, _exactly("[A-Z]{3}")]
"""An ISO 4217 code."""

ID: Final = re.compile(_ID)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MILLIONTHS: Final = 6


def instant_of(time: datetime | None, path: str) -> Instant | None:
    """Microseconds since the epoch. Raises Malformed outside the years 1 to 9999."""
    if time is None:
        return None
    instant = (time - _EPOCH) // _MICROSECOND
    if EARLIEST <= instant <= LATEST:
        return instant
    raise Malformed(path, f"must lie within the years 1 to 9999 in UTC, is {time.isoformat()}")


def time_of(text: str, path: str) -> Instant:
    """The instant a text names. Raises Malformed."""
    try:
        time = msgspec.convert(text, Time)
    except msgspec.ValidationError as error:
        raise Malformed(path, f"{error}, is {text!r}") from None
    instant = instant_of(time, path)
    assert instant is not None, "a time that was there has an instant"
    return instant


def rfc3339(instant: Instant) -> str:
    """A time as the API writes it: UTC, six decimals, Z."""
    seconds, micros = divmod(instant, MICROSECONDS_PER_SECOND)
    return f"{_to_the_second(seconds)}.{micros:06d}Z"


@lru_cache(maxsize=4_096)
def _to_the_second(seconds: int) -> str:
    """Remembered: what is answered at one time shares its seconds."""
    # Not fromtimestamp: it goes through a float and through the platform's range.
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:19]


def rfc3339_or_none(instant: Instant | None) -> str | None:
    """The same where there may be no time."""
    return None if instant is None else rfc3339(instant)


def check_code(path: str, text: str | None) -> None:
    """Raises Malformed unless it can be a SKU, a location or a channel."""
    if text is not None and (problem := code_problem(text)) is not None:
        raise Malformed(path, problem)


def check_asked_code(path: str, text: str | None) -> None:
    """Raises Malformed unless something may have been recorded under it."""
    if text is not None and (problem := asked_code_problem(text)) is not None:
        raise Malformed(path, problem)


def check_text(path: str, text: str | None) -> None:
    """Raises Malformed unless it can be free text."""
    if text is not None and (problem := text_problem(text)) is not None:
        raise Malformed(path, problem)


def money_of(amount: str, currency: str, path: str) -> Money:
    """An amount in millionths, exactly. Raises Malformed where it is finer than that."""
    whole, _, fraction = amount.partition(".")
    significant = fraction.rstrip("0")
    if len(significant) > _MILLIONTHS:
        raise Malformed(path, f"must be exact in millionths, is {amount}")
    return Money(millionths=int(whole + significant.ljust(_MILLIONTHS, "0")), currency=currency)
