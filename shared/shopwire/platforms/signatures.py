"""Signatures: how platforms prove that a call is theirs."""

import base64
import hashlib
import hmac

from shopwire.models import Shop


def secrets_of(shop: Shop) -> list[str]:
    """Return the shop's webhook secrets. Any of them verifies: two are active while one is being replaced."""
    return [secret.get_secret_value() for secret in shop.secrets]


def hmac_sha256(secret: str | bytes, message: bytes) -> bytes:
    """Return the HMAC-SHA256 of the message."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.digest(key, message, "sha256")


def base64_signature(secret: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of the raw body in base64, as Shopify and WooCommerce sign."""
    return base64.b64encode(hmac_sha256(secret, body)).decode()


def hex_signature(secret: str, message: bytes) -> str:
    """Return the HMAC-SHA256 of the message in lower-case hex digits."""
    return hmac_sha256(secret, message).hex()


def same(given: str, *expected: str) -> bool:
    """Return whether `given` is one of `expected`, in constant time. `given` may be any text."""
    offered = given.encode("utf-8", "surrogatepass")
    # Each candidate is compared, so that the time does not tell which of two secrets matched.
    return sum(hmac.compare_digest(offered, candidate.encode()) for candidate in expected) > 0


def short_hash(*parts: str | bytes) -> str:
    """Return 16 hex digits that stand for the parts. They serve as keys, not as secrets."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(4) + raw)
    return digest.hexdigest()[:16]
