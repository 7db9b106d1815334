"""A message into a value, or into something nobody can read."""

import msgspec

from subscribers import messages
from subscribers.messages import AtsState
from subscribers.sdk.desk import Value
from subscribers.sdk.source import Garbled


def read(
    subject: str,
    headers: dict[str, str],
    payload: bytes,
    *,
    sequence: int = 0,
    since: float = 0.0,
    present: bool = False,
    receipt: str = "",
) -> Value | Garbled:
    """The number a message tells; never an error."""
    try:
        event = messages.decode(payload)
        generation = int(headers[messages.GENERATION])
    except (msgspec.MsgspecError, KeyError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        return Garbled(subject, headers, payload, sequence, reason, receipt=receipt)
    state = event.data
    if not isinstance(state, AtsState):
        reason = f"it is of type {event.type!r}"
        return Garbled(subject, headers, payload, sequence, reason, receipt=receipt)
    return Value(
        state,
        event,
        generation,
        sequence,
        subject,
        headers,
        payload,
        since,
        present,
        False,
        receipt,
    )
