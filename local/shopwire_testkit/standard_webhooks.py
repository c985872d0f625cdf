"""The headers of a call by Standard Webhooks, written from the specification and not from the adapters.

Source: standard-webhooks/standard-webhooks, spec/standard-webhooks.md. The signature is "v1," and the base64 of the
HMAC-SHA256 of "id.timestamp.body". The id of a message stays the same when it is sent again, and the timestamp, in
seconds, is that of the attempt.
"""

import base64
import hashlib
import hmac


def standard_headers(key: bytes, message: str, body: bytes, at: int) -> dict[str, str]:
    """Return the headers of a call.

    Args:
        key: with which the call is signed.
        message: names the message; its attempts have the same name.
        at: when the call is made (UTC milliseconds).
    """
    id = "msg_" + hashlib.sha256(message.encode()).hexdigest()[:24]
    timestamp = str(at // 1000)
    digest = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, "sha256")
    return {
        "Content-Type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
