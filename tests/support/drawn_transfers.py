"""Random commands about transfers, for random histories."""

from collections.abc import Sequence
from random import Random
from typing import Final

from ledger.domain import commands as c
from ledger.domain.events import ReceivedLine, SkuQuantity
from ledger.domain.transfer import Transfer
from ledger.domain.values import Instant

_SECOND: Final = 1_000_000
_LATEST: Final = 6  # Transfers that something may still happen to.


class Drawing:
    """Draws from a history's own source of chance, so that a seed still gives one history."""

    def __init__(self, random: Random, skus: Sequence[str], places: Sequence[str]) -> None:
        """Take the names to choose from."""
        self._random = random
        self._skus = skus
        self._places = places

    def command(self, known: list[Transfer], number: int, now: Instant) -> c.AnyTransferCommand:
        """A new transfer, or what becomes of one of the latest."""
        random = self._random
        if not known or random.random() < 0.3:
            return self._request(number)
        transfer = random.choice(known[-_LATEST:])
        name = transfer.transfer_id
        match random.randrange(12):
            case 0 | 1 | 2 | 3:
                return c.DispatchTransfer(transfer_id=name, occurred_at=self._at(now))
            case 4:
                lines = (SkuQuantity(sku=self._sku(), quantity=random.randrange(1, 5)),)
                return c.DispatchTransfer(transfer_id=name, lines=lines, occurred_at=self._at(now))
            case 5 | 6:
                return c.ReceiveTransfer(transfer_id=name, occurred_at=self._at(now))
            case 7 | 8 | 9:
                received = tuple(self._arrived(transfer) for _ in range(random.randrange(1, 3)))
                return c.ReceiveTransfer(
                    transfer_id=name, lines=received, occurred_at=self._at(now)
                )
            case 10:
                return c.CancelTransfer(transfer_id=name)
            case _:
                return c.CloseTransfer(transfer_id=name)

    def _request(self, number: int) -> c.RequestTransfer:
        start, end = self._random.sample(self._places, 2)
        lines = tuple(
            SkuQuantity(sku=self._sku(), quantity=self._random.randrange(1, 8))
            for _ in range(self._random.randrange(1, 3))
        )
        return c.RequestTransfer(
            transfer_id=f"transfer-{number}", from_location=start, to_location=end, lines=lines
        )

    def _arrived(self, transfer: Transfer) -> ReceivedLine:
        known = [line.sku for line in transfer.lines]
        sku = self._sku() if self._random.random() < 0.2 else self._random.choice(known)
        units = dict.fromkeys(("received", "damaged", "lost", "returned"), 0)
        for _ in range(self._random.randrange(1, 5)):
            units[self._random.choice(list(units))] += 1
        return ReceivedLine(sku=sku, **units)

    def _at(self, now: Instant) -> Instant | None:
        if self._random.random() < 0.6:
            return None
        return now - self._random.randrange(-600, 7_200) * _SECOND

    def _sku(self) -> str:
        return self._random.choice(self._skus)
