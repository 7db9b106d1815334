"""A flash sale over HTTP on a service of its own, with channels that listen; what came of it."""

import asyncio
import subprocess
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import msgspec
import nats
from msgspec import Struct, field

from api.bench import listeners, sale, steady
from api.bench.recount import Heard, Recount, Row, Verdict
from api.bench.whole_service import Service
from ledger.clock import SystemClock
from ledger.settings import login_with
from subscribers.messages import ATS_STREAM, durable_of

CONNECTIONS: Final = 64
CLIENTS: Final = 2
_AHEAD: Final = 1_500_000  # Until the load's own process has opened its connections.
_PATIENCE_S: Final = 120.0
_FLOOD: Final = 40_000.0  # Requests a second that no machine answers.
_USUAL: Final = 1_000.0  # Those of a crowd that waits for its answers.
_LOOK_S: Final = 0.02
_QUIET: Final = 50_000  # What was told so shortly before a listener went may not have reached it.
_HOT_POSITIONS: Final = (
    "select position from ledger.events where shard = 0 and stream like 'stock/%%/HOT'"
    " and topic <> 'stock.hold_confirmed.v1' order by position"
)
_LAST_TOLD: Final = (
    "select channel, sku, location, max(told) from telling.channel_log"
    " where instant <= %s group by 1, 2, 3"
)


class Listened(Struct, kw_only=True):
    """What one set of subscribers heard, and between which instants they were there."""

    reports: list[listeners.Report] = field(default_factory=list)
    left_at: int = 0

    @property
    def heard(self) -> list[Heard]:
        """Every value that a callback was given."""
        return [one for report in self.reports for one in report.heard]


class Timing(Struct):
    """How long values took to callbacks, in milliseconds, sorted."""

    newest: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, other: "Timing") -> None:
        """Take another run's."""
        self.newest = sorted(self.newest + other.newest)
        self.first = sorted(self.first + other.first)
        self.seconds += other.seconds


