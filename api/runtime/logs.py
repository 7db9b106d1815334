"""Log lines for operators: time, level, role, sentence, then the facts as key=value."""

import logging
import sys
import time
from typing import Final

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Line(logging.Formatter):
    """One line a record; facts given as `extra` follow the sentence."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, role: str) -> None:
        super().__init__(f"%(asctime)s %(levelname)-7s {role}: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Quotes a fact only where it would not read as one word."""
        facts = {k: v for k, v in vars(record).items() if k not in _STANDARD}
        line = super().formatMessage(record)
        return " ".join([line, *(f"{name}={_word(value)}" for name, value in facts.items())])


def configure_logging(role: str, level: int = logging.INFO) -> None:
    """Sends every log record of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line(role))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("yoyo").setLevel(logging.WARNING)  # The runner says what was applied.


def _word(value: object) -> str:
    text = str(value)
    return text if text and not set(text) & set(' "=\n') else repr(text)
