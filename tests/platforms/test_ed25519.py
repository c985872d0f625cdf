"""Ed25519 signatures: those of RFC 8032, those that another implementation makes, and what is none."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from shopwire.platforms.ed25519 import is_valid

# RFC 8032, section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_signature_of_the_rfc_is_valid(key: str, message: str, signature: str) -> None:
    assert is_valid(bytes.fromhex(key), bytes.fromhex(signature), bytes.fromhex(message))


@settings(max_examples=20)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), data=st.data())
def test_signature_of_another_implementation_is_valid_until_a_bit_changes(
    seed: bytes, message: bytes, data: st.DataObject
) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert is_valid(key, signature, message)
    bit = data.draw(st.integers(0, 64 * 8 - 1))
    altered = (int.from_bytes(signature, "big") ^ 1 << bit).to_bytes(64, "big")
    assert not is_valid(key, altered, message)
    assert not is_valid(key, signature, message + b"\0")
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert not is_valid(other, signature, message)


def test_second_spelling_of_a_signature_is_not_valid() -> None:
    key, message, signature = (bytes.fromhex(part) for part in VECTORS[1])
    larger = int.from_bytes(signature[32:], "little") + ORDER  # the same multiple of the base point
    assert not is_valid(key, signature[:32] + larger.to_bytes(32, "little"), message)


def test_second_spelling_of_a_key_is_none() -> None:
    # y = 1 is the neutral point, whose multiples are itself: R = neutral, s = 0 fits every message.
    signature = (1).to_bytes(32, "little") + bytes(32)
    assert is_valid((1).to_bytes(32, "little"), signature, b"any")
    assert not is_valid((2**255 - 19 + 1).to_bytes(32, "little"), signature, b"any")


@pytest.mark.parametrize("key", [b"", b"\xff" * 32, b"\0" * 31, b"\x02" + b"\0" * 31, b"\x01" + b"\0" * 30 + b"\x80"])
def test_bytes_that_are_no_key_verify_nothing(key: bytes) -> None:
    assert not is_valid(key, bytes.fromhex(VECTORS[0][2]), b"")


@pytest.mark.parametrize("signature", [b"", b"\0" * 63, b"\0" * 65, b"\0" * 64, b"\xff" * 64])
def test_bytes_that_are_no_signature_are_not_valid(signature: bytes) -> None:
    assert not is_valid(bytes.fromhex(VECTORS[0][0]), signature, b"")
