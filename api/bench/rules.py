"""A change of rules on a channel with many SKUs: how long until all of them are told anew."""

import tempfile
from pathlib import Path
from typing import Any, Final

from api.bench import BenchResult, Context
from api.bench.flash import FlashSale, Listened
from api.bench.recount import Heard, Recount
from api.bench.whole_service import Service, running

SKUS: Final = 100_000
SKUS_QUICK: Final = 5_000
AT_ONCE: Final = 1_000
CHANGES: Final = 3
CHANNEL: Final = "channel-00"
_STALE: Final = (
    "select count(*) from (select rule_version, max(rule_version) over ("
    " partition by generation, channel, sku, location order by told) as newest"
    " from telling.channel_log) told where rule_version < newest"
)


def run(context: Context) -> list[BenchResult]:
    """Each change takes one more unit off every SKU, so that every number is told again."""
    skus = context.size or (SKUS_QUICK if context.quick else SKUS)
    with (
        tempfile.TemporaryDirectory(prefix="bench-rules-") as home,
        running(Path(home) / "data") as service,
    ):
        service.send("PUT", "/v1/locations/dc-1", {"kind": "warehouse"})
        _receive(service, skus)
        sale = FlashSale(service, Path(home), channels=0, hot=0)
        service.send("PUT", f"/v1/channels/{CHANNEL}", _rules(0))
        answer = service.send("POST", f"/v1/channels/{CHANNEL}/credentials", {})
        sale.credentials[CHANNEL] = answer["credentials"]
        service.at_rest()
        context.say(f"{skus:,} SKUs are told")
        with sale.listening() as listened:
            versions = [_change(sale, units) for units in range(1, CHANGES + 1)]
        return [_result(service, listened, versions, skus)]


def _receive(service: Service, skus: int) -> None:
    for start in range(0, skus, AT_ONCE):
        some = range(start, min(start + AT_ONCE, skus))
        movements = [
            {"type": "receive", "sku": f"SKU-{n:07d}", "location": "dc-1", "quantity": 100}
            for n in some
        ]
        service.send("POST", "/v1/movements", {"movements": movements})


def _rules(units: int) -> dict[str, Any]:
    return {"kinds": ["warehouse"], "rules": {"safety_stock": [{"units": units}]}}


def _change(sale: FlashSale, units: int) -> int:
    answer = sale.service.send("PUT", f"/v1/channels/{CHANNEL}", _rules(units))
    version: int = answer["version"]
    sale.all_heard()
    return version


def _result(service: Service, listened: Listened, versions: list[int], skus: int) -> BenchResult:
    """From the commit of the rules to the last number that they change."""
    rows, heard = service.events(), [one for one in listened.heard if not one.present]
    verdict = Recount(rows).judge(listened.heard)
    assert verdict.different == 0, verdict.first
    begun = [row.recorded_at for row in rows if row.topic == "channel.defined.v1"][1:]
    logged, last_heard = [], []
    for version, at in zip(versions, begun, strict=True):
        query = "select max(instant), count(*) from telling.channel_log where rule_version = %s"
        ((instant, told),) = service.rows(query, version)
        mine = [one.heard_at for one in heard if one.rule_version == version]
        assert told == skus == len(mine), f"{told} were told, {len(mine)} heard, of {skus}"
        logged.append((instant - at) / 1e6)
        last_heard.append((max(mine) - at) / 1e6)
    ((stale,),) = service.rows(_STALE)
    assert stale == 0, f"{stale} values were of older rules than those before them"
    assert not _went_back(heard), "a subscriber was given older rules after newer ones"
    value = sorted(last_heard)[len(last_heard) // 2]
    return BenchResult(
        name="rules",
        value=round(value, 2),
        unit="s",
        detail={
            "skus": skus,
            "values_per_s": round(skus / value),
            "computed_s": [round(one, 2) for one in logged],
            "heard_s": [round(one, 2) for one in last_heard],
            "values_checked": verdict.checked,
            "stale": 0,
            "memory_mib": {name: service.memory_mib(name) for name in ("teller", "nats")},
        },
    )


def _went_back(heard: list[Heard]) -> list[Heard]:
    """Values that a callback was given after one by newer rules."""
    newest: dict[str, int] = {}
    back = []
    for one in heard:
        if one.rule_version < newest.get(one.sku, 0):
            back.append(one)
        newest[one.sku] = max(newest.get(one.sku, 0), one.rule_version)
    return back
