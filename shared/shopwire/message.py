"""A webhook that waits, packed as text: the same in the queue, in the outbox and in the parked webhooks.

The verified webhook itself is kept, not the requests made of it, so that a corrected mapper helps what waits. No
signature is kept.
"""

import base64
import json
import zlib
from dataclasses import dataclass, replace
from typing import Self

from shopwire.errors import NewerMessageFormat
from shopwire.models import Webhook

FORMAT = 1
"""The version of the format. A message of a newer one waits for the release that wrote it (docs/formats.md)."""
_TYPES = {
    "shop": str,
    "key": str,
    "received_at": int,
    "not_before": int,
    "replayed_at": int,
    "headers": dict,
    "query": dict,
    "platform": str,
}
_MAX_BODY_BYTES = 64 << 20  # no webhook is longer; this guards against a message that unpacks without end


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of one webhook of one shop. Times are UTC milliseconds.

    Args:
        key: the delivery key, which selects the delivery if the body contains several.
        not_before: it is not tried earlier.
        replayed_at: when a person replayed it; 0 if never.
        platform: name of the adapter that parses the webhook; "" for the shop's own platform.
    """

    shop: str
    key: str
    webhook: Webhook
    not_before: int = 0
    replayed_at: int = 0
    platform: str = ""

    @property
    def received_at(self) -> int:
        return self.webhook.received_at

    @property
    def waits_since(self) -> int:
        """When its age starts to count: its receipt, or its replay."""
        return max(self.received_at, self.replayed_at)

    def later(self, not_before: int) -> Self:
        """Return the same message, to be tried no earlier than `not_before`."""
        return replace(self, not_before=not_before)

    def pack(self) -> str:
        """Return text for a queue or table: JSON that contains the compressed body."""
        return json.dumps(
            {
                "format": FORMAT,
                "shop": self.shop,
                "key": self.key,
                "received_at": self.received_at,
                "not_before": self.not_before,
                "replayed_at": self.replayed_at,
                "headers": dict(self.webhook.headers),
                "query": dict(self.webhook.query),
                "platform": self.platform,
                "body": base64.b64encode(zlib.compress(self.webhook.body)).decode(),
            },
            separators=(",", ":"),
        )


def unpack(text: str) -> Message:
    """Return the message that `pack` wrote.

    Raises:
        NewerMessageFormat: a newer release wrote it.
        ValueError: the text is not a message.
    """
    try:
        packed = json.loads(text)
        if packed["format"] > FORMAT:
            raise NewerMessageFormat
        if any(type(packed[name]) is not kind for name, kind in _TYPES.items()):
            raise ValueError("not a message: a field has another type")
        body = zlib.decompressobj().decompress(base64.b64decode(packed["body"]), _MAX_BODY_BYTES)
        return Message(
            shop=packed["shop"],
            key=packed["key"],
            webhook=Webhook(packed["headers"], body, packed["received_at"], packed["query"]),
            not_before=packed["not_before"],
            replayed_at=packed["replayed_at"],
            platform=packed["platform"],
        )
    except (KeyError, TypeError, RecursionError, zlib.error) as error:
        raise ValueError(f"not a message: {type(error).__name__}") from None


def worth_keeping(headers: dict[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    """Return the headers that a platform needs to parse the webhook again. A signature is verified once and never
    kept."""
    return {
        name: value
        for name, value in headers.items()
        if name.startswith(prefixes) and "signature" not in name and "hmac" not in name
    }
