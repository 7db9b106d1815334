"""How a long-running process of ours shares its interpreter, and its machine's memory."""

import gc
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

# Requests and events leave few cycles; looking for them as often as usual costs 5 %.
_GC_THRESHOLDS: Final = (50_000, 20, 50)

# Seconds a thread may keep the interpreter from others. The event loop and the writer's threads
# wait for each other: five milliseconds, the default, would be most of an answer's time.
_SWITCH_S: Final = 0.000_5


_MIB: Final = 1024 * 1024
_QUARTER_MIN: Final = 128 * _MIB
_QUARTER_MAX: Final = 8 * 1024 * _MIB  # Beyond it the system's own cache serves as well.
# Where a container is told how much it may have, by either version of control groups.
_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def a_quarter_of_memory(limits: Iterable[Path] = _LIMITS) -> int:
    """Bytes, in whole MiB: of the machine's memory or of what a container may have of it.

    At least 128 MiB and at most 8 GiB: what PostgreSQL's manual recommends for its cache.
    """
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for limit in limits:
        with suppress(OSError, ValueError):  # Not there, or "max".
            found.append(int(limit.read_text()))
    quarter = max(_QUARTER_MIN, min(*found, 4 * _QUARTER_MAX) // 4)
    return quarter // _MIB * _MIB


def settle() -> None:
    """Call once everything is imported and set up: what exists now is never garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    sys.setswitchinterval(_SWITCH_S)
