"""What a channel is told, asks and gives up on: names, forms and schemas."""

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.values import encode_part
from subscribers import messages
from subscribers.durables import declared
from subscribers.messages import SyncAnswer, SyncRequest
from subscribers.published import FOLDER
from subscribers.sdk.desk import Value
from subscribers.sdk.fake_ats import told_as
from subscribers.sdk.letters import letter_of
from subscribers.sdk.reading import read
from subscribers.sdk.source import Garbled
from tests.support.channel_bus import number


def follows(name: str, payload: bytes) -> bool:
    """Whether a payload is what its published schema says."""
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    return bool(jsonschema_rs.validator_for(schema).is_valid(json.loads(payload)))


@given(st.text(min_size=1, max_size=64).filter(lambda text: text.isprintable()))
def test_names_are_encoded_as_everywhere(name: str) -> None:
    """The SDK travels alone, so it has the encoding a second time; it is the same."""
    assert encode_part(name) == messages.token(name)
    assert name == messages.channel_of(messages.durable_of(name))


def test_a_durable_is_filtered_to_what_its_channel_is_told() -> None:
    """A channel whose name begins like another's, or has a dot in it, reads only its own."""
    assert "inventory.ats.market%2Ede.>" == declared("market.de").filter_subject
    assert "channel-market%2Ede" == declared("market.de").durable_name
    assert "inventory.ats.a%2Eb.c%2Ed.e" == messages.ats_subject("a.b", "c.d", "e")
    assert messages.channel_of("warehouse-7") is None


@pytest.mark.parametrize("location", [None, "ams-1"])
def test_a_number_follows_its_published_schema(location: str | None) -> None:
    """What is told is what was promised to be told."""
    _, _, payload = told_as(number("MUG", 4, 7, location=location))

    assert follows("inventory.ats.state.v1", payload)
    assert not follows("inventory.ats.state.v1", payload.replace(b'"ats":4', b'"ats":"4"'))


@pytest.mark.parametrize("payload", [None, b"\xff no JSON"])
def test_a_dead_letter_follows_its_published_schema(payload: bytes | None) -> None:
    """Also where the message could not be read; the bytes come back as they were."""
    subject, headers, told = told_as(number("MUG", 4, 7))
    value = read(subject, headers, told if payload is None else payload, sequence=3)
    assert isinstance(value, Value if payload is None else Garbled)

    letter = letter_of(value, "channel-web", "session", 5, "x" * 9_000)

    read_again: Any = messages.decode(letter.payload).data
    assert follows("inventory.dlq.letter.v1", letter.payload)
    assert value.payload == read_again.payload
    assert (headers, 3, 5, 2_000) == (
        read_again.headers,
        read_again.sequence,
        read_again.attempts,
        len(read_again.reason),
    )
    assert "channel-web:session:1:3" == letter.headers[messages.MESSAGE_ID]
    assert messages.EXPECTED_LAST_SEQUENCE not in letter.headers


def test_asking_for_the_present_follows_its_published_schemas() -> None:
    """Question and answer, the refusal included."""
    assert follows("inventory.sync.request", msgspec.json.encode(SyncRequest(session="s")))
    for answer in (SyncAnswer(error="no"), SyncAnswer(stream="S", consumer="c", values=7)):
        assert follows("inventory.sync.answer", msgspec.json.encode(answer))
