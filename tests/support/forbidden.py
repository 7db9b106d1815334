"""Hundreds of things that a channel "web" may not do beside its neighbour "shop"."""

from itertools import product
from typing import Final

from subscribers.messages import ATS_STREAM, durable_of
from subscribers.streams import STREAMS

STREAM_NAMES: Final = [str(stream.name) for stream in STREAMS]
OWN, OTHER = durable_of("web"), durable_of("shop")
PUSH: Final = (
    b'{"stream_name": "INVENTORY_ATS", "config": {"durable_name": "evil", "name": "evil",'
    b' "deliver_subject": "_INBOX_web.evil", "ack_policy": "none", "deliver_policy": "all"}}'
)

FORBIDDEN_SUBJECTS: Final = [
    # Facts, commands, and everything that only the service tells.
    "inventory.commands",
    "inventory.access",
    "inventory.inbox.till-7.ams-1",
    "inventory.events.ams-1.MUG.sold",
    "inventory.documents.reservation.order-1.placed",
    "inventory.stock.ams-1.MUG",
    "inventory.conflicts.promise_broken.ams-1.MUG",
    "inventory.checkpoints",
    # Numbers, its own included, and what belongs to other channels.
    "inventory.ats.web.MUG",
    "inventory.ats.web.MUG.ams-1",
    "inventory.ats.shop.MUG",
    f"inventory.dlq.{OTHER}",
    "inventory.dlq.web",
    "inventory.dlq.anything",
    "inventory.channels.shop.sync",
    "inventory.channels.web.other",
    # Where others are answered.
    "_INBOX.nobody",
    "_INBOX_shop.answer",
    "_INBOX_shop.replay",
    "_INBOX.ledger.0123456789abcdef.0",
    # JetStream: others' numbers, others' durables, and consumers of any kind.
    f"$JS.API.CONSUMER.MSG.NEXT.{ATS_STREAM}.{OTHER}",
    f"$JS.API.CONSUMER.INFO.{ATS_STREAM}.{OTHER}",
    f"$JS.API.CONSUMER.DELETE.{ATS_STREAM}.{OTHER}",
    f"$JS.API.CONSUMER.DELETE.{ATS_STREAM}.{OWN}",
    f"$JS.API.CONSUMER.PAUSE.{ATS_STREAM}.{OTHER}",
    f"$JS.API.CONSUMER.UNPIN.{ATS_STREAM}.{OTHER}",
    f"$JS.API.CONSUMER.LEADER.STEPDOWN.{ATS_STREAM}.{OTHER}",
    f"$JS.API.CONSUMER.CREATE.{ATS_STREAM}",
    f"$JS.API.CONSUMER.CREATE.{ATS_STREAM}.evil",
    f"$JS.API.CONSUMER.CREATE.{ATS_STREAM}.{OWN}",
    f"$JS.API.CONSUMER.CREATE.{ATS_STREAM}.{OWN}.inventory.ats.web.>",
    f"$JS.API.CONSUMER.CREATE.{ATS_STREAM}.evil.inventory.ats.shop.>",
    f"$JS.API.CONSUMER.DURABLE.CREATE.{ATS_STREAM}.evil",
    f"$JS.API.CONSUMER.DURABLE.CREATE.{ATS_STREAM}.{OWN}",
    f"$JS.API.DIRECT.GET.{ATS_STREAM}",
    f"$JS.API.DIRECT.GET.{ATS_STREAM}.inventory.ats.shop.MUG",
    f"$JS.API.DIRECT.GET.{ATS_STREAM}.inventory.ats.*.MUG",
    f"$JS.API.DIRECT.GET.{ATS_STREAM}.inventory.ats.>",
    "$JS.API.DIRECT.GET.INVENTORY_STOCK.inventory.stock.ams-1.MUG",
    f"$JS.ACK.{ATS_STREAM}.{OTHER}.1.1.1.0.0",
    "$JS.ACK.INVENTORY_EVENTS.any.1.1.1.0.0",
    f"$JS.FC.{ATS_STREAM}.{OTHER}.x",
    "$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.x.y",
    # The administration of streams, of accounts and of the server.
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.CREATE.EVIL",
    "$JS.API.STREAM.TEMPLATE.CREATE.EVIL",
    "$JS.API.ACCOUNT.PURGE.LEDGER",
    "$JS.API.SERVER.REMOVE",
    "$JS.API.META.LEADER.STEPDOWN",
    "$SYS.REQ.USER.INFO",
    "$SYS.REQ.CLAIMS.UPDATE",
    "$SYS.REQ.CLAIMS.LIST",
    "$SYS.REQ.CLAIMS.DELETE",
    "$SYS.REQ.CLAIMS.PACK",
    "$SYS.REQ.ACCOUNT.PING.CONNZ",
    "$SYS.REQ.SERVER.PING",
    "$SYS.REQ.SERVER.PING.VARZ",
    "$SYS.REQ.SERVER.x.RELOAD",
    "$SYS.REQ.SERVER.x.KICK",
    "$SYS.ACCOUNT.x.CONNECT",
    "anything.else",
    *(
        f"$JS.API.{verb}.{name}"
        for verb, name in product(
            (
                "STREAM.INFO",
                "STREAM.UPDATE",
                "STREAM.DELETE",
                "STREAM.PURGE",
                "STREAM.MSG.GET",
                "STREAM.MSG.DELETE",
                "STREAM.SNAPSHOT",
                "CONSUMER.NAMES",
                "CONSUMER.LIST",
            ),
            STREAM_NAMES,
        )
    ),
    *(f"$JS.API.CONSUMER.CREATE.{name}" for name in STREAM_NAMES if name != ATS_STREAM),
    *(f"$JS.API.CONSUMER.MSG.NEXT.{name}.{OWN}" for name in STREAM_NAMES if name != ATS_STREAM),
]

