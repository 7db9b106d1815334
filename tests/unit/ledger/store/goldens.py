"""The golden bodies: one stored row of every event tag ever released, read for ever.

`just golden` writes a body for each tag that has none. It never changes one that exists: a
stored row does not change either. A retired tag keeps its body, which is then read through its
upcasts.
"""

import sys
from pathlib import Path
from typing import Any, Final, get_args

from msgspec.inspect import type_info

from ledger.domain.events import AnyEvent
from ledger.recorded import Meta
from ledger.store.mapper import Mapper, tag_of

FOLDER: Final = Path(__file__).parent / "golden"

_META: Final = Meta(
    instant=1_795_000_000_000_001,
    actor="till-7",
    source="pos",
    reason="example",
    correlation_id="0123456789abcdef0123456789abcdef",
    command_id="key-1",
    movement_id="key-1/0",
    reference="paper 8841",
    claimed_at=1_795_000_000_000_500,
)


def body_of(kind: type) -> bytes:
    """The row's bytes as a writer of today stores them."""
    return Mapper.encode(_META, _example(kind))


def _example(kind: type) -> Any:
    info: Any = type_info(kind)
    return kind(**{field.name: _sample(field.name, field.type) for field in info.fields})


def _sample(name: str, kind: Any) -> Any:
    match type(kind).__name__:
        case "IntType":
            return 1_795_000_000_000_000 if name.endswith("_at") else 7
        case "BoolType":
            return True
        case "StrType":
            return {"sku": "MUG", "location": "ams-1", "currency": "EUR"}.get(name, f"{name}-1")
        case "LiteralType":
            return kind.values[0]
        case "UnionType":
            return _sample(name, next(t for t in kind.types if type(t).__name__ != "NoneType"))
        case "VarTupleType":
            return (_sample(name, kind.item_type),)
        case "StructType":
            return _example(kind.cls)
        case other:
            raise TypeError(f"no example for {name}: {other}")


def write_missing() -> list[str]:
    """Add the bodies that are missing; returns their tags."""
    FOLDER.mkdir(exist_ok=True)
    added = []
    for kind in get_args(AnyEvent):
        path = FOLDER / f"{tag_of(kind)}.json"
        if not path.exists():
            path.write_bytes(body_of(kind) + b"\n")
            added.append(path.stem)
    return added


if __name__ == "__main__":
    sys.stderr.write(f"added: {', '.join(write_missing()) or 'none'}\n")
