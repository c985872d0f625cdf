"""What waits: a verified webhook, small enough for a queue, the same in the queue, the outbox and among the parked.

The webhook itself is kept, not the requests made of it, so that a corrected mapper helps what waits. Where it waits is
not known here, and no signature is kept.
"""

import base64
import json
import zlib
from dataclasses import dataclass, replace
from typing import Self

from shopwire.models import Webhook

FORMAT = 2
"""The latest there is. 2 has `platform`; what needs none is written as 1, which an older shopwire reads too."""
_BODY_LIMIT = 64 << 20  # no webhook is that long: a guard against a message that unpacks without end


class NewerFormat(Exception):
    """Written by a newer shopwire: it must wait for that one."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of one webhook of one shop. `key` picks the delivery where the body holds several; `platform` is
    whose language the webhook is in, where that is not the shop's own.

    Times are UTC milliseconds. `not_before` is when it may be tried; `replayed_at` is when somebody replayed it.
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
        """What its age counts from: a replay begins anew."""
        return max(self.received_at, self.replayed_at)

    def later(self, not_before: int) -> Self:
        """The same, to be tried no sooner than that."""
        return replace(self, not_before=not_before)

    def pack(self) -> str:
        """Text for a queue or table: JSON with the compressed body in it."""
        return json.dumps(
            {
                "format": 2 if self.platform else 1,
                "shop": self.shop,
                "key": self.key,
                "received_at": self.received_at,
                "not_before": self.not_before,
                "replayed_at": self.replayed_at,
                "headers": dict(self.webhook.headers),
                "query": dict(self.webhook.query),
                "body": base64.b64encode(zlib.compress(self.webhook.body)).decode(),
            }
            | ({"platform": self.platform} if self.platform else {}),
            separators=(",", ":"),
        )


def unpack(text: str) -> Message:
    """The message that `pack` wrote.

    Raises:
        NewerFormat: the format is a later one.
        ValueError: not a message.
    """
    try:
        packed = json.loads(text)
        if packed["format"] > FORMAT:
            raise NewerFormat
        body = zlib.decompressobj().decompress(base64.b64decode(packed["body"]), _BODY_LIMIT)
        return Message(
            shop=packed["shop"],
            key=packed["key"],
            webhook=Webhook(packed["headers"], body, packed["received_at"], packed["query"]),
            not_before=packed["not_before"],
            replayed_at=packed["replayed_at"],
            platform=packed.get("platform", ""),
        )
    except (KeyError, TypeError, zlib.error) as error:
        raise ValueError(f"not a waiting webhook: {type(error).__name__}") from None


def worth_keeping(headers: dict[str, str], prefixes: tuple[str, ...]) -> dict[str, str]:
    """The headers that a platform needs to read the webhook again; a signature is proved once and never kept."""
    return {
        name: value
        for name, value in headers.items()
        if name.startswith(prefixes) and "signature" not in name and "hmac" not in name
    }
