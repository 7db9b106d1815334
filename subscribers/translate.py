"""PURE: a recorded event to public messages. The same event always gives the same bytes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, NamedTuple, get_args

import msgspec
from msgspec import Struct, structs

from ledger.domain import events
from ledger.domain.values import MICROSECONDS_PER_SECOND, Instant, Money, encode_part
from ledger.recorded import Meta, Recorded
from subscribers import messages

SOURCE: Final = "inventory-ledger"
SHARD: Final = 0

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Outgoing(NamedTuple):
    """One message for one stream: where it goes, its id, its payload, its trace."""

    subject: str
    message_id: str
    payload: bytes
    trace: str


@lru_cache(maxsize=16_384)
def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%04Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=16_384)  # An event names the same instant two or three times.
def rfc3339(instant: Instant) -> str:
    """A time as the outside reads it: UTC, always six digits of a second."""
    seconds, micros = divmod(instant, MICROSECONDS_PER_SECOND)
    return f"{_second(seconds)}.{micros:06d}Z"


def event_message(recorded: Recorded, generation: int) -> Outgoing:
    """The message that tells one event to the world."""
    meta, place = recorded.meta, _PLACES[type(recorded.event)]
    message_id = f"{generation}:{SHARD}:{recorded.position}"
    envelope = messages.CloudEvent(
        "1.0",
        message_id,
        SOURCE,
        place.message.TYPE,
        recorded.stream,
        rfc3339(recorded.event.occurred_at),
        "application/json",
        recorded.position,
        recorded.version,
        rfc3339(recorded.recorded_at),
        meta.correlation_id,
        meta.command_id,
        0,
        _data(recorded.event, meta, place),
    )
    return Outgoing(
        _subject(recorded.stream, place.verb),
        message_id,
        messages.encode(envelope),
        trace_of(meta.correlation_id, recorded.position),
    )


def conflict_message(recorded: Recorded, told: Outgoing) -> Outgoing | None:
    """The same message on the conflicts' own subject, where the event is about a conflict."""
    event = recorded.event
    if not isinstance(event, events.ConflictEvent):
        return None
    tokens = map(encode_part, (event.kind, event.location, event.sku))
    return told._replace(subject=".".join(("inventory.conflicts", *tokens)))


def trace_of(correlation_id: str, position: int) -> str:
    """A W3C traceparent: one trace per correlation id, one span per position."""
    return f"00-{_trace_of_several(correlation_id)}-{position:016x}-01"


def trace_alone(message_id: str, position: int) -> str:
    """A W3C traceparent for a message that nothing else is traced with."""
    return f"00-{_trace_id(message_id)}-{position:016x}-01"


