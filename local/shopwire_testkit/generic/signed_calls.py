"""The headers of a call of our own format, written from docs/platforms/generic.md and not from the adapter.

The key is the base64 behind "whsec_".
"""

import base64

from shopwire_testkit.standard_webhooks import standard_headers


def signed_headers(topic: str, body: bytes, secret: str, shop: str, store: str, at: int, number: int) -> dict[str, str]:
    """Return the headers of a call. Args as for `SimulatedPlatform.signed_headers`; the topic is in the body.

    Args:
        secret: "whsec_" and base64. Any other text is a key by its own bytes.
        store: the platform's own name of the shop; this format has none.
    """
    _, prefix, encoded = secret.partition("whsec_")
    key = base64.b64decode(encoded) if prefix else secret.encode()
    return standard_headers(key, f"{shop} {topic} {body.hex()}", body, at)
