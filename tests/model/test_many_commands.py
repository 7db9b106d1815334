"""Random commands of every kind, in their hundreds of thousands, under the auditor's eyes.

`MODEL_COMMANDS` says how many, `MODEL_SEED` which; a breach names the history that has it.
"""

from collections import Counter

import pytest

from ledger.clock import monotonic
from tests.model.in_memory import Audited
from tests.support.figures import Tell

HISTORY: int = 2_000
"""Commands of one history: long enough for a stock to have a past, short enough to look at."""


@pytest.mark.timeout(0)  # Any number of commands; none of them waits.
def test_no_law_is_broken_by_any_command(seed: int, commands: int, tell: Tell) -> None:
    """Whatever is reported or asked for, in whatever order: every law, after every command."""
    refused: Counter[str] = Counter()
    begun, accepted, events = monotonic(), 0, 0
    for number in range(-(-commands // HISTORY)):
        history = Audited(f"{seed}/{number}")
        history.play(min(HISTORY, commands - number * HISTORY))

        assert not history.findings, history.findings
        refused.update(history.refused)
        accepted += history.accepted
        events += history.checker.events
    took = monotonic() - begun
    tell(f"{commands} commands, {events} events, {commands / took:.0f} commands/s, 0 breaches")
    tell(f"accepted {accepted}, refused {dict(refused.most_common())}")
