"""From a signal to a `threading.Event` that any thread may wait for."""

import os
import queue
import signal
import threading
from typing import Final

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def stop_on_signals(give_up_after_s: float | None = None) -> threading.Event:
    """An event that is set when the process is asked to end; call it from the main thread.

    With `give_up_after_s` the process ends by force when it has not ended by itself by then, so
    that a stuck drain cannot keep it.
    """
    stop = threading.Event()
    asked: queue.SimpleQueue[None] = queue.SimpleQueue()

    def pass_on() -> None:
        asked.get()
        stop.set()
        if give_up_after_s is not None:
            threading.Event().wait(give_up_after_s)
            os._exit(1)

    # A handler that interrupts Event.wait must not take the event's own lock; SimpleQueue.put is
    # made for being called there.
    threading.Thread(target=pass_on, name="stop", daemon=True).start()
    for signum in _STOP_SIGNALS:
        signal.signal(signum, lambda *_: asked.put(None))
    return stop
