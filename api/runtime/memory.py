"""How a long-running process of ours shares its interpreter."""

import gc
import sys
from typing import Final

# Requests and events leave few cycles; looking for them as often as usual costs 5 %.
_GC_THRESHOLDS: Final = (50_000, 20, 50)

# Seconds a thread may keep the interpreter from others. The event loop and the writer's threads
# wait for each other: five milliseconds, the default, would be most of an answer's time.
_SWITCH_S: Final = 0.000_5


def settle() -> None:
    """Call once everything is imported and set up: what exists now is never garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    sys.setswitchinterval(_SWITCH_S)
