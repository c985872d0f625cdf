"""A platform of a few lines for the tests of `shopwire map`."""

from dataclasses import dataclass, field

from shopwire.errors import Unreadable
from shopwire.models import Change, Delivery, Shop, Webhook
from shopwire.platforms.base import Kind, Platform, SignedCall, Topic


@dataclass
class StubPlatform(Platform):
    """A platform whose adapter returns the same changes for every body. It keeps what it was called with."""

    changes: list[Change] = field(default_factory=list)
    shop: Shop | None = None
    webhook: Webhook | None = None
    name = "stub"
    topics = (Topic("stub", Kind.SNAPSHOT),)
    kept_headers = ()

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        raise AssertionError("`shopwire map` verifies nothing")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        self.webhook, self.shop = webhook, shop
        if b"unreadable" in webhook.body:
            raise Unreadable("id", "missing")
        return [Delivery("stub", "key", change) for change in self.changes]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        return SignedCall({"X-Topic": topic}, body)
