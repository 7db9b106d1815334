"""Bodies into words: times, money, and what stands in a refusal."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.problems import KINDS, TYPE_PREFIX, Problem, problem_of
from api.questions import parameters
from api.schemas.catalog import LOCATION, SKU
from api.schemas.fields import instant_of, money_of, rfc3339, time_of
from api.schemas.movements import BATCH, ITEM
from api.schemas.questions import StockQuery
from api.schemas.reading import check_encoding, read
from ledger.domain import refusals
from ledger.domain.refusals import Malformed, Refusal
from ledger.domain.values import EARLIEST, LATEST
from ledger.submission import CommandFailed, NoWriter, Overloaded, StorageUnavailable


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_795_428_900_000_001, "2026-11-23T10:15:00.000001Z"),
        (EARLIEST, "0001-01-01T00:00:00.000000Z"),
        (LATEST, "9999-12-31T23:59:59.000000Z"),
    ],
)
def test_a_time_comes_out_as_it_went_in(instant: int, text: str) -> None:
    """Microseconds survive, at both ends of the calendar too."""
    assert text == rfc3339(instant)
    assert instant == time_of(text, "at")


def test_a_time_beyond_the_calendar_is_refused() -> None:
    """The last half second of the year 9999 has no instant."""
    with pytest.raises(Malformed) as refused:
        instant_of(datetime(9999, 12, 31, 23, 59, 59, 500_000, UTC), "$.at")

    assert "$.at" == refused.value.path


@pytest.mark.parametrize(
    ("amount", "millionths"),
    [("0", 0), ("2.50", 2_500_000), ("0.000001", 1), ("2.5000000", 2_500_000), ("007", 7_000_000)],
)
def test_money_is_read_exactly(amount: str, millionths: int) -> None:
    """No float ever stands between the text and the number."""
    assert millionths == money_of(amount, "EUR", "$").millionths


def test_money_finer_than_a_millionth_is_refused() -> None:
    """Exact or refused."""
    with pytest.raises(Malformed):
        money_of("0.0000001", "EUR", "$.unit_cost")


@pytest.mark.parametrize(
    ("decoder", "body", "path", "word"),
    [
        (BATCH, b'{"movements":[{"a":NaN}]}', "$.movements[0].a", "NaN"),
        (BATCH, b'{"movements":[{"a":[1,-Infinity]}]}', "$.movements[0].a[1]", "-Infinity"),
        (BATCH, b'{"movements":7}', "$.movements", "is 7"),
        (BATCH, b'{"movements":[1],"atomic":"no"}', "$.atomic", '"no"'),
        (BATCH, b'{"movements":[1]', "$", "not JSON"),
        (SKU, b'{"packs":{"box":1,"case":0},"scale":99}', "$.packs.case", "is 0"),
        (SKU, b'{"packs":{"a.b":{"of":"box","factor":0}}}', "$.packs.a.b.factor", "is 0"),
        (SKU, b'{"packs":{"box":12,"":2,"case":0}}', "$.packs", 'is ""'),
    ],
)
def test_a_refused_body_names_path_and_value(
    decoder: Any, body: bytes, path: str, word: str
) -> None:
    """The sender finds the place without counting brackets, and one pack among many."""
    with pytest.raises(Malformed) as refused:
        read(decoder, body)

    assert path == refused.value.path
    assert word in refused.value.problem


def test_a_place_within_an_entry_follows_its_key() -> None:
    """Of the sources of one fact among several, the one that is none."""
    with pytest.raises(Malformed) as refused:
        read(LOCATION, b'{"authority":{"sale":["till"],"count":["wms",""]}}')

    assert "$.authority.count[1]" == refused.value.path


def test_an_item_is_refused_by_its_place_in_the_call() -> None:
    """Items are read one by one, and still named from the body's root."""
    with pytest.raises(Malformed) as refused:
        read(ITEM, b'{"type":"receive","sku":"MUG","location":"a","quantity":0}', "$.movements[3]")

    assert "$.movements[3].quantity" == refused.value.path


def test_a_bad_byte_is_found_wherever_it_is() -> None:
    """Parts of the body that are read later are UTF-8, too."""
    check_encoding("naïve".encode())
    with pytest.raises(Malformed):
        check_encoding(b'{"movements":[{"sku":"\xff"}]}')


def test_every_refusal_has_a_kind() -> None:
    """No code of the domain is missing from the table, and `transient` means the same in both."""
    codes = {kind.code: kind.transient for kind in Refusal.__subclasses__()}

    assert codes == {code: KINDS[code].transient for code in codes}
    assert refusals.Malformed.code in codes


def test_a_title_holds_for_all_that_has_its_code() -> None:
    """What a command names and the ledger does not know stands under no address."""
    about_addresses = {code for code, kind in KINDS.items() if "address" in kind.title}

    assert {"method-not-allowed"} == about_addresses


@pytest.mark.parametrize("code", sorted(KINDS))
def test_a_problem_says_what_the_contract_asks(code: str) -> None:
    """Type, title, status, detail, correlation id, transient, and the facts as members."""
    problem = Problem(code, "this and that", fact=7)
    document = problem.body("correlation-1")

    assert document.startswith(f'{{"type":"{TYPE_PREFIX}{code}"'.encode())
    assert b'"fact":7' in document
    assert b'"correlation_id":"correlation-1"' in document
    retry = {"Retry-After"} if problem.status in (429, 503) else set()
    assert retry <= {name for name, _ in problem.headers()}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NoWriter(), 503, "no-writer"),
        (Overloaded("17 wait"), 503, "overloaded"),
        (StorageUnavailable(), 503, "storage-unavailable"),
        (CommandFailed(), 500, "internal-error"),
        (RuntimeError("secret"), 500, "internal-error"),
    ],
)
def test_every_failure_has_an_answer(error: Exception, status: int, code: str) -> None:
    """What failed inside stays inside; what helps the caller goes out."""
    problem = problem_of(error)

    assert (status, code) == (problem.status, problem.code)
    assert "secret" not in str(problem)


def test_a_plus_in_a_question_is_read_as_people_mean_it() -> None:
    """`+01:00` in a query is a blank to the letter of the form encoding; the time is meant."""
    asked = parameters(b"as_of=2026-11-23T10:00:00+01:00", StockQuery, 100)

    assert asked.as_of is not None
    assert 3600 == asked.as_of.utcoffset().total_seconds()  # type: ignore[union-attr]