FORBIDDEN_EARS: Final = [
    ">",
    "*",
    "*.*",
    "*.>",
    "inventory.>",
    "inventory.ats.>",
    "inventory.ats.web.>",
    "inventory.ats.shop.>",
    "inventory.events.>",
    "inventory.documents.>",
    "inventory.stock.>",
    "inventory.conflicts.>",
    "inventory.checkpoints",
    "inventory.commands",
    "inventory.access",
    "inventory.inbox.>",
    "inventory.dlq.>",
    f"inventory.dlq.{OWN}",
    "inventory.channels.*.sync",
    "inventory.channels.web.sync",
    "_INBOX.>",
    "_INBOX.ledger.>",
    "_INBOX_shop.>",
    "_INBOX_shop.*",
    "*.replay",
    "_R_.>",
    "$JS.>",
    "$JS.API.>",
    "$JS.ACK.>",
    "$JS.EVENT.>",
    f"$JS.API.CONSUMER.MSG.NEXT.{ATS_STREAM}.{OWN}",
    "$SYS.>",
    "$SYS.ACCOUNT.>",
    "$SYS._INBOX.>",
]

OWN_QUESTIONS: Final = [
    (f"$JS.API.CONSUMER.INFO.{ATS_STREAM}.{OWN}", b""),
    (f"$JS.API.CONSUMER.MSG.NEXT.{ATS_STREAM}.{OWN}", b"1"),
    (f"$JS.API.DIRECT.GET.{ATS_STREAM}.inventory.ats.web.MUG", b""),
    (f"$JS.ACK.{ATS_STREAM}.{OWN}.1.1.1.0.0", b"+NXT"),
    (f"inventory.dlq.{OWN}", b"a letter"),
    ("inventory.channels.web.sync", b'{"session": "s"}'),
]

STRANGE_ADDRESSES: Final = [
    "inventory.commands",
    "inventory.access",
    "inventory.inbox.till-7.ams-1",
    "inventory.events.ams-1.MUG.sold",
    "inventory.stock.ams-1.MUG",
    "inventory.ats.shop.MUG",
    "inventory.ats.web.MUG",
    f"inventory.dlq.{OTHER}",
    "inventory.channels.shop.sync",
    "_INBOX_shop.answer",
    "_INBOX.ledger.0123456789abcdef.0",
    "$JS.API.STREAM.PURGE.INVENTORY_EVENTS",
    f"$JS.API.CONSUMER.DELETE.{ATS_STREAM}.{OTHER}",
    "$SYS.REQ.CLAIMS.UPDATE",
]

HEADERS: Final = [
    {"Nats-Rollup": "all"},
    {"Nats-Rollup": "sub"},
    {"Nats-Trace-Dest": "inventory.events.ams-1.MUG.sold"},
    {"Nats-Trace-Dest": "_INBOX_shop.answer", "Nats-Trace-Only": "true"},
    {"Nats-Schedule": "@every 1s", "Nats-Schedule-Target": "inventory.ats.shop.MUG"},
    {"Nats-Request-Info": '{"acc": "LEDGER", "svc": "LEDGER"}'},
]
