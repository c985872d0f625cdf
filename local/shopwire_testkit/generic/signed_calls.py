"""The headers of a call by Standard Webhooks, written from the specification and not from the adapter.

Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md. The signature is "v1," and the base64 of the
HMAC-SHA256 of "id.timestamp.body". The key is the base64 behind "whsec_". The id of a message stays the same when it is
sent again, and the timestamp, in seconds, is that of the attempt.
"""

import base64
import hashlib
import hmac


def signed_headers(topic: str, body: bytes, secret: str, shop: str, store: str, at: int) -> dict[str, str]:
    """Return the headers of a call.

    Args:
        topic: is in the body.
        secret: "whsec_" and base64. Any other text is a key by its own bytes.
        shop: the id of the shop.
        store: the platform's own name of the shop; this format has none.
        at: when the call is made (UTC milliseconds).
    """
    _, prefix, encoded = secret.partition("whsec_")
    key = base64.b64decode(encoded) if prefix else secret.encode()
    message_id = "msg_" + hashlib.sha256(f"{shop} {topic} ".encode() + body).hexdigest()[:24]
    timestamp = str(at // 1000)
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, "sha256")
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
