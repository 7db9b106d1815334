"""SQL lives in `.sql` files, under names: `-- name --`, a sentence, the statement."""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Final

LIVE: Final = "projections"
"""Where the tables are that answers come from."""

NEXT: Final = "projections_next"
"""Where a rebuild grows until it is swapped in."""

_PART: Final = re.compile(r"\{(\w+)\}")
_HEADING: Final = re.compile(r"^-- (\w+) --$", re.MULTILINE)


@lru_cache(maxsize=64)
def statements(package: str, schema: str = LIVE) -> dict[str, bytes]:
    """The statements of a package's `queries.sql` by name, on the tables of one schema.

    `{name}` in a statement stands for the one of that name.
    """
    text = files(package).joinpath("queries.sql").read_text(encoding="utf-8")
    parts = _HEADING.split(text.replace("{schema}", schema))
    named = {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    return {
        name: _PART.sub(lambda part: named.get(part[1], part[0]), body).encode()
        for name, body in named.items()
    }
