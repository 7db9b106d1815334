"""What a run has reached of what the served document names: every operation, every refusal."""

from collections import Counter
from typing import Any, Final

ELSEWHERE: Final[dict[str, str]] = {
    "internal-error": "tests/integration/writer/test_poison.py",
    "overloaded": "tests/unit/ledger/writer/test_lanes.py",
    "storage-unavailable": "tests/faults/test_cuts.py",
    "no-writer": "tests/integration/api/test_forwarding.py",
    "method-not-allowed": "tests/integration/api/test_front_door.py",
    "rate-limited": "nothing refuses for a rate yet: the code is reserved",
}
"""Refusals that need broken servers or another configuration, and who reaches them there."""


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
