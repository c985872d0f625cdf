"""Generic: our own format as signed JSON, for shops whose engine has no webhooks (docs/platforms/generic.md).

`bodies` is the public format, `changes` its meaning, `money` the amounts, `mistakes` what the response says about
them. The signature is that of Standard Webhooks. Unlike other platforms' topics, the type is in the signed body.
"""

import base64
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

from shopwire.errors import InvalidBody, Mistake, Unreadable
from shopwire.models import Change, Delivery, Shop, Webhook
from shopwire.models.change import EntityKind
from shopwire.platforms import standard_webhooks
from shopwire.platforms.base import Kind, Platform, Retries, SampleFields, Secret, Signature, SignedCall, Topic
from shopwire.platforms.generic import bodies, changes
from shopwire.platforms.generic.mistakes import invalid, parse
from shopwire.platforms.parts import with_fields
from shopwire.platforms.signatures import secrets_of, short_hash

_is_short_id = re.compile(r"[!-~]{1,100}").fullmatch


class Generic(Platform):
    """A shop's own code, or a module of its engine, that sends this format."""

    name = "generic"
    title = "Generic"
    documentation = "docs/platforms/generic.md"
    topics = (
        Topic("order", Kind.SNAPSHOT, changes.order),
        Topic("cart", Kind.SNAPSHOT, changes.cart),
        Topic("contact", Kind.SNAPSHOT, changes.contact),
        Topic("order_deleted", Kind.FACT, changes.order_deleted, destroys=True),
        Topic("parcel_delivered", Kind.FACT, changes.parcel_delivered),
        Topic("erase", Kind.FACT, changes.erase, destroys=True),
    )
    kept_headers = (standard_webhooks.ID, standard_webhooks.TIMESTAMP)
    shown_headers = (standard_webhooks.ID, standard_webhooks.TIMESTAMP)
    signature = Signature(headers=(standard_webhooks.SIGNATURE,), max_age_seconds=standard_webhooks.TOLERANCE_SECONDS)
    secret = Secret(made_by="shop", where="the secret with which the shop signs, whsec_ and base64")
    # Those of senders/. A sender of one's own should do the same.
    retries = Retries(delays_seconds=(5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800), timeout_seconds=10)
    sample_fields = SampleFields(
        ids=("id", "token", "cart_token", "order_id", "contact.id"), changed=("version", "created_at")
    )
    entities: ClassVar[Mapping[str, tuple[EntityKind, str]]] = {"order": ("order", "id")}
    reports_mistakes = True

    def verify(self, webhook: Webhook, shop: Shop) -> None:
        standard_webhooks.check_call(webhook, shop, self.secret.where)

    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        type = _type(webhook.body)
        id = webhook.headers.get(standard_webhooks.ID, "")
        key = id if _is_short_id(id) else short_hash(id)
        return [Delivery(type, key, self.change(type, webhook, shop))]

    def change(self, topic: str, source: Webhook, shop: Shop) -> Change:
        try:
            return super().change(topic, source, shop)
        except InvalidBody:
            raise
        except Unreadable as error:
            raise invalid(error) from None

    def topic_of(self, webhook: Webhook) -> str:
        try:
            return _type(webhook.body)
        except InvalidBody:
            return ""

    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> SignedCall:
        body = with_fields(body, {"type": topic})
        # The same content is the same message, as if the sender tried it again.
        id = f"msg_{short_hash(body)}"
        return SignedCall(standard_webhooks.signed_headers(secrets_of(shop)[0], id, now, body), body)

    def secret_with(self, key: str) -> str:
        return standard_webhooks.SECRET_PREFIX + base64.b64encode(key.encode()).decode()

    def secret_problem(self, secret: str) -> str | None:
        return standard_webhooks.problem_of(secret)


@lru_cache(maxsize=1)  # `read` and `topic_of` need the same type, one right after the other
def _type(body: bytes) -> str:
    """Return the type of a body.

    Raises:
        InvalidBody: it names no type that exists.
    """
    type = parse(bodies.Envelope, body).type
    if type not in bodies.FORMATS:
        raise InvalidBody([Mistake("type", f"must be one of {', '.join(bodies.FORMATS)}", "unknown_type")])
    return type
