"""How the service puts things: requests, the model's documents and answers made comparable.

No rule decides anything here. What an answer says twice is checked against itself: sums in a
line, and the word for where a document stands, which follows from its lines.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.model.book import EVER, Document, Json, Stock
from tests.model.reference import ARRIVED, BUCKETS
from tests.model.reference_documents import Model

Lines = dict[Any, Any]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
KEPT: Final = ("open", "fulfilled", "released", "expired")
ASKED: Final = {"transfer": "requested", "return": "authorised"}
REPEATED: Final = {
    "reservation": ("channel",),
    "transfer": ("from", "to"),
    "return": ("order",),
    "count": ("location", "kind", "blind", "approval_above"),
}
"""What every answer about a document repeats of the request that began it."""


def micros(text: str) -> int:
    """A time as a number."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def text_of(at: int) -> str:
    """A number as a time."""
    return (EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def timed(body: Any) -> Any:
    """A request with its times as numbers."""
    if isinstance(body, list):
        return [timed(one) for one in body]
    if not isinstance(body, dict):
        return body
    return {
        name: micros(value) if name.endswith("_at") and value else timed(value)
        for name, value in body.items()
    }


def spoken(operation: str) -> tuple[str, str]:
    """An operation as a verb and what it is done with."""
    verb, *rest = re.split("(?=[A-Z])", operation)
    return verb, "_".join(rest).lower()


# --- what the model says ------------------------------------------------------------------------


def balance(model: Model, stock: Stock, at: int = EVER, known: int = EVER) -> Json:
    """What an answer about a stock has to say."""
    levels = {bucket: model.level(stock, bucket, at, known) for bucket in BUCKETS}
    reserved, coming = model.reserved(stock, at, known), model.coming(stock, at, known)
    return {**levels, "reserved": reserved, "in_transit": coming}


def open_conflicts(model: Model, sku: str, now: int) -> list[tuple[str, str, str, int]]:
    """What an answer about open conflicts has to list: kind, location, holder, short."""
    model.now = now
    model.judge()
    broken = [(*of, n) for of, n in model.open.items() if of not in model.resolved]
    listed = [(kind, at, who, n) for kind, at, who, n in broken + model.noted if at[1] == sku]
    return sorted((kind, location, who, n) for kind, (location, _), who, n in listed)


def told(answer: Json, model: Model) -> Json:
    """What the model says, in the form of an answer: a note names a promise and nobody else."""
    said = {**answer}
    if "document" in said:
        said |= shown(said.pop("document"), model)
    if "results" in said:
        said["results"] = [told(result, model) for result in said["results"]]
    if "notes" in said:
        said["notes"] = sorted(
            (kind, who if kind == "promise_broken" else "", units)
            for kind, _, who, units in said["notes"]
        )
    return said


def shown(document: Document, model: Model) -> Json:
    """A document as an answer shows it."""
    kind = next(name for name in SHOWN if f"{name}_id" in document.asked)
    asked = {name: document.asked.get(name) for name in REPEATED[kind]}
    lines = document.lines()
    for line in lines.values():
        line[ASKED.get(kind, "requested")] = line.pop("asked", line["requested"])
    said = SHOWN[kind](document, lines, model)
    listed = [(item, filled(line)) for item, line in lines.items()]
    return {**asked, f"{kind}_id": document.name, "lines": listed, **said}


def furthest(*steps: tuple[str, object, object]) -> str:
    """The first of these that has begun; `partially_` if more of it is to come."""
    return next(word if whole else f"partially_{word}" for word, begun, whole in steps if begun)


def promise(document: Document, lines: Lines, model: Model) -> Json:
    """Units of a promise that has run out are shown as expired from that instant on."""
    expires = document.runs[-1][0]
    for line in lines.values():
        del line["fenced"]
        if expires <= model.now:
            line["expired"] = line.pop("open")
    confirmed = len(document.runs) > 1 and expires == EVER
    used = any(line["fulfilled"] for line in lines.values())
    begun = furthest(("fulfilled", used, False), ("confirmed", confirmed, True), ("placed", 1, 1))
    kind = "hard" if expires == EVER else "soft"
    return {"status": model.ended(document) or begun, "kind": kind, "expires_at": expires}


def transfer(document: Document, lines: Lines, model: Model) -> Json:
    """A surplus stands beside what was sent: it is not shown again as what arrived."""
    unsent = document.column("asked") - document.column("dispatched")
    coming = document.column("dispatched") - document.column(*ARRIVED)
    status = furthest(
        ("received", +document.column(*ARRIVED), not unsent and not coming),
        ("dispatched", +document.column("dispatched"), not unsent),
        ("requested", True, True),
    )
    for line in lines.values():
        beyond = line["surplus"] = max(0, sum(line[how] for how in ARRIVED) - line["dispatched"])
        for how in ARRIVED:
            hidden = min(beyond, line[how])
            line[how], beyond = line[how] - hidden, beyond - hidden
    return {"status": model.ended(document) or status}


def back(document: Document, lines: Lines, model: Model) -> Json:
    """Of a return, the furthest step that has begun; where units lie, in order of arrival."""
    for sku, line in lines.items():
        places = [name for name in line if name.startswith("at.") and line[name]]
        places = sorted(places, key=functools.partial(document.since, sku))
        line["at"] = [name.removeprefix("at.") for name in places]
    awaited = document.column("asked") - document.column("received", "waived")
    received = document.column("received").total()
    decided = +(document.column("received", "waived") - document.column("open"))
    left = +document.column("open") or (awaited and not received)
    inspected = document.column("inspected").total()
    status = furthest(
        ("dispositioned", decided, not left),
        ("inspected", inspected, inspected == received),
        ("received", received, not awaited),
        ("authorised", True, True),
    )
    return {"status": model.ended(document) or status}


def count(document: Document, lines: Lines, model: Model) -> Json:
    """Of a count, its figures, and what is still to be counted."""
    figures, skus = document.figures, document.asked.get("skus")
    for item, figure in figures.items():
        lines[item] = Counter({name: figure[name] for name in ("counted", "expected", "approved")})
    approved = all(figure["approved"] for figure in figures.values())
    status = "approved" if figures and approved else "entered" if figures else "open"
    entered = {sku for sku, _ in figures}
    missing = [sku for sku in skus if sku not in entered] if skus else None
    return {"status": model.ended(document) or status, "missing": missing}


SHOWN: Final = {"reservation": promise, "transfer": transfer, "return": back, "count": count}


# --- what the service says ----------------------------------------------------------------------


def due(line: Json) -> int:
    """Units of a return of which nothing is known yet; fewer than none came beyond."""
    return int(line["authorised"] - line["received"] - line["waived"])


LAWS: Final[dict[str, dict[str, Callable[[Json], Any]]]] = {
    "granted": {
        "granted": lambda line: sum(line[how] for how in KEPT),
        "requested": lambda line: line["granted"] + line["rejected"],
    },
    "dispatched": {
        "in_transit": lambda line: line["dispatched"] - sum(line[how] for how in ARRIVED)
    },
    "authorised": {
        "awaited": lambda line: max(0, due(line)),
        "excess": lambda line: max(0, -due(line)),
    },
    "counted": {
        "variance": lambda line: (
            None if line["expected"] is None else line["counted"] - line["expected"]
        ),
    },
    "on_hand": {
        "on_hand": lambda line: sum(line[bucket] for bucket in BUCKETS),
        "available": lambda line: line["sellable"] - line["reserved"],
    },
}
"""Numbers that follow from others in the same line, by a number that tells the lines apart."""


def lawful(line: Json) -> Json:
    """What a line says that does not follow from the rest of it; and the rest has to follow."""
    laws = next((laws for mark, laws in LAWS.items() if mark in line), {})
    for name, law in laws.items():
        assert line[name] == law(line), (name, line)
    return {name: n for name, n in line.items() if name not in laws}


def filled(numbers: Json) -> Json:
    """A line without its zeros."""
    return {name: n for name, n in numbers.items() if n is None or n}


def row(line: Json) -> tuple[Any, Json]:
    """What a line of an answer is about, and all the numbers in it; those left out are zero."""
    names = tuple(line[name] for name in ("location", "sku", "bucket") if name in line)
    numbers: Json = {name: n for name, n in lawful(line).items() if n is None or isinstance(n, int)}
    numbers |= {f"at.{place['location']}": place["quantity"] for place in line.get("at", ())}
    if "at" in line:
        numbers["at"] = [place["location"] for place in line["at"]]
    for name in ("grades", "dispositions"):
        numbers |= {f"{name}.{which}": n for which, n in line.get(name, {}).items()}
    return names[0] if names[1:] == () else names, filled(numbers)


def plain(body: Json) -> Json:
    """An answer in the model's words: times and lines as numbers, conflicts one by one."""
    found = {**body}
    if "results" in body:
        found["results"] = [plain(result) for result in body["results"]]
    if "lines" in body:
        found["lines"] = [*map(row, body["lines"])]
    if "expires_at" in body:
        found["expires_at"] = micros(body["expires_at"]) if body["expires_at"] else EVER
    if "shortfalls" in body:
        found["shortfalls"] = [
            ((one["location"], one["sku"]), one["requested"], one["available"])
            for one in body["shortfalls"]
        ]
    notes = {}
    for note in body.get("conflicts", ()):
        parts = note.get("reservations") or [note]
        assert note["short"] == sum(one["short"] for one in parts), note
        for one in parts:
            short = 0 if note["kind"] == "clock_skew" else one["short"]
            notes[one["conflict_id"]] = note["kind"], one.get("reservation_id", ""), short
    found["notes"] = sorted(notes.values())
    return found


def differs(expected: Any, found: Any, path: str = "$") -> list[str]:
    """Where an answer does not hold what it should; more than expected is no difference."""
    if isinstance(expected, dict) and isinstance(found, dict):
        pairs = [(expected[name], found.get(name), f"{path}.{name}") for name in expected]
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = [
            (e, f, f"{path}[{n}]") for n, (e, f) in enumerate(zip(expected, found, strict=True))
        ]
    else:
        return [] if expected == found else [f"{path}: {expected!r} expected, {found!r} found"]
    return [difference for pair in pairs for difference in differs(*pair)]
