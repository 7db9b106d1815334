"""What every request meets: keys, correlation ids, problem documents, readiness."""

import httpx
import pytest

from tests.support.http import Api, new, receive

OPEN = ["/", "/health/live", "/health/ready", "/metrics", "/schema/openapi.json"]


def _anonymous(api: Api) -> httpx.Client:
    return httpx.Client(base_url=api.http.base_url, timeout=30.0)


@pytest.mark.parametrize("path", OPEN)
def test_what_machines_watch_needs_no_key(api: Api, path: str) -> None:
    """Health, metrics, the description and the console's page are open."""
    with _anonymous(api) as client:
        answer = client.get(path)

    assert 200 == answer.status_code, answer.text


@pytest.mark.parametrize(
    "path",
    ["/v1/stock", "/v1/health/live", "/health/live/x", "/metricsx", "/x/metrics", "//v1/stock"],
)
def test_everything_else_needs_one(api: Api, path: str) -> None:
    """Open paths are compared whole: what only looks like one is closed."""
    with _anonymous(api) as client:
        answer = client.get(str(api.http.base_url).rstrip("/") + path)

    assert 401 == answer.status_code, answer.text
    assert answer.json()["type"].endswith("unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic YTpi", "Bearer", "", "Bearer \u00ff"])
def test_a_wrong_credential_is_refused(api: Api, header: str) -> None:
    """Only the key itself opens."""
    with _anonymous(api) as client:
        answer = client.get("/v1/stock", headers={b"Authorization": header.encode("latin-1")})

    assert 401 == answer.status_code, answer.text


def test_a_key_may_come_in_its_own_header(api: Api) -> None:
    """X-API-Key is as good as a bearer token."""
    key = api.http.headers["authorization"].removeprefix("Bearer ")
    with _anonymous(api) as client:
        answer = client.get("/v1/stock", headers={"X-API-Key": key})

    assert 200 == answer.status_code, answer.text


def test_a_correlation_id_is_returned_and_stored(api: Api) -> None:
    """The caller's id travels with the events."""
    body = {"movements": [receive(new("MUG"))]}
    answer = api.post("/v1/movements", body, **{"X-Correlation-ID": "till-7:8841/a="})
    position = answer.json()["position"]
    page = api.get("/v1/events", after=position - 1, limit=1).json()

    assert "till-7:8841/a=" == answer.headers["x-correlation-id"]
    assert ["till-7:8841/a="] == [event["correlationid"] for event in page["items"]]


def test_a_correlation_id_is_made_where_none_came(api: Api) -> None:
    """Two requests have two ids."""
    ids = {api.get("/v1/stock").headers["x-correlation-id"] for _ in range(2)}

    assert 2 == len(ids)


@pytest.mark.parametrize("given", ["a b", "x" * 129, "", "a\u00ff"])
def test_a_correlation_id_that_can_be_none_is_refused(api: Api, given: str) -> None:
    """What would break a log line or a header does not come in."""
    headers = {b"X-Correlation-ID": given.encode("latin-1")}
    answer = api.http.get("/v1/stock", headers=headers)

    assert (400, "X-Correlation-ID") == (answer.status_code, answer.json()["path"])
    assert answer.json()["correlation_id"] == answer.headers["x-correlation-id"]


def test_an_unknown_address_is_a_problem_document(api: Api) -> None:
    """The framework's own errors speak the contract's language."""
    answer = api.get("/v1/nothing")

    assert 404 == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"]
    assert answer.json()["type"].endswith("not-found")


