"""A platform for tests that are not about platforms: a body means the changes that the test registered for it."""

from collections.abc import Mapping
from typing import ClassVar

from shopwire.errors import NotVerified, Unreadable, UnsignedCall
from shopwire.models import Change, Delivery, Nothing, Reason, Shop, ThinChange, Webhook
from shopwire.models.change import EntityKind
from shopwire.platforms.base import ApiAccess, Kind, Platform, PlatformApi, SignedCall, Topic


class StubPlatform(Platform):
    """Looks up what a body means. The header `x-test-signature` must contain one of the shop's secrets.

    Attributes:
        bodies: body -> its deliveries, or the exception that `read` raises. Every other body is unreadable.
        states: an answer of the platform's API -> what it means. Every other answer is unreadable.
    """

    name = "shopify"
    topics = (Topic("test", Kind.SNAPSHOT),)
    kept_headers = ("x-test-",)
    entities: ClassVar[Mapping[str, tuple[EntityKind, str]]] = {"test": ("order", "id")}

    def __init__(self) -> None:
        self.bodies: dict[bytes, list[Delivery] | Exception] = {}
        self.states: dict[bytes, Change] = {}

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        if webhook.headers.get("content-type") == "application/x-www-form-urlencoded":
            raise UnsignedCall
        secrets = [secret.get_secret_value() for secret in shop.secrets]
        if webhook.headers.get("x-test-signature") not in secrets:
            raise NotVerified(Reason.SIGNATURE_MISMATCH, "the signature does not match any of the shop's secrets")

    def topic_of(self, webhook: Webhook) -> str:
        return webhook.headers.get("x-test-topic", "")

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        found = self.bodies.get(webhook.body, Unreadable("body", "not_an_object"))
        if isinstance(found, Exception):
            raise found
        return found

    def api_access(self, shop: Shop) -> ApiAccess:
        if "token" not in shop.api:
            raise ValueError("needs `api.token`")
        return ApiAccess(f"https://api.platform.example/{shop.id}", {"X-Token": shop.api["token"]})

    def fetch(self, change: ThinChange, shop: Shop, api: PlatformApi) -> Change:
        answer = api.get("state", f"/{change.entity.kind}s/{change.entity.id}")
        if answer is None:
            return Nothing(Reason.NOT_AT_PLATFORM, change.entity)
        if answer not in self.states:
            raise Unreadable("state", "missing")
        return self.states[answer]

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        return SignedCall({"x-test-signature": shop.secrets[0].get_secret_value()}, body)
