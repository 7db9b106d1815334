"""PURE: whether a stream of events may be continued, made anew as it was, or needs people.

A stream that is a true prefix of the ledger is continued. One that lost its end, or all of it, is
made anew under the same generation, and that tells nobody anything untrue, if and only if the
ledger is still the one that was told: its rows never change, so telling it again gives the same
message at every position. Whether it is, nobody knows but a witness who is neither the ledger nor
the stream. Everything else is for people: a hole, another message, a stream or a witness that
knows more than the ledger.
"""

from typing import Final, Literal, NamedTuple

from subscribers.witness import Place

Word = Literal["continue", "rebuild", "refuse"]

REGENERATE: Final = (
    "`inventory-ledger streams regenerate` begins a new generation: everything is told anew, and"
    " subscribers begin again"
)
REPAIR: Final = (
    "`inventory-ledger streams repair` makes the stream anew as it was, and subscribers keep"
    " their place"
)


class Kept(NamedTuple):
    """What the database knows of the copy that is told."""

    generation: int
    told: int = 0
    witness: str = ""


class Found(NamedTuple):
    """A stream of events as the message server has it.

    `end` is its last message that can be read, `reach` the last sequence it can be read at.
    """

    generation: int
    first: int = 0
    last: int = 0
    messages: int = 0
    reach: int = 0
    end: Place | None = None


class Ledger(NamedTuple):
    """What the ledger has at the positions in question; an empty hash where it has nothing."""

    head: int
    at_end: str
    at_witness: str


class Verdict(NamedTuple):
    """What is to be done, under which generation, and why."""

    word: Word
    generation: int
    why: str = ""
    vouched: bool = False  # The ledger is known to be the one that was told.
    told: int = 0  # Up to where it may have been.


def judge(found: Found, kept: Kept, witness: Place | None, name: str, ledger: Ledger) -> Verdict:
    """Weigh all that is known. `name` is the witness's."""
    if witness is not None and witness.generation < kept.generation:
        witness = None  # Of a copy that was given up on purpose.
    known = max(kept.generation, witness.generation if witness else 0)
    if witness is not None and witness.hash != ledger.at_witness:
        how = "has another one as" if ledger.at_witness else "does not have"
        return _refused(
            known,
            f"the ledger {how} event {witness.position}, which was told: it was restored from a"
            f" backup, or altered",
        )
    if found.messages and found.generation < known:
        return _refused(known, f"the stream is of generation {found.generation}, not {known}")
    generation = max(known, found.generation)
    told = 0
    if generation == known:
        told = max(kept.told, witness.position if witness else 0)
    vouched = _vouched(kept, witness, name, generation)
    why = _other(found, generation, ledger)
    if why:
        return _refused(generation, why)
    return _measured(found, Verdict("continue", generation, "", vouched, told))


def _vouched(kept: Kept, witness: Place | None, name: str, generation: int) -> bool:
    """Whether somebody who knows all that was told has found it in the ledger."""
    if witness is None:
        return False
    knows_all = kept.witness in (name, "") and witness.position >= kept.told
    return knows_all and witness.generation == generation


def _other(found: Found, generation: int, ledger: Ledger) -> str:
    """How the stream's end is not a place in this ledger, if it is not."""
    end = found.end
    if end is None:
        return ""
    if found.reach > ledger.head:
        return f"the stream is ahead: it ends at {found.reach}, the ledger at {ledger.head}"
    expected = Place(generation, found.reach, ledger.at_end)
    if end != expected:
        return f"at position {found.reach} the stream holds {_said(end)}, not {_said(expected)}"
    return ""


def _measured(found: Found, verdict: Verdict) -> Verdict:
    """Whether the stream is all that was told, its end being right."""
    holds = found.reach
    if found.messages != holds or (holds and found.first != 1):
        gone = found.last - found.messages or "some"
        return refused_for(f"of {found.last} messages the stream has lost {gone}", verdict)
    if holds == found.last and holds >= verdict.told:
        return verdict
    lost = (
        f"the stream ends at {holds}, and up to {max(verdict.told, found.last)} may have been told"
    )
    if verdict.vouched:
        word: Word = "continue" if holds == found.last else "rebuild"
        return verdict._replace(word=word, why=lost)
    unknown = f"{lost}; nobody can say whether the ledger is still the one that was told"
    return refused_for(unknown, verdict)


def refused_for(what: str, verdict: Verdict) -> Verdict:
    """The same, but with a part of the stream missing: people say what is to be done."""
    advice = REPAIR if verdict.vouched else REGENERATE
    return verdict._replace(word="refuse", why=f"{what}. {advice}")


def _refused(generation: int, why: str) -> Verdict:
    return Verdict("refuse", generation, f"{why}. {REGENERATE}")


def _said(place: Place) -> str:
    return f"generation {place.generation}, position {place.position}, row {place.hash or 'none'}"
