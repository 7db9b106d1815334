"""A bare writer in a process of its own, one line a command, one line an answer.

``python -m tests.faults.writer_process URL [--eager]``: reads `Sent` entries from standard input,
writes `Answered` entries to standard output. `--eager` answers before the commit: the control.
"""

import sys
from threading import Lock

import msgspec

from ledger.settings import Settings
from ledger.submission import Reply, Unavailable
from ledger.writer import Writer
from ledger.writer.committing import Committer, deliver
from ledger.writer.deciding import Decided
from tests.faults.writing import answer_of, submission_of
from tests.support.driver import Sent

_decode = msgspec.json.Decoder(Sent).decode
_encode = msgspec.json.Encoder().encode


class EagerCommitter(Committer):
    """Answers first and commits afterwards."""

    def _append(self, decided: Decided) -> tuple[Exception | None, bool]:
        deliver(decided, self._lease, self._counters)
        return super()._append(decided)


class Lines:
    """Takes replies, each once, and prints them."""

    def __init__(self) -> None:
        """Nothing has been answered yet."""
        self._answered: set[object] = set()
        self._lock = Lock()

    def deliver(self, replies: list[tuple[object, Reply]]) -> None:
        """Print what has not been printed before."""
        with self._lock:
            for ticket, reply in replies:
                if ticket not in self._answered:
                    self._answered.add(ticket)
                    assert isinstance(ticket, tuple)
                    sys.stdout.buffer.write(_encode(answer_of(ticket[0], ticket[1], reply)) + b"\n")
                    sys.stdout.buffer.flush()


def main(arguments: list[str]) -> int:
    """Serve until standard input ends."""
    url, *options = arguments
    writer = Writer(Settings(database_url=url), holder="bare:0:0")
    if "--eager" in options:
        writer._committer = EagerCommitter(writer._append_journal, writer._lease, writer.counters)
    writer.start()
    sink = Lines()
    for line in sys.stdin.buffer:
        sent = _decode(line)
        ticket = sent.key, sent.attempt
        try:
            writer.submit(submission_of(sent.key, sent.body), sink, ticket)
        except Unavailable as error:
            sink.deliver([(ticket, error)])
    writer.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
