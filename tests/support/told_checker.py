"""What channels were told: the log, the stream and what subscribers made of it, held together.

Works from the outside, on rows and messages as they are; shares no code with whoever tells.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

Subject: TypeAlias = tuple[str, str, str]
"""A channel, a SKU, and a location or '' for all of them."""


class Row(NamedTuple):
    """A row of the channel log, and where the log says that the stream has it."""

    told: int
    channel: str
    sku: str
    location: str
    ats: int
    sequence: int | None = None

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return self.channel, self.sku, self.location


class Value(NamedTuple):
    """What the stream says last of a subject, and where."""

    told: int
    ats: int
    sequence: int


class Effect(NamedTuple):
    """What a subscriber did about a message."""

    channel: str
    sku: str
    location: str
    told: int
    ats: int

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return self.channel, self.sku, self.location


def last_rows(log: Iterable[Row]) -> dict[Subject, Row]:
    """The last row of each subject."""
    return {row.subject: row for row in log}


def check_log(log: Sequence[Row]) -> list[str]:
    """Numbered from 1 without a gap, and never the same twice in a row."""
    found = [
        f"row {place} of the log is numbered {row.told}"
        for place, row in enumerate(log, start=1)
        if row.told != place
    ]
    before: dict[Subject, int] = {}
    for row in log:
        if before.get(row.subject) == row.ats:
            found.append(f"{row.subject} was told {row.ats} twice in a row, again as {row.told}")
        before[row.subject] = row.ats
    return found


def check_values(log: Sequence[Row], values: Mapping[Subject, Value]) -> list[str]:
    """The stream's last value of every subject is the log's, in its place; it has no others."""
    lasts = last_rows(log)
    found = [f"the stream has {subject}, never told" for subject in values.keys() - lasts.keys()]
    for subject, row in lasts.items():
        value = values.get(subject)
        if value is None:
            found.append(f"the stream lacks {subject}, told as {row.told}")
        elif (value.told, value.ats) != (row.told, row.ats):
            found.append(f"the stream has {value} of {subject}, the log {row}")
        elif row.sequence is not None and value.sequence != row.sequence:
            found.append(f"{row} is at {value.sequence} of the stream")
    return found


def check_effects(log: Sequence[Row], effects: Sequence[Effect]) -> list[str]:
    """Each was told, happened once, in order, and the last of each subject is the present."""
    rows = {row.told: row for row in log}
    found = [
        f"{effect} happened {times} times"
        for effect, times in Counter(effects).items()
        if times > 1
    ]
    before: dict[Subject, int] = {}
    for effect in effects:
        row = rows.get(effect.told)
        if row is None or (row.subject, row.ats) != (effect.subject, effect.ats):
            found.append(f"{effect} was never told, but {row}")
        if effect.told < before.get(effect.subject, 0):
            found.append(f"{effect} came after {before[effect.subject]}")
        before[effect.subject] = effect.told
    for subject, row in last_rows(log).items():
        if before.get(subject) != row.told:
            found.append(f"{subject} was told last as {row.told}, done last {before.get(subject)}")
    return found


def check_line(messages: Sequence[tuple[int, Subject, int]]) -> list[str]:
    """Every message of a stream, as (told, subject, sequence): numbers go up, one place each.

    For a stream that keeps all it is told. A number may come again only where nobody can have
    heard a newer one of its subject.
    """
    found: list[str] = []
    first: set[int] = set()
    newest: dict[Subject, int] = {}
    for place, (told, subject, sequence) in enumerate(messages, start=1):
        if sequence != place:
            found.append(f"message {place} is at {sequence}")
        if told < newest.get(subject, 0):
            found.append(f"{subject}: {told} was told after {newest[subject]}")
        if told not in first and first and told < max(first):
            found.append(f"{told} was told for the first time after {max(first)}")
        first.add(told)
        newest[subject] = max(told, newest.get(subject, 0))
    return found
