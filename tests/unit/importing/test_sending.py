"""What an import makes of the service's answers."""

import pytest

from api.importing.batches import Batch, Work
from api.importing.connection import Connection
from api.importing.sending import ImportStopped, Sender, Tally
from tests.unit.importing.fake_service import FakeService


class Singles:
    """Requests of one movement each, all about the same stock."""

    def __init__(self, *keys: str, short: int = 0) -> None:
        self._keys = keys
        self._body = f'{{"movements":[{{"short":{short}}}]}}'.encode()

    def __len__(self) -> int:
        return len(self._keys)

    def __getitem__(self, index: int) -> Batch:
        return Batch(self._keys[index], self._body, 1)

    def stocks(self, index: int) -> tuple[int, ...]:
        return (0,)

    def parts(self, index: int) -> list[Batch]:
        return [self[index]]


class Pack(Singles):
    """The same movements in one request, as long as none of them is refused for its id."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Batch:
        movements = ",".join("{}" for _ in self._keys)
        return Batch("pack", f'{{"movements":[{movements}]}}'.encode(), len(self._keys))

    def parts(self, index: int) -> list[Batch]:
        return [Batch(key, self._body, 1) for key in self._keys]


def sender(service: FakeService, work: Work, *, patience_s: float = 10.0) -> Sender:
    """A sender with little patience."""
    return Sender(
        work,
        lambda: Connection(service.url, timeout_s=5.0, headers={}),
        patience_s=patience_s,
        stop_on_differing=lambda key: "opened otherwise" if key == "opening" else None,
    )


KEYS = [str(n) for n in range(20)]


@pytest.mark.parametrize("trouble", [None, "busy", "cut before", "cut after", "nonsense"])
async def test_every_batch_arrives_once_and_in_order_whatever_goes_wrong(
    trouble: str | None,
) -> None:
    """503, cut connections and lost answers are asked again under the same key."""
    service = FakeService(
        lambda key, attempt: trouble if attempt == 1 and int(key) % 3 == 0 else None
    )
    async with service.running():
        tally = await sender(service, Singles(*KEYS)).run()

    assert KEYS == list(service.accepted)
    assert 20 == tally.settled == tally.recorded + tally.already_recorded
    assert 20 == tally.position


async def test_a_repeated_import_records_nothing() -> None:
    """What the service answers as replayed is counted as already recorded, conflicts included."""
    service = FakeService()
    async with service.running():
        first = await sender(service, Singles(*KEYS, short=1)).run()
        again = await sender(service, Singles(*KEYS, short=1)).run()

    assert (20, 0, {"c-0": "negative_stock", "c-1": "negative_stock"}) == counted(first)
    assert (0, 20, {}) == counted(again)


def counted(tally: Tally) -> tuple[int, int, dict[str, str]]:
    """Recorded, already recorded, conflicts."""
    return tally.recorded, tally.already_recorded, tally.conflicts


async def test_other_content_under_a_known_key_is_counted_and_named() -> None:
    """Nothing is doubled, and the rest of the file goes on."""
    service = FakeService(lambda key, _: "differs" if key == "7" else None)
    async with service.running():
        tally = await sender(service, Singles(*KEYS)).run()

    assert (19, 1, ["7"]) == (tally.recorded, tally.differing, tally.differing_keys)


async def test_another_opening_stops_before_the_first_sale() -> None:
    """Sales against a wrong opening would be worse than none."""
    service = FakeService(lambda key, _: "differs" if key == "opening" else None)
    async with service.running():
        with pytest.raises(ImportStopped, match="opened otherwise"):
            await sender(service, Singles("opening", "1")).run()

    assert [] == list(service.accepted)


async def test_a_refusal_names_the_batch_and_the_reason() -> None:
    """What the service will never take is for people to look at."""
    service = FakeService(lambda key, _: "refused" if key == "3" else None)
    async with service.running():
        with pytest.raises(ImportStopped, match="3 was refused: 400 no such thing"):
            await sender(service, Singles(*KEYS)).run()


async def test_a_service_that_stays_away_ends_the_import() -> None:
    """It can be started again later; nothing is lost."""
    service = FakeService(url="http://127.0.0.1:1")
    with pytest.raises(ImportStopped, match="of no use for too long"):
        await sender(service, Singles("1"), patience_s=0.2).run()


async def test_one_changed_line_does_not_keep_its_neighbours_out() -> None:
    """A request refused for an id is sent again in its parts; only the culprit is left out."""
    service = FakeService(lambda key, _: "differs" if key in {"pack", "7"} else None)
    async with service.running():
        tally = await sender(service, Pack(*KEYS)).run()

    assert (19, 1, ["7"]) == (tally.recorded, tally.differing, tally.differing_keys)
    assert [key for key in KEYS if key != "7"] == list(service.accepted)
