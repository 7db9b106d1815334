"""SQL by name: files of statements, each headed by `-- name: what it does`."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

_HEAD: Final = re.compile(r"^-- (\w+): .*$", re.MULTILINE)


@cache
def statements(package: str, name: str) -> dict[str, str]:
    """Read a `.sql` file that lies beside a module: statement name to text."""
    text = files(package).joinpath(name).read_text(encoding="utf-8")
    pieces = _HEAD.split(text)[1:]
    return {key: body.strip() for key, body in zip(pieces[::2], pieces[1::2], strict=True)}