def test_an_unknown_method_is_a_problem_document(api: Api) -> None:
    """405 says which methods there are."""
    answer = api.http.delete("/v1/stock")

    assert 405 == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"]
    assert answer.json()["type"].endswith("method-not-allowed")
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/movements", "GET, HEAD, OPTIONS, POST"),
        ("/v1/skus/a%2Fb", "GET, HEAD, OPTIONS, PUT"),
        ("/v1/channels/web", "GET, HEAD, OPTIONS, PUT"),
        ("/v1/transfers/t-1/close", "OPTIONS, POST"),
        ("/health/live", "GET, HEAD, OPTIONS"),
    ],
)
def test_every_address_says_which_methods_it_knows(api: Api, path: str, methods: str) -> None:
    """Asked, or when another one was tried."""
    asked, refused = api.http.options(path), api.http.patch(path)

    assert (204, methods, b"") == (asked.status_code, asked.headers["allow"], asked.content)
    assert "content-length" not in asked.headers
    assert (405, methods) == (refused.status_code, refused.headers["allow"])


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/health/live", "*/*", 200),
        ("/v1/stock?sku=none-such", "*/*", 200),
        ("/v1/events", "application/json", 200),
        ("/v1/events", "application/x-ndjson", 200),
        ("/v1/stock?limit=0", "*/*", 400),
        ("/v1/reservations/none-such", "*/*", 404),
        ("/v1/nothing", "*/*", 404),
        ("/v1/transfers/t-1/close", "*/*", 405),
    ],
)
def test_a_head_is_answered_like_a_get_without_the_body(
    api: Api, path: str, accept: str, status: int
) -> None:
    """Whoever only wants to know whether it is there, and how much, is told so."""
    api.record(receive(new("MUG")))
    headers = {"Accept": accept, "X-Correlation-ID": "head-1"}
    got, head = (api.http.request(method, path, headers=headers) for method in ("GET", "HEAD"))

    assert (status, b"") == (head.status_code, head.content)
    assert status == got.status_code
    for name in ("content-type", "content-length", "x-correlation-id", "allow"):
        assert got.headers.get(name) == head.headers.get(name), name


def test_a_head_needs_a_key_like_a_get(api: Api) -> None:
    """Its status would say what is behind the door."""
    with _anonymous(api) as client:
        answer = client.head("/v1/stock")

    assert (401, b"") == (answer.status_code, answer.content)


@pytest.mark.parametrize("second", ["key-b", "key-a"])
def test_two_idempotency_keys_are_none(api: Api, second: str) -> None:
    """Which of them would be answered under?"""
    fact = {"movements": [receive(new("MUG"))]}
    headers = [("Idempotency-Key", "key-a"), ("Idempotency-Key", second)]
    answer = api.http.post("/v1/movements", json=fact, headers=headers)

    assert (400, "Idempotency-Key") == (answer.status_code, answer.json()["path"])


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (["Application/X-NDJSON"], "application/x-ndjson"),
        (["application/json;q=0.5", "application/x-ndjson"], "application/x-ndjson"),
        (["application/x-ndjson;q=0"], "application/json"),
    ],
)
def test_an_answer_has_the_form_that_was_asked_for(
    api: Api, accept: list[str], media_type: str
) -> None:
    """In whatever letters, in one header or in two."""
    headers = [("Accept", one) for one in accept]
    answer = api.http.get("/v1/events", headers=headers)

    assert media_type == answer.headers["content-type"]


def test_a_service_that_runs_is_ready(api: Api) -> None:
    """Database, tables and writer decide; the bus is reported."""
    answer = api.get("/health/ready").json()

    assert ("ready", True, True, True) == (
        answer["status"],
        answer["database"],
        answer["migrated"],
        answer["writer"],
    )


def test_metrics_count_requests_and_refusals(api: Api) -> None:
    """What was answered and what was refused can be watched."""
    api.get("/v1/reservations/none-such")
    api.record(receive(new("MUG")))
    text = api.get("/metrics").text

    assert 'ledger_http_requests_total{operation="recordMovements",status="201"}' in text
    assert 'ledger_refusals_total{code="not-found"}' in text
    assert "ledger_writer_batches" in text
    assert 'ledger_projection_lag_events{projection="stock"}' in text


def test_a_position_not_yet_reached_is_not_answered_from_before(api: Api) -> None:
    """Rather a clear no than a silent old number."""
    for path in ("/v1/stock", "/v1/reservations", "/v1/conflicts", "/v1/events"):
        answer = api.get(path, min_position=10**15)

        assert 503 == answer.status_code, answer.text
        assert answer.json()["type"].endswith("projection-behind")
        assert answer.json()["transient"] is True
        assert "1" == answer.headers["retry-after"]
