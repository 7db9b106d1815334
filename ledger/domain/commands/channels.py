"""Intents about channels: what they may be told, how stale they are, who may read as them."""

from typing import TypeAlias

from ledger.domain.commands.base import Command
from ledger.domain.events import ChannelRules
from ledger.domain.values import Code, Id, Instant, Text


class ChannelCommand(Command, frozen=True, kw_only=True):
    """Something asked of, or reported about, one channel."""

    channel: Code


class DefineChannel(ChannelCommand, frozen=True, tag="define_channel"):
    """Say what a channel sells from, and by which rules, from now on, in full."""

    locations: tuple[Code, ...] = ()
    kinds: tuple[Code, ...] = ()
    tags: tuple[Code, ...] = ()
    by_location: bool = False
    rules: ChannelRules = ChannelRules()


class ReportStaleness(ChannelCommand, frozen=True, tag="report_staleness"):
    """A fact: what a channel shows was measured to be so many seconds old."""

    measured_s: int


class IssueCredential(ChannelCommand, frozen=True, tag="issue_credential"):
    """Let whoever has a private key read as a channel. The ledger learns the public one."""

    credential_id: Id
    public_key: Text
    expires_at: Instant | None = None


class RevokeCredential(ChannelCommand, frozen=True, tag="revoke_credential"):
    """Let nobody read with a credential any more."""

    credential_id: Id


AnyChannelCommand: TypeAlias = DefineChannel | ReportStaleness | IssueCredential | RevokeCredential
