"""The API as the model's machine speaks it: one kept connection, operations by their names."""

import http.client
import itertools
import json
import re
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from tests.model.coverage import Coverage

_PARAMETER: Final = re.compile(r"\{[^}]*\}")

WAITED_FOR: Final = ("projection-behind",)
"""Refusals that a busy machine may give, and that another try mends."""

TRIES_MAX: Final = 5
TIMEOUT_S: Final = 10.0


class Answer:
    """What came back."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        is_json = headers.get("content-type", "").split(";")[0].endswith("json")
        self.body: Any = json.loads(content) if is_json and content else None

    @property
    def code(self) -> str:
        """The refusal's code, or nothing."""
        kind = self.body.get("type", "") if isinstance(self.body, dict) else ""
        return str(kind).rpartition(":")[2] if self.status >= 400 else ""

    def __repr__(self) -> str:
        return f"{self.status} {self.content[:2_000]!r}"


class Client:
    """Calls operations of the document that the service serves, and notes what they come to."""

    def __init__(self, url: str, key: str, coverage: Coverage) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
        self._key = key
        self.first_failure = ""
        self.reconnects = 0
        self._coverage = coverage
        document = json.loads(self.send("GET", "/schema/openapi.json").content)
        coverage.learn(document)
        self._operations = {
            operation["operationId"]: (method.upper(), path)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }

    def knows(self, operation: str) -> bool:
        """Whether the service has an operation."""
        return operation in self._operations

    def close(self) -> None:
        """Gives the connection back."""
        self._connection.close()

    def call(
        self,
        operation: str,
        name: str | tuple[str, ...] = "",
        body: Any = None,
        *,
        key: str | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        patient: bool = True,
    ) -> Answer:
        """Asks for an operation, again where only a projection was not there yet."""
        method, path = self._operations[operation]
        names = iter((name,) if isinstance(name, str) else name)
        path = _PARAMETER.sub(lambda _: quote(next(names), safe=""), path)
        if query:
            path += "?" + urlencode(query, quote_via=quote)
        sent = {"Idempotency-Key": key} if key is not None else {}
        content = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        for attempt in itertools.count(1):
            answer = self.send(method, path, content, {**sent, **(headers or {})})
            self._coverage.note(operation, answer.code or str(answer.status))
            if not patient or answer.code not in WAITED_FOR or attempt == TRIES_MAX:
                return answer
        raise AssertionError("counting has no end")

    def send(
        self, method: str, path: str, content: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request as it stands; a header without a value is left out."""
        sent = {"Authorization": f"Bearer {self._key}", **(headers or {})}
        sent = {name: value for name, value in sent.items() if value}
        try:
            self._connection.request(method, path, content, sent)
        except (BrokenPipeError, ConnectionResetError):  # It was let go while nobody asked.
            self._connection.close()
            self.reconnects += 1
            self._connection.request(method, path, content, sent)
        response = self._connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        content = response.read()
        if found.get("connection") == "close" or "Content-Length" in (headers or {}):
            self._connection.close()  # Whoever promised more than it sent cannot go on.
        return Answer(response.status, found, content)
