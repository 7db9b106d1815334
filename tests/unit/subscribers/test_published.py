"""The committed schemas are those of the types."""

import msgspec

from subscribers.messages import DATA_TYPES
from subscribers.published import CHECKPOINT, FOLDER, SYNC_PARTS, documents


def test_the_committed_schemas_are_current() -> None:
    """`python -m subscribers.published` has been run since the last change."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}

    assert documents() == committed


def test_every_payload_has_a_schema_and_a_place_in_the_asyncapi_document() -> None:
    """Nothing is told that is not published."""
    document = msgspec.json.decode(documents()["asyncapi.json"])

    assert "3.0.0" == document["asyncapi"]
    told = {m["name"] for m in document["components"]["messages"].values()}
    assert {*DATA_TYPES, CHECKPOINT, *SYNC_PARTS} == told
    referred = {
        reference["$ref"].rpartition("/")[2]
        for channel in document["channels"].values()
        for reference in channel["messages"].values()
    }
    assert set(document["components"]["messages"]) == referred
