"""Verifying the whole ledger: events a second, beside a rebuild of every projection from them."""

from functools import partial
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from api.bench import BenchResult, Context
from api.bench.load import with_writer
from api.bench.project import MOVEMENTS, MOVEMENTS_QUICK, append_all, bring_to_head, movements
from api.bench.yardsticks import beside
from ledger.clock import monotonic
from projections.audit.verification import verify
from projections.proof.notary import Notary, connect, ledger_id
from projections.proof.notes import Signer, origin_of
from projections.rebuild import rebuild
from projections.registry import NAMES


def run(context: Context) -> list[BenchResult]:
    """Append movements, attest and project them; then rebuild and verify in turns."""
    count = MOVEMENTS_QUICK if context.quick else context.size or MOVEMENTS
    verified: list[float] = []
    rebuilt: list[float] = []
    with context.database() as own:
        with_writer(own.settings, partial(append_all, movements(count, seed=0)))
        bring_to_head(own.settings)
        _attest(own)
        for _ in range(1 if context.quick else context.pairs):
            step = rebuild(own.service_url, NAMES)
            rebuilt.append(step.position / step.seconds)
            verified.append(_verify(own.service_url))
            context.say(f"verify {verified[-1]:,.0f}/s, rebuild {rebuilt[-1]:,.0f}/s")
    detail: dict[str, object] = {"events": count, "runs": len(verified)}
    yardstick = "rebuild of every projection"
    return [beside("verify", median(verified), "events/s", yardstick, median(rebuilt), detail)]


def _verify(url: str) -> float:
    started = monotonic()
    report = verify(url)
    seconds = monotonic() - started
    assert not report.breaches_total, report.breaches[:5]
    return report.position / seconds


def _attest(own: Context) -> None:
    """A notary of the benchmark's own brings the tree to the head."""
    signer = Signer(origin_of(ledger_id(own.service_url)), Ed25519PrivateKey.generate())
    notary = Notary(replace(own.settings, checkpoint_key=signer.private_key))
    with connect(own.service_url) as connection:
        notary.start()
        while notary.step(connection):
            pass
