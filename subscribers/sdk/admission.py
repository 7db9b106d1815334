"""Connecting with credentials that may be refused, now or later."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import nats.errors

from subscribers.sdk.client import QuickClient, open_client
from subscribers.sdk.values import NotAdmitted

_REFUSALS: Final = ("authorization violation", "authentication", "revoked")
_FORBIDDEN: Final = "permissions violation for publish to"

logger = logging.getLogger(__name__)


async def admitted(
    url: str,
    *,
    refused: Callable[[NotAdmitted], None],
    closed: Callable[[], None],
    reconnected: Callable[[], None],
    needed: str,
    **connection: Any,
) -> QuickClient:
    """A connection that comes back for ever, unless its credentials are refused.

    Raises NotAdmitted; a refusal later on goes to `refused`, and so does one to publish on the
    subject that is `needed`: then they are somebody else's.
    """
    refusal: asyncio.Future[NotAdmitted] = asyncio.get_running_loop().create_future()

    async def on_error(error: Exception) -> None:
        logger.warning("message server: %s", error)
        if _is_refusal(error):
            not_admitted = NotAdmitted(str(error))
            if not refusal.done():
                refusal.set_result(not_admitted)
            refused(not_admitted)
        elif _forbids(error, needed):
            refused(NotAdmitted(f"these credentials do not allow {needed}: {error}"))

    async def on_closed() -> None:
        # A key that is revoked while it is in use: the client says so nowhere else.
        reason = connecting.result().last_error if _has_come(connecting) else None
        if reason is not None and _is_refusal(reason):
            await on_error(reason)
        else:
            closed()

    async def on_reconnected() -> None:
        reconnected()

    options: dict[str, Any] = {
        "error_cb": on_error,
        "closed_cb": on_closed,
        "reconnected_cb": on_reconnected,
    }
    connecting = asyncio.ensure_future(open_client(url, **(options | connection)))
    try:
        await asyncio.wait((connecting, refusal), return_when=asyncio.FIRST_COMPLETED)
        if connecting.done():
            return connecting.result()
        raise refusal.result()
    finally:
        if not connecting.done():
            connecting.cancel()
            with suppress(asyncio.CancelledError, nats.errors.Error, OSError):
                await connecting


def _is_refusal(error: Exception) -> bool:
    return any(word in str(error).lower() for word in _REFUSALS)


def _forbids(error: Exception, subject: str) -> bool:
    return f'{_FORBIDDEN} "{subject}"'.lower() in str(error).lower()  # The client lowers it.


def _has_come(connecting: "asyncio.Future[QuickClient]") -> bool:
    return connecting.done() and not connecting.cancelled() and connecting.exception() is None
