"""How much of the machine's memory the embedded database is given."""

from pathlib import Path

import pytest

from api.runtime.memory import a_quarter_of_memory

MIB = 1024 * 1024
PLENTY = a_quarter_of_memory(())


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (f"{1024 * MIB}\n", 256 * MIB),
        (f"{1024 * MIB + 4095}\n", 256 * MIB),
        (f"{64 * MIB}\n", 128 * MIB),
        ("9223372036854771712\n", PLENTY),
        ("max\n", PLENTY),
    ],
    ids=["a quarter", "whole MiB", "too little", "no limit (v1)", "no limit (v2)"],
)
def test_a_container_gets_a_quarter_of_what_it_may_have(
    tmp_path: Path, told: str, expected: int
) -> None:
    """Not of what its machine has."""
    limit = tmp_path / "memory.max"
    limit.write_text(told)
    assert a_quarter_of_memory([tmp_path / "nowhere", limit]) == min(expected, PLENTY)


def test_it_is_never_more_than_8_gib() -> None:
    """On whatever machine this runs."""
    assert 128 * MIB <= PLENTY <= 8 * 1024 * MIB
