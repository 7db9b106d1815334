"""What every subscriber of a channel can do, over JetStream or over the fake."""

from collections.abc import AsyncIterator

from subscribers.messages import AtsState
from subscribers.sdk.subscription import Subscription
from subscribers.sdk.values import Change, Handler, OnPresent, PresentComplete, Staleness


class Subscriber:
    """Hands over the present of a channel, then its changes, once it is open."""

    _subscription: Subscription | None = None

    @property
    def _opened(self) -> Subscription:
        if self._subscription is None:
            raise RuntimeError("use it as `async with … as channel:`")
        return self._subscription

    # --- following ----------------------------------------------------------------------------

    async def run(self, on_change: Handler, on_present: OnPresent | None = None) -> None:
        """Hand every number to `on_change`, the present first, until `stop`.

        An error of the handler is retried with longer and longer pauses while other keys flow on;
        after `tries_max` tries in a row the message becomes a dead letter. `on_present` is told
        when the present is complete; it is retried until it succeeds.
        """
        await self._opened.run(on_change, on_present)

    def ats(self) -> AsyncIterator[Change]:
        """The iterator form: the next step acknowledges, and nothing is retried or given up.

        Errors go to whoever iterates; what was not acknowledged comes first the next time.
        """
        return self._opened.changes()

    def stop(self) -> None:
        """End `run`, or the iteration, after the number at hand."""
        self._opened.stop()

    async def get(self, sku: str, location: str | None = None) -> AtsState | None:
        """The number of one SKU as it was told last, whether or not anybody follows.

        Raises Unanswered where the server does not answer.
        """
        return await self._opened.last(sku, location)

    # --- how it goes --------------------------------------------------------------------------

    @property
    def present(self) -> PresentComplete | None:
        """The present that was complete last; none while it is still coming in."""
        return self._opened.present

    @property
    def staleness(self) -> Staleness:
        """How far behind this subscriber is at the moment."""
        return self._opened.staleness

    @property
    def joins(self) -> int:
        """How often the present was read: more than once where a hole had to be closed."""
        return self._opened.joins

    @property
    def passed_over(self) -> int:
        """Deliveries that were not handed over: repeated, or overtaken by newer numbers."""
        return self._opened.passed_over

    @property
    def dead_letters(self) -> int:
        """How many messages were given up."""
        return self._opened.dead_letters
