"""What is signed, against the published example of the format."""

import pytest

from projections.proof.notes import BadKey, Signer, checkpoint
from projections.proof.tree import EMPTY_ROOT

PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp"
    "RZb6KE6RyyBwJnAM=\n"
)


def test_a_note_is_signed_as_in_the_published_example() -> None:
    """Go's checksum database, where the format comes from, prints these very keys and this note."""
    signer = Signer.read(PRIVATE + "\n")

    assert PUBLIC == signer.public_key
    assert f"{TEXT}\n{SIGNATURE}" == signer.sign(TEXT)
    assert PRIVATE == signer.private_key


def test_a_checkpoint_has_three_lines() -> None:
    """Who, how many, and the root, as C2SP has them."""
    expected = "inventory-ledger/x\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"

    assert expected == checkpoint("inventory-ledger/x", 0, EMPTY_ROOT)


def test_a_new_key_is_another_one_and_can_be_kept() -> None:
    """What is written to the data directory signs the same after a restart."""
    signer = Signer.new("inventory-ledger/x")

    assert signer.sign(TEXT) == Signer.read(signer.private_key).sign(TEXT)
    assert signer.public_key != Signer.new("inventory-ledger/x").public_key


@pytest.mark.parametrize(
    "text",
    [
        "",
        PUBLIC,
        PRIVATE[:-4],
        PRIVATE.replace("c74f20a3", "c74f20a4"),
        PRIVATE.replace("AYEK", "AoEK"),
        PRIVATE + "*",
    ],
)
def test_what_is_no_key_of_ours_is_refused(text: str) -> None:
    """A ledger that signs with half a key is worse than one that does not sign."""
    with pytest.raises(BadKey):
        Signer.read(text)
