"""Signatures by Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).

A call has three headers. `webhook-id` names the message: it stays the same when the message is sent again.
`webhook-timestamp` says when this call was signed, in seconds. `webhook-signature` has one or more signatures of
"id.timestamp.body", separated by spaces: "v1,..." is an HMAC-SHA256, "v1a,..." an Ed25519 signature, both in base64.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator

from shopwire.errors import NotVerified
from shopwire.models import Reason, Shop, Webhook
from shopwire.platforms.signatures import hmac_sha256, same, secrets_of

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_SECONDS = 300
SECRET_PREFIX, PUBLIC_KEY_PREFIX = "whsec_", "whpk_"
MIN_KEY_BYTES = 16
"""The specification asks for 24 to 64 bytes. This is the shortest that `shopwire shop put` accepts."""

_PUBLIC_KEY_BYTES = 32
# Anyone can send signatures that do not match, and each v1a signature costs some milliseconds.
_MAX_SIGNATURES, _MAX_V1A_SIGNATURES = 20, 2
_is_timestamp = re.compile(r"[0-9]{1,12}").fullmatch


def check_call(webhook: Webhook, shop: Shop, where: str) -> None:
    """Check that a call was signed with one of the shop's secrets within the last five minutes.

    Args:
        where: where the shop finds its secret, for the error.

    Raises:
        NotVerified: a header is missing, no signature matches, or the call was signed at another time.
    """
    headers = webhook.headers
    for name in (SIGNATURE, ID, TIMESTAMP):
        if not headers.get(name, "").strip():
            raise NotVerified(Reason.SIGNATURE_MISSING, f"the header {name} is missing, which every call has")
    timestamp = headers[TIMESTAMP]
    if not _matches(headers[SIGNATURE].split(" "), _signed(headers[ID], timestamp, webhook.body), secrets_of(shop)):
        raise NotVerified(
            Reason.SIGNATURE_MISMATCH,
            "the signature does not match: it must be 'v1,' and the base64 of "
            f"HMAC-SHA256(key, 'id.timestamp.body'), and `secrets` must hold {where}",
        )
    if not _is_timestamp(timestamp):
        raise NotVerified(
            Reason.SIGNED_AT_ANOTHER_TIME,
            "webhook-timestamp must be the time of signing in whole seconds since 1970, not in milliseconds",
        )
    if abs(webhook.received_at - int(timestamp) * 1000) > TOLERANCE_SECONDS * 1000:
        raise NotVerified(
            Reason.SIGNED_AT_ANOTHER_TIME,
            "webhook-timestamp differs from the time of receipt by more than five minutes: set the clock of the server "
            "that signs, and sign each attempt again, with the same webhook-id",
        )


def signed_at(webhook: Webhook) -> int:
    """Return when a verified call was signed, UTC milliseconds; the time of receipt if the header is damaged."""
    timestamp = webhook.headers.get(TIMESTAMP, "")
    return int(timestamp) * 1000 if _is_timestamp(timestamp) else webhook.received_at


def signed_headers(secret: str, id: str, now: int, body: bytes) -> dict[str, str]:
    """Return the headers of a call, as its sender makes them.

    Args:
        now: UTC milliseconds.
    """
    timestamp = str(now // 1000)
    return {
        "content-type": "application/json",
        ID: id,
        TIMESTAMP: timestamp,
        SIGNATURE: signature(secret, id, timestamp, body),
    }


def signature(secret: str, id: str, timestamp: str, body: bytes) -> str:
    """Return the v1 signature of a call, as its sender makes it."""
    return _v1(key_of(secret) or b"", _signed(id, timestamp, body))


def key_of(secret: str) -> bytes | None:
    """Return the HMAC key that a secret stands for; None if it stands for none.

    "whsec_..." is a key in base64. A text without a prefix is a key by its own bytes, as BigCommerce uses its client
    secret.
    """
    if secret.startswith(PUBLIC_KEY_PREFIX):
        return None
    if secret.startswith(SECRET_PREFIX):
        return _from_base64(secret.removeprefix(SECRET_PREFIX))
    return secret.encode()


def public_key_of(secret: str) -> bytes | None:
    """Return the Ed25519 key that "whpk_..." stands for; None if the secret is none."""
    if not secret.startswith(PUBLIC_KEY_PREFIX):
        return None
    key = _from_base64(secret.removeprefix(PUBLIC_KEY_PREFIX))
    return key if key and len(key) == _PUBLIC_KEY_BYTES else None


def problem_of(secret: str) -> str | None:
    """Return what is wrong with a secret, to continue "`secrets` ..."; None if it can be used."""
    if secret.startswith(PUBLIC_KEY_PREFIX):
        return None if public_key_of(secret) else "contains a whpk_ key that is not the base64 of 32 bytes"
    if secret.startswith(SECRET_PREFIX) and len(key_of(secret) or b"") < MIN_KEY_BYTES:
        return f"contains a whsec_ secret that is not the base64 of at least {MIN_KEY_BYTES} bytes"
    if secret.startswith("whsk_"):
        return "contains a private key (whsk_), which only the sender may have: set its public key (whpk_)"
    return None


def _matches(given: Iterable[str], message: bytes, secrets: Iterable[str]) -> bool:
    secrets = list(secrets)
    given = list(given)[:_MAX_SIGNATURES]
    # Anyone can sign with an empty key, so it counts as none.
    expected = [_v1(key, message) for secret in secrets if (key := key_of(secret))]
    # Each is compared, so that the time does not tell which one matched.
    if sum(same(each, *expected) for each in given):
        return True
    keys = [key for secret in secrets if (key := public_key_of(secret))]
    return bool(keys) and _matches_v1a(given, message, keys)


def _matches_v1a(given: Iterable[str], message: bytes, keys: list[bytes]) -> bool:
    from shopwire.platforms import ed25519  # few shops have a public key

    signatures = list(_v1a_signatures(given))[:_MAX_V1A_SIGNATURES]
    return any(ed25519.is_valid(key, each, message) for each in signatures for key in keys)


def _v1a_signatures(given: Iterable[str]) -> Iterator[bytes]:
    for text in given:
        version, _, encoded = text.partition(",")
        if version == "v1a" and (found := _from_base64(encoded)):
            yield found


def _signed(id: str, timestamp: str, body: bytes) -> bytes:
    return f"{id}.{timestamp}.".encode("utf-8", "surrogatepass") + body


def _v1(key: bytes, message: bytes) -> str:
    return f"v1,{base64.b64encode(hmac_sha256(key, message)).decode()}"


def _from_base64(text: str) -> bytes | None:
    """Return the bytes; None if the text is not base64. The padding may be missing."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
