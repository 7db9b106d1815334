"""For channel code: follow what a channel may sell, or the whole ledger.

Imports nothing of ours but the published messages.
"""

from subscribers.sdk.channel import Channel
from subscribers.sdk.events import Delivery, Events, MessagesMissing, NewGeneration
from subscribers.sdk.fake import FakeEvents
from subscribers.sdk.fake_ats import FakeAts
from subscribers.sdk.fake_channel import FakeChannel
from subscribers.sdk.inbox import Inbox
from subscribers.sdk.present import Present, present
from subscribers.sdk.source import Unanswered
from subscribers.sdk.stocks import Stocks
from subscribers.sdk.values import (
    Change,
    Disconnected,
    Key,
    Limits,
    NotAdmitted,
    PresentComplete,
    Replaced,
    Staleness,
)

__all__ = [
    "Change",
    "Channel",
    "Delivery",
    "Disconnected",
    "Events",
    "FakeAts",
    "FakeChannel",
    "FakeEvents",
    "Inbox",
    "Key",
    "Limits",
    "MessagesMissing",
    "NewGeneration",
    "NotAdmitted",
    "Present",
    "PresentComplete",
    "Replaced",
    "Staleness",
    "Stocks",
    "Unanswered",
    "present",
]
