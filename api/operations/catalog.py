"""What callers define: SKUs and locations."""

from typing import Final

from api.commands import JSON, REPLAYED, Answer, Begin, encode, single
from api.schemas import catalog
from ledger.domain.outcomes import LocationState, SkuState
from ledger.submission import Accepted


def _sku(reply: Accepted) -> Answer:
    assert isinstance(reply.outcome, SkuState)
    body = encode(catalog.sku_answer(reply.outcome))
    return Answer(200, body, JSON, (REPLAYED,) if reply.replayed else ())


def _location(reply: Accepted) -> Answer:
    assert isinstance(reply.outcome, LocationState)
    body = encode(catalog.location_answer(reply.outcome))
    return Answer(200, body, JSON, (REPLAYED,) if reply.replayed else ())


OPERATIONS: Final[dict[str, Begin]] = {
    "skus.define": single(catalog.SKU, catalog.sku_of, _sku, "fact"),
    "locations.define": single(catalog.LOCATION, catalog.location_of, _location, "fact"),
}
