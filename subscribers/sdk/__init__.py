"""For channel code: follow the ledger. Imports nothing of ours but the published messages."""

from subscribers.sdk.events import Delivery, Events, MessagesMissing, NewGeneration
from subscribers.sdk.fake import FakeEvents
from subscribers.sdk.present import Present, present
from subscribers.sdk.stocks import Stocks

__all__ = [
    "Delivery",
    "Events",
    "FakeEvents",
    "MessagesMissing",
    "NewGeneration",
    "Present",
    "Stocks",
    "present",
]
