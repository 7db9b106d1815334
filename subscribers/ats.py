"""PURE: a value of the channel log to the message that tells it. The same bytes, however often."""

from typing import Final

from ledger.domain.values import stream_id
from projections.availability.answers import Told
from subscribers import messages
from subscribers.fenced import Frame
from subscribers.translate import SHARD, SOURCE, Outgoing, rfc3339, trace_alone

ATS_SOURCE: Final = f"{SOURCE}/ats"


def ats_message(told: Told) -> Outgoing:
    """The message of one value; its envelope's subject is the channel's stream in the ledger."""
    subject = messages.ats_subject(told.channel, told.sku, told.location or None)
    names = subject.split(".", 2)[2].replace(".", ":")
    message_id = f"{told.generation}:{names}:{told.told}"
    instant = rfc3339(told.instant)
    envelope = messages.CloudEvent(
        "1.0",
        message_id,
        ATS_SOURCE,
        messages.AtsState.TYPE,
        stream_id("channel", told.channel),
        instant,
        "application/json",
        told.position,
        told.rule_version,
        instant,
        "",
        "",
        told.rule_version,
        messages.AtsState(
            channel=told.channel,
            sku=told.sku,
            location=told.location or None,
            ats=told.ats,
            position=told.position,
            rule_version=told.rule_version,
            instant=instant,
            expires=None if told.expires is None else rfc3339(told.expires),
            told=told.told,
        ),
    )
    trace = trace_alone(message_id, told.position)
    return Outgoing(subject, message_id, messages.encode(envelope), trace)


def ats_frame(told: Told, through: int, again: int | None = None) -> Frame:
    """The message ready to send. `through`: up to where all had been told once this one has.

    What is told `again`, under a sequence, has an id of its own: the stream remembers for a while
    what it has had, also of what it has lost.
    """
    out = ats_message(told)
    message_id = out.message_id if again is None else f"{out.message_id}:{again}"
    headers = (
        f"{messages.MESSAGE_ID}: {message_id}\r\n"
        f"{messages.POSITION}: {told.position}\r\n"
        f"{messages.GENERATION}: {told.generation}\r\n"
        f"{messages.SHARD}: {SHARD}\r\n"
        f"{messages.TRACE}: {out.trace}\r\n"
        f"{messages.TOLD}: {through}\r\n"
    )
    return Frame(out.subject, headers, out.payload)
