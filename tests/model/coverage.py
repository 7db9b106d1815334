"""What a run has reached of what the served document names: every operation, every refusal."""

from collections import Counter
from typing import Any, Final

ELSEWHERE: Final[dict[str, str]] = {
    "internal-error": "unit/api/test_reading.py::test_every_failure_has_an_answer",
    "overloaded": "integration/api/test_forwarding.py::test_overload_comes_back_with_retry_after",
    "storage-unavailable": (
        "unit/api/test_operations.py::test_a_writer_that_says_nothing_is_not_waited_for_for_ever"
    ),
    "no-writer": (
        "integration/api/test_forwarding.py::test_without_any_writer_the_answer_is_no_writer"
    ),
    "rate-limited": "unit/api/test_reading.py::test_a_problem_says_what_the_contract_asks",
}
"""Refusals that need broken servers, and the tests that reach them; nothing limits rates yet."""


class Coverage:
    """How often each operation came to each outcome: a status, or a refusal's code."""

    def __init__(self) -> None:
        self.reached: Counter[tuple[str, str]] = Counter()
        self.operations: list[str] = []
        self.codes: set[str] = set()

    def learn(self, document: dict[str, Any]) -> None:
        """Take from the document what there is to reach."""
        for methods in document["paths"].values():
            self.operations += [operation["operationId"] for operation in methods.values()]
        self._collect(document)

    def note(self, operation: str, outcome: str) -> None:
        """One more answer."""
        self.reached[operation, outcome] += 1

    def missing(self) -> list[str]:
        """What should have been reached and was not."""
        succeeded = {name for name, outcome in self.reached if outcome.isdigit()}
        refused = {outcome for _, outcome in self.reached}
        unreached = [name for name in self.operations if name not in succeeded]
        return unreached + sorted(self.codes - refused - ELSEWHERE.keys())

    def table(self) -> str:
        """Every operation and every refusal with its count."""
        rows = ["operation                     answers"]
        for name in self.operations:
            outcomes = sorted((o, n) for (of, o), n in self.reached.items() if of == name)
            rows.append(f"{name:<30}" + ", ".join(f"{o} {n}" for o, n in outcomes))
        rows.append("refusal                       times")
        for code in sorted(self.codes):
            times = sum(n for (_, outcome), n in self.reached.items() if outcome == code)
            elsewhere = "" if times else f"  elsewhere: {ELSEWHERE.get(code, 'NOWHERE')}"
            rows.append(f"{code:<30}{times}{elsewhere}")
        return "\n".join(rows)

    def _collect(self, node: Any) -> None:
        """Every code that a problem's `type` can end in, wherever the document says so."""
        if isinstance(node, dict):
            for value in node.get("enum", ()):
                if isinstance(value, str) and value.startswith("urn:inventory-ledger:problem:"):
                    self.codes.add(value.rpartition(":")[2])
            for inner in node.values():
                self._collect(inner)
        elif isinstance(node, list):
            for inner in node:
                self._collect(inner)
