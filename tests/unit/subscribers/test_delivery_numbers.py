"""What the reply subject of a delivery counts."""

import pytest
from nats.aio.msg import Msg

from subscribers.sdk.durable import numbers_of

PLAIN = "$JS.ACK.INVENTORY_ATS.channel-web.2.71.9.1790000000123456789.3"
OF_A_DOMAIN = "$JS.ACK.hub.ABC.INVENTORY_ATS.channel-web.2.71.9.1790000000123456789.3.x"


@pytest.mark.parametrize("reply", [PLAIN, OF_A_DOMAIN, OF_A_DOMAIN.removesuffix(".x")])
def test_numbers_are_those_that_the_library_reads(reply: str) -> None:
    """Whether or not the server names a domain; times to the nanosecond, which it rounds."""
    numbers, theirs = numbers_of(reply), Msg.Metadata._from_reply(reply)

    assert (71, 9, 1_790_000_000_123_456_789, 3) == tuple(numbers)
    assert theirs.sequence.stream == numbers.sequence
    assert theirs.sequence.consumer == numbers.delivery
    assert theirs.num_pending == numbers.pending
    assert theirs.timestamp.timestamp() == pytest.approx(numbers.stored_ns / 1e9)
