"""The headers of a call of BigCommerce, written from its documentation and not from the adapter.

Source: "Webhooks Overview", Security: the headers are those of Standard Webhooks, and the key is the client secret of
the app itself. The documentation encodes it with base64 only because the library decodes it again.
"""

from shopwire_testkit.standard_webhooks import standard_headers


def signed_headers(topic: str, body: bytes, secret: str, shop: str, store: str, at: int, number: int) -> dict[str, str]:
    """Return the headers of a call. Args as for `SimulatedPlatform.signed_headers`; topic and store are in the body."""
    # Two changes of one second may have the same body.
    return standard_headers(secret.encode(), f"{shop} {number}", body, at)