def _trace_id(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


_trace_of_several: Final = lru_cache(maxsize=16_384)(_trace_id)


def _subject(stream: str, verb: str) -> str:
    kind, rest = stream.split("/", 1)
    if kind == "stock":
        return f"inventory.events.{rest.replace('/', '.')}.{verb}"
    # Ids of several parts become one token; encoding the already encoded keeps them apart.
    token = encode_part(rest) if "/" in rest else rest
    return f"inventory.documents.{kind}.{token}.{verb}"


def _data(event: events.AnyEvent, meta: Meta, place: "_Place") -> Struct:
    fields = structs.asdict(event)
    for name, convert in place.conversions:
        value = fields[name]
        if value or value == 0:  # Neither None nor an empty tuple; 0 is the year 1970.
            fields[name] = convert(value)
    fields["provenance"] = messages.Provenance(
        actor=meta.actor,
        source=meta.source,
        reason=meta.reason,
        movement_id=meta.movement_id,
        reference=meta.reference,
        claimed_at=None if meta.claimed_at is None else rfc3339(meta.claimed_at),
        stated=meta.stated,
        owner=meta.owner,
    )
    return place.message(**fields)


def _nested(kind: type[Struct]) -> Callable[[tuple[Struct, ...]], tuple[Struct, ...]]:
    """Converts a tuple of the domain's parts to their public twins, field by field."""
    times = [name for name in kind.__struct_fields__ if name.endswith("_at")]

    def convert(parts: tuple[Struct, ...]) -> tuple[Struct, ...]:
        if not times:
            return tuple([kind(**structs.asdict(part)) for part in parts])
        return tuple([kind(**structs.asdict(part) | _as_text(part, times)) for part in parts])

    return convert


def _as_text(part: Struct, times: list[str]) -> dict[str, str | None]:
    values = {name: getattr(part, name) for name in times}
    return {name: None if at is None else rfc3339(at) for name, at in values.items()}


def _conflict(change: events.ConflictChange) -> messages.ConflictChange:
    return messages.ConflictChange(**structs.asdict(change))


def _money(money: Money) -> messages.Money:
    return messages.Money(millionths=money.millionths, currency=money.currency)


def _fence(units: events.FencedUnits) -> messages.FencedUnits:
    expires_at = None if units.expires_at is None else rfc3339(units.expires_at)
    return messages.FencedUnits(
        channel=units.channel, quantity=units.quantity, expires_at=expires_at
    )


def _expired(holds: tuple[events.ExpiredHold, ...]) -> tuple[messages.ExpiredHold, ...]:
    return tuple(
        messages.ExpiredHold(
            reservation_id=hold.reservation_id,
            quantity=hold.quantity,
            expired_at=rfc3339(hold.expired_at),
            fence=None if hold.fence is None else _fence(hold.fence),
        )
        for hold in holds
    )


def _sourced(units: tuple[events.SourcedUnits, ...]) -> tuple[messages.SourcedUnits, ...]:
    return tuple(
        messages.SourcedUnits(
            asked=messages.SourcedLine(**structs.asdict(unit.asked)),
            picked=tuple(messages.PlacedLine(**structs.asdict(line)) for line in unit.picked),
        )
        for unit in units
    )


def _tally(tally: events.Tally) -> messages.Tally:
    return messages.Tally(**structs.asdict(tally))


def _locations(found: tuple[events.LocationTally, ...]) -> tuple[messages.LocationTally, ...]:
    return tuple(
        messages.LocationTally(location=one.location, tally=_tally(one.tally)) for one in found
    )


def _rules(rules: events.ChannelRules) -> messages.ChannelRules:
    return msgspec.convert(rules, messages.ChannelRules, from_attributes=True)


def _parked(fact: events.ParkedFact) -> messages.ParkedFact:
    return messages.ParkedFact(**structs.asdict(fact))


_CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "occurred_at": rfc3339,
    "as_of": rfc3339,
    "effective_at": rfc3339,
    "expires_at": rfc3339,
    "starts_at": rfc3339,
    "ends_at": rfc3339,
    "unit_cost": _money,
    "holds": _expired,
    "fence": _fence,
    "conflicts": _nested(messages.ConflictChange),
    "sourced": _sourced,
    "moves": _nested(messages.Relocation),
    "conflict": _conflict,
    "packs": _nested(messages.Pack),
    "authority": _nested(messages.Authority),
    "parked": _parked,
    "tally": _tally,
    "rules": _rules,
}


class _Place(NamedTuple):
    """What a kind of event becomes: its public shape, its verb, the fields that change form."""

    message: type[messages.Message]
    verb: str
    conversions: tuple[tuple[str, Callable[[Any], Any]], ...]


def _place(kind: type[events.Event], message: type[messages.Message]) -> _Place:
    conversions = dict(_CONVERSIONS)
    for field in structs.fields(message):
        if field.name == "lines":  # Each document has lines of its own form.
            conversions["lines"] = _nested(get_args(field.type)[0])
        elif field.type == tuple[messages.LocationTally, ...]:
            conversions[field.name] = _locations
    names = kind.__struct_fields__
    return _Place(
        message,
        message.TYPE.split(".")[2],
        tuple((name, convert) for name, convert in conversions.items() if name in names),
    )


def _places() -> dict[type[events.Event], _Place]:
    """Pairs every event with its public message by the one thing that never changes: the tag."""
    public = {message.TYPE: message for message in messages.EVENT_MESSAGES}
    kinds: tuple[type[events.Event], ...] = events.AnyEvent.__args__
    return {kind: _place(kind, public[f"inventory.{kind.__struct_config__.tag}"]) for kind in kinds}


_PLACES: Final = _places()
