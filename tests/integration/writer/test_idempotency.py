"""Asking again under a key: the first answer once more and no second effect, years later too."""

from msgspec.structs import replace

from ledger.domain.outcomes import MovementsRecorded
from ledger.domain.refusals import IdempotencyConflict, InsufficientStock, Malformed
from ledger.submission import Accepted
from tests.support.builders import named, receive, reserve, sell, together
from tests.support.offices import Office, Offices


def test_a_repeat_gets_the_recorded_answer(office: Office, offices: Offices) -> None:
    """Same key, same payload: nothing new is recorded, also by a writer that starts later."""
    first = office.ask(receive(10), key="k-1")
    again = office.ask(receive(10), key="k-1")
    offices.close(office)
    later = offices.open(holder="second").ask(receive(10), key="k-1")

    assert isinstance(first, Accepted)
    assert replace(first, replayed=True) == again == later
    assert (1, 1) == (offices.events(), offices.receipts())


def test_repeats_in_one_batch_have_one_effect(office: Office, offices: Offices) -> None:
    """A caller who cannot wait: five times the same command before the first is durable."""
    with offices.busy(office):
        tickets = [office.send(receive(10), key="k-1") for _ in range(5)]
    replies = [office.desk.reply(ticket) for ticket in tickets]

    assert [False, True, True, True, True] == [
        reply.replayed for reply in replies if isinstance(reply, Accepted)
    ]
    assert 2 == offices.events()


def test_another_payload_under_a_known_key_is_refused(office: Office, offices: Offices) -> None:
    """A key names one request, not the next one by accident."""
    office.accepted(receive(10), key="k-1")
    replies = [office.ask(receive(11), key="k-1"), office.ask(reserve("order-1", 1), key="k-1")]

    assert [IdempotencyConflict, IdempotencyConflict] == [type(reply) for reply in replies]
    assert 1 == offices.events()


def test_keys_belong_to_their_principal(office: Office, offices: Offices) -> None:
    """Two tills may both begin with number one."""
    office.accepted(receive(10), key="k-1", principal="till-1")
    reply = office.ask(receive(3), key="k-1", principal="till-2")

    assert isinstance(reply, Accepted)
    assert not reply.replayed
    assert 2 == offices.events()


def test_a_refusal_leaves_nothing_and_may_be_tried_again(office: Office, offices: Offices) -> None:
    """The key is still free: once stock has come, the same request goes through."""
    refused = office.ask(reserve("order-1", 4), key="k-1")
    assert isinstance(refused, InsufficientStock)
    assert (0, 0) == (offices.events(), offices.receipts())
    office.accepted(receive(4))
    reply = office.ask(reserve("order-1", 4), key="k-1")

    assert isinstance(reply, Accepted)
    assert not reply.replayed


def test_an_accepted_request_that_decides_nothing_has_a_receipt(
    office: Office, offices: Offices
) -> None:
    """The same promise under another key: accepted, at the head's position, and repeatable."""
    office.accepted(receive(4))
    office.accepted(reserve("order-1", 4), key="k-1")
    outcome = office.accepted(reserve("order-1", 4), key="k-2")

    assert 3 == outcome.position == offices.events()
    assert 3 == offices.receipts()
    assert office.ask(reserve("order-1", 4), key="k-2") == Accepted(outcome, replayed=True)


def test_a_movement_id_in_a_batch_is_recorded_once(office: Office, offices: Offices) -> None:
    """A till sends its day again in other batches: each movement counts once."""
    mine = named("sale-1", sell(2))
    first = office.accepted(together(receive(10), mine), key="batch-1")
    second = office.accepted(together(mine, sell(3)), key="batch-2")

    assert isinstance(second, MovementsRecorded)
    assert [True, False] == [result.replayed for result in second.results]
    assert first.results[1].position == second.results[0].position
    assert 3 == offices.events()


def test_a_movement_is_the_same_alone_and_in_a_batch(office: Office, offices: Offices) -> None:
    """Alone its id is its key; either way round, the second is a repeat."""
    in_batch = named("sale-1", sell(2))
    alone = named("sale-2", sell(3))
    batch = office.accepted(together(receive(10), in_batch), key="batch-1")
    repeated = office.ask(in_batch, key="sale-1")
    office.accepted(alone, key="sale-2")
    again = office.accepted(together(alone, sell(1)), key="batch-2")

    assert isinstance(repeated, Accepted)
    assert repeated.replayed
    assert batch.results[1].position == repeated.outcome.results[0].position  # type: ignore[union-attr]
    assert [True, False] == [result.replayed for result in again.results]
    assert 4 == offices.events()


def test_a_movement_id_with_another_payload_refuses_the_batch(
    office: Office, offices: Offices
) -> None:
    """Nothing of the batch is recorded: somebody has to look."""
    office.accepted(named("sale-1", sell(2)), key="sale-1")
    reply = office.ask(together(receive(5), named("sale-1", sell(3))), key="batch-1")

    assert isinstance(reply, IdempotencyConflict)
    assert reply.key == "sale-1"
    assert 2 == offices.events()


def test_the_parts_of_a_whole_are_not_recorded_again_one_by_one(
    office: Office, offices: Offices
) -> None:
    """A call that was atomic is repeated as one that is not: the key is known by another payload.

    Where it was not atomic before, each part is repeated, and a new one is recorded.
    """
    office.accepted(together(receive(10), receive(5)), key="k-1")
    first = office.ask(receive(10), key="k-1")
    second = office.ask(named("k-1/1", receive(5)), key="k-1/1")
    office.accepted(receive(3), key="k-2")
    office.accepted(named("k-2/1", receive(4)), key="k-2/1")
    repeated = office.ask(named("k-2/1", receive(4)), key="k-2/1")

    assert [IdempotencyConflict, IdempotencyConflict] == [type(first), type(second)]
    assert "k-1" == second.key  # type: ignore[union-attr]
    assert isinstance(repeated, Accepted)
    assert repeated.replayed
    assert 4 == offices.events()


def test_two_movements_of_one_command_cannot_share_an_id(office: Office, offices: Offices) -> None:
    """Past the door, too: it is a refusal, and hurts nobody beside it."""
    reply = office.ask(together(named("sale-1", sell(2)), named("sale-1", sell(2))))

    assert isinstance(reply, Malformed)
    assert (0, 0) == (offices.events(), offices.receipts())
