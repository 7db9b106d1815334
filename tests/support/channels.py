"""Channels of tests in one line each: the web, fed by all stores, unless a test says otherwise."""

from typing import Any

import msgspec

from ledger.domain import commands as c
from ledger.domain.events import ChannelRules

WEB = "web"


def rules(**fields: Any) -> ChannelRules:
    """Rules in plain values: `rules(buffers=[{"units": 2}], binding=True)`."""
    return msgspec.convert(fields, ChannelRules)


def channel(name: str = WEB, *, of: ChannelRules | None = None, **fields: Any) -> c.DefineChannel:
    """A channel that is defined."""
    fed = {} if fields.keys() & {"locations", "kinds", "tags"} else {"kinds": ("store",)}
    return c.DefineChannel(channel=name, rules=of or ChannelRules(), **fed | fields)


def stale(measured_s: int, name: str = WEB) -> c.ReportStaleness:
    """How old what it shows is."""
    return c.ReportStaleness(channel=name, measured_s=measured_s)


def credential(number: int = 1, name: str = WEB, **fields: Any) -> c.IssueCredential:
    """Somebody may read."""
    known = {"credential_id": f"c-{number}", "public_key": f"U{number}"}
    return c.IssueCredential(**{"channel": name} | known | fields)


def revoked(number: int = 1, name: str = WEB) -> c.RevokeCredential:
    """Somebody may not read any more."""
    return c.RevokeCredential(channel=name, credential_id=f"c-{number}")
