"""Every caller has an answer in the end, whatever the writer does."""

import msgspec

from api.commands import Call, Operations
from api.metrics import HttpMetrics
from api.operations import OPERATIONS
from ledger.clock import monotonic
from ledger.settings import Settings
from ledger.submission import Sink, Submission

RECEIVE = b'{"movements":[{"type":"receive","sku":"MUG","location":"ams-1","quantity":1}]}'


class SilentPort:
    """A writer that takes commands and waits for a database that never answers."""

    active = True
    head = 0

    def submit(self, submission: Submission, sink: Sink, ticket: object) -> None:
        """Takes it."""


async def test_a_writer_that_says_nothing_is_not_waited_for_for_ever() -> None:
    """After the deadline, and the time an append may take: nobody knows, ask again."""
    operations = Operations(Settings(append_timeout_ms=50), SilentPort(), HttpMetrics(), OPERATIONS)
    operations.start()
    asked = monotonic()
    call = Call("admin", "key-1", "correlation-1", "http", asked + 0.05)
    answer = await operations.execute("movements.record", "", call, RECEIVE)

    assert answer is not None
    assert (503, "storage-unavailable") == (answer.status, answer.code)
    assert msgspec.json.decode(answer.body)["transient"]
    assert 0.09 < monotonic() - asked < 5
