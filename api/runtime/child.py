"""One role in one process: ``python -m api.runtime.child ROLE DATA_DIR PARENT_PID``."""

import logging
import os
import sys

from api.runtime.logs import configure_logging
from api.runtime.roles import role
from api.runtime.signals import stop_on_signals
from ledger.settings import load_settings

MODULE = "api.runtime.child"

logger = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Runs a role until a signal, or the end of the supervisor, stops it; returns the exit code."""
    name, _, parent_pid = arguments
    configure_logging(name)
    settings = load_settings()
    stop = stop_on_signals(give_up_after_s=settings.drain_timeout_ms / 1000)
    if os.getppid() != int(parent_pid):
        return 0  # The supervisor ended before the kernel was asked to tell us.
    try:
        role(name)(settings, stop)
    except Exception:
        logger.exception("role failed")
        return 1
    return 0 if stop.is_set() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
