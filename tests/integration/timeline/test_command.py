"""`inventory-ledger history` of a running service."""

import json
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from api.cli.history import command
from tests.support.http import Api, new, receive, sale
from tests.support.servers import RunningService

WIDE = {"COLUMNS": "200"}
NOW = re.compile(r"(?!2020)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
TOLD = """\
MUG at ams-1, as it happened
change: units on hand; in brackets, units reserved

when (UTC)            change  on hand available  what
2020-01-02 09:00:00      +10       10        10  received from a supplier; \
by admin (http) ref PO-1; recorded just now
2020-01-03 09:00:00       -2        8         8  sold on order W-1; \
by admin (http); reported late, recorded just now
2020-01-05 09:00:00       -2        6         6  counted 8, 2 fewer than known (count key/0); \
by admin (http); recorded just now
2020-01-05 09:00:00       +2        8         8  absorbed by a count, which had seen that 2 left \
before it was reported: the level from here on stays; by admin (http); recorded just now
2020-01-06 09:00:00       -5        3         3  sold; \
the promise to MUG-order is broken, 3 short; by admin (http) reason flash; \
reported late, recorded just now
just now     (+6)        3        -3  reserved for MUG-order; by admin (http)
"""


@pytest.fixture(scope="module")
def api(running_service: RunningService) -> Iterator[Api]:
    """The administrator's client."""
    client = Api.of(running_service)
    yield client
    client.close()


def history(service: RunningService, *arguments: str) -> Result:
    """Run the command against the data directory's service."""
    return CliRunner(env=WIDE).invoke(command, [*arguments, "--data-dir", str(service.data_dir)])


def test_a_history_is_told_with_what_it_broke_and_what_a_count_had_seen(
    running_service: RunningService, api: Api
) -> None:
    """A known history, line by line; only the moments of recording differ from run to run."""
    sku = new("MUG")
    key = new("key")
    api.record(receive(sku, 10, occurred_at="2020-01-02T09:00:00Z", reference="PO-1"))
    count = {"type": "count", "sku": sku, "location": "ams-1", "counted": 8}
    api.record({**count, "occurred_at": "2020-01-05T09:00:00Z"}, key=key)
    api.record(sale(sku, 2, occurred_at="2020-01-03T09:00:00Z", order="W-1"))
    api.place(sku, 6, reservation_id=f"{sku}-order")
    api.record(sale(sku, 5, occurred_at="2020-01-06T09:00:00Z", reason="flash"))
    result = history(running_service, sku, "ams-1")

    assert 0 == result.exit_code, result.output
    told = NOW.sub("just now", result.stdout).replace(sku, "MUG").replace(key, "key")

    assert TOLD == told.partition("\non hand\n")[0]
    assert told.partition("\non hand\n")[2].startswith("10 ┤")


def test_one_object_a_line_is_what_the_api_says(running_service: RunningService, api: Api) -> None:
    """For programs: nothing added, nothing left out."""
    sku = new("MUG")
    for number in range(3):
        api.record(receive(sku, 10, occurred_at=f"2020-01-0{number + 1}T09:00:00Z"))
    result = history(running_service, sku, "ams-1", "--json", "--from", "2020-01-02")
    page = api.get("/v1/movements", sku=sku, location="ams-1").json()

    assert 0 == result.exit_code, result.output
    assert page["items"][1:] == [json.loads(line) for line in result.stdout.splitlines()]


def test_a_day_is_meant_to_its_end(running_service: RunningService, api: Api) -> None:
    """`--to` a day takes in what happened on it."""
    sku = new("MUG")
    for hour in ("00:00:00Z", "23:59:59Z", "23:59:59-01:00"):
        api.record(receive(sku, 10, occurred_at=f"2020-01-02T{hour}"))
    day = history(
        running_service, sku, "ams-1", "--json", "--from", "2020-01-02", "--to", "2020-01-02"
    )
    moment = history(running_service, sku, "ams-1", "--json", "--to", "2020-01-02T00:00:00")

    assert [2, 1] == [len(result.stdout.splitlines()) for result in (day, moment)]


def test_a_limit_ends_early_and_says_so(running_service: RunningService, api: Api) -> None:
    """In the order of the ledger, too."""
    sku = new("MUG")
    api.record(*[receive(sku)] * 5)
    some = history(running_service, sku, "ams-1", "--limit", "2", "--order", "recorded").stdout
    every = history(running_service, sku, "ams-1", "--limit", "5").stdout

    assert (2, True) == (some.count("received"), "and more: go on with --from 20" in some)
    assert (5, False) == (every.count("received"), "and more" in every)


def test_a_code_may_hold_what_an_address_may_not(running_service: RunningService, api: Api) -> None:
    """Slashes, spaces and signs of other scripts are part of a SKU."""
    sku = new("MÜG & 100% / größe?")
    api.record(receive(sku))

    assert f"{sku} at ams-1, as it happened" in history(running_service, sku, "ams-1").stdout


def test_a_stock_that_nobody_knows_has_no_history(running_service: RunningService) -> None:
    """A sentence, and no failure."""
    result = history(running_service, "NONE-SUCH", "ams-1")

    assert (0, "NONE-SUCH at ams-1: nothing happened\n") == (result.exit_code, result.stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("MUG", "ams-1", "--from", "yesterday"), 2, "2026-11-23T09:00:00Z"),
        (("MUG", "ams-1", "--limit", "0"), 2, "limit"),
        (("MUG",), 2, "LOCATION"),
        (("M" * 65, "ams-1"), 1, "sku"),
        (("MUG", "ams-1", "--api-key", "a-wrong-key-of-16"), 1, "401"),
    ],
)
def test_what_cannot_be_asked_is_named(
    running_service: RunningService, arguments: tuple[str, ...], code: int, word: str
) -> None:
    """Bad usage is 2, a question that the service refuses is 1."""
    result = history(running_service, *arguments)

    assert code == result.exit_code, result.output
    assert word in result.stderr