class FlashSale:
    """One service's sale: set up once, then one run of the crowd after the other."""

    def __init__(
        self, service: Service, scratch: Path, *, channels: int, hot: int, defined: bool = True
    ) -> None:
        """Nothing is asked before `open`. Not `defined`: orders name channels that nobody knows."""
        self.service = service
        self._scratch = scratch
        self._names = sale.names(channels) if defined else []
        self._hot = hot
        self._numbers = count()
        self._crowd = sale.Crowd(channels, seed=SystemClock().now() % 1_000_000)
        self.credentials: dict[str, str] = {}

    def open(self) -> None:
        """Catalog, stock, channels with their rules, and a credential for each, all over HTTP."""
        service, names = self.service, self._names
        for path, document in sale.catalog():
            service.send("PUT", path, document)
        for number, name in enumerate(names):
            service.send("PUT", f"/v1/channels/{name}", sale.channel(number))
        for path, document in sale.opening(self._hot):
            service.send("POST", path, document)
        for name in names:
            answer = service.send("POST", f"/v1/channels/{name}/credentials", {})
            self.credentials[name] = answer["credentials"]
        for name in names[1::4]:
            service.send("POST", f"/v1/channels/{name}/staleness", {"measured_s": 100})

    @contextmanager
    def listening(self, clients: int = CLIENTS) -> Iterator[Listened]:
        """Every channel with its own credentials; all it heard is there after the block."""
        names = list(self.credentials)
        listened = Listened()
        with ExitStack() as stack:
            started = [
                stack.enter_context(self._client(names[number::clients]))
                for number in range(min(clients, len(names)))
            ]
            for process, _ in started:
                assert process.stdout is not None
                said = process.stdout.readline()
                assert said == "ready\n", f"a listener ended before it was ready: {said!r}"
            yield listened
            self.all_heard()
            listened.left_at = SystemClock().now()
            for process, path in started:
                process.communicate()
                assert process.returncode == 0, "a listener failed; its error is above"
                listened.reports.append(
                    msgspec.json.decode(path.read_bytes(), type=listeners.Report)
                )

    def all_heard(self) -> None:
        """Wait until the teller has told everything and every callback has been given it."""
        self.service.at_rest()
        asyncio.run(_acknowledged(self.service, list(self.credentials)))

    @contextmanager
    def _client(self, names: list[str]) -> "Iterator[tuple[subprocess.Popen[str], Path]]":
        number = next(self._numbers)
        path, written = (self._scratch / f"{number}.{kind}" for kind in ("plan", "heard"))
        mine = {name: self.credentials[name] for name in names}
        plan = listeners.Plan(url=self.service.nats_url, credentials=mine, path=str(written))
        path.write_bytes(msgspec.json.encode(plan))
        command = [sys.executable, "-m", "api.bench.listeners", str(path)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            yield process, written
        finally:
            process.kill()
            process.communicate()

    def crowd(self, rate: float, seconds: float) -> steady.Outcome:
        """So many requests a second for so long; none of them may fail, many are refused."""
        return self._asked(self._drawn(int(rate * seconds), rate), rate)

    def _drawn(self, count: int, rate: float) -> list[steady.Request]:
        return self._crowd.requests(count, rate, SystemClock().now() + _AHEAD)

    def _asked(self, requests: list[steady.Request], rate: float) -> steady.Outcome:
        plan = steady.Plan(
            host=self.service.host,
            port=self.service.port,
            api_key=self.service.key,
            rate=rate,
            connections=CONNECTIONS,
            requests=requests,
        )
        path = self._scratch / f"{next(self._numbers)}.crowd"
        path.write_bytes(msgspec.json.encode(plan))
        command = [sys.executable, "-m", "api.bench.steady", str(path)]
        outcome = msgspec.json.decode(subprocess.check_output(command), type=steady.Outcome)
        assert max(outcome.statuses) < 500, f"an error reached a caller: {outcome.statuses}"
        return outcome

    def capacity(self, requests: int) -> float:
        """How many requests a second the whole of it can take, every connection always busy.

        Until every value has reached its callback: a queue that only grows is no capacity.
        """
        with self.listening():
            outcome = self._asked(self._drawn(requests, _USUAL), _FLOOD)
            self.all_heard()
            ended_at = SystemClock().now()
        return requests / ((ended_at - outcome.begun_at) / 1e6)

    def unheard(self, listened: Listened) -> list[str]:
        """Subjects whose last value no callback was given."""
        told = self.service.rows(_LAST_TOLD, listened.left_at - _QUIET)
        newest: dict[tuple[str, str, str], int] = defaultdict(int)
        for one in listened.heard:
            key = (one.channel, one.sku, one.location or "")
            newest[key] = max(newest[key], one.told)
        return [
            f"{channel} {sku} {location}: told {last}, heard {newest[channel, sku, location]}"
            for channel, sku, location, last in told
            if newest[channel, sku, location] < last
        ]

    def hot_positions(self) -> list[int]:
        """Where the ledger changed what is free of the hot SKU."""
        return [position for (position,) in self.service.rows(_HOT_POSITIONS)]


async def _acknowledged(service: Service, channels: list[str]) -> None:
    async with await nats.connect(service.nats_url, **login_with(service.nats_credentials)) as bus:
        stream, waiting = bus.jetstream(), set(channels)
        async with asyncio.timeout(_PATIENCE_S):
            while waiting:
                for name in sorted(waiting):
                    info = await stream.consumer_info(ATS_STREAM, durable_of(name))
                    if not info.num_pending and not info.num_ack_pending:
                        waiting.discard(name)
                await asyncio.sleep(_LOOK_S)


def judged(rows: list[Row], heard: list[Heard]) -> Verdict:
    """Every value against an account of one's own."""
    return Recount(rows).judge(heard)


def timed(rows: list[Row], heard: list[Heard], window: tuple[int, int], hot: list[int]) -> Timing:
    """How long changes took, of those that were told while the crowd was there.

    From the newest event that a value reflects, and from the first one: the event that made the
    value before it wrong. The latter is known of the channel without rules.
    """
    timing, last = Timing(seconds=(window[1] - window[0]) / 1e6), 0
    for one in sorted(heard, key=lambda value: value.told):
        place = bisect_right(hot, last)
        is_plain = (one.channel, one.sku) == (sale.PLAIN, sale.HOT)
        if not one.present and window[0] <= one.instant <= window[1]:
            timing.newest.append(_millis(rows, one.position, one.heard_at))
            if is_plain and last and place < len(hot) and hot[place] <= one.position:
                timing.first.append(_millis(rows, hot[place], one.heard_at))
        if is_plain:
            last = one.position
    timing.newest.sort()
    timing.first.sort()
    return timing


def _millis(rows: list[Row], position: int, heard_at: int) -> float:
    return (heard_at - rows[position - 1].recorded_at) / 1_000
