"""An answer comes in the form that its caller would rather have."""

import pytest

from api.forms import wanted

JSON, NDJSON, CSV = "application/json", "application/x-ndjson", "text/csv"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*", CSV),
        (NDJSON, NDJSON),
        ("Application/X-NDJSON", NDJSON),
        ("application/x-ndjson; charset=utf-8", NDJSON),
        ("application/x-ndjson;q=0", JSON),
        ("application/x-ndjson; Q=0.000", JSON),
        ("application/json, application/x-ndjson;q=0.1", JSON),
        ("application/json;q=0.1, application/x-ndjson;q=0.2", NDJSON),
        ("application/json;q=0.1,application/x-ndjson ; q=0.2", NDJSON),
        ("application/json;q=0, application/*;q=0.5", NDJSON),
        ("application/json, application/x-ndjson", JSON),
        ("application/x-ndjson, application/json", NDJSON),
        ("text/csv, */*", CSV),
        ("*/*, text/csv", CSV),
        ("*/*, text/csv;q=0.9", JSON),
        ("application/x-ndjson;q=1, application/x-ndjson;q=0", NDJSON),
        ("application/x-ndjsonish, xapplication/x-ndjson", JSON),
        ("application/x-ndjson;q=2", JSON),
        ("application/x-ndjson;q=", JSON),
        ("application/x-ndjson;q=nan", JSON),
        ("text/html", JSON),
        ("*/*;q=0", JSON),
        (",;,/ ;=q", JSON),
    ],
)
def test_the_form_is_the_one_that_is_wanted_most(accept: str, form: str) -> None:
    """By quality, then by how exactly it is named; JSON where nothing speaks for another."""
    assert form == wanted(accept, (JSON, NDJSON, CSV))
