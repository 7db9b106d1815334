"""The commands as somebody meets them who has only a terminal."""

import re

import click
import pytest
from click.testing import CliRunner

from api.cli.bench import BENCHES
from api.cli.main import main
from projections.registry import NAMES

COMMANDS = main.list_commands(click.Context(main))


def shown(*arguments: str) -> str:
    """What a call prints; help is no failure."""
    result = CliRunner().invoke(main, [*arguments, "--help"])
    assert 0 == result.exit_code, result.output
    return result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_something_to_copy(name: str) -> None:
    """The last lines are calls that fit a terminal and were not wrapped."""
    *_, last = shown(name).rstrip().split("\n\n")
    title, *calls = last.splitlines()

    assert title.strip() in {"Example:", "Examples:"}
    assert calls
    assert all(f"inventory-ledger {name}" in call and len(call) <= 90 for call in calls)


def test_the_list_of_commands_says_each_in_one_whole_sentence() -> None:
    """A sentence that is cut off leaves the reader to guess."""
    listed = shown().partition("Commands:")[2]

    assert "..." not in listed
    assert [line.split()[0] for line in listed.strip().splitlines()] == COMMANDS


@pytest.mark.parametrize(("command", "names"), [("bench", BENCHES), ("rebuild", NAMES)])
def test_help_lists_what_a_name_may_be(command: str, names: list[str]) -> None:
    """Nobody has to guess wrong first."""
    words = re.findall(r"\w+", shown(command))

    assert set(names) <= set(words)
