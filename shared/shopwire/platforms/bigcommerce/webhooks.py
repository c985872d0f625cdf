"""BigCommerce's webhooks: which entity each of them announces.

A body names an entity and says that it changed, not how. So nearly all topics become a `ThinChange`, and several topics
of one order become changes of that order, so that one fetch serves them all.

Sources: "Webhook Events" and "Channel Webhooks" of BigCommerce's documentation (docs/integrations/webhooks/events).
Wherever they disagree about the name of a field ("orderId", "order_id"), each name is read.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from pydantic import Field, StringConstraints

from shopwire.errors import Unreadable
from shopwire.models import (
    AccountDeleted,
    Cart,
    CartChange,
    Change,
    Entity,
    Nothing,
    OrderDeleted,
    Reason,
    Shop,
    ThinChange,
    Webhook,
)
from shopwire.platforms.parts import Body, ExactBody, Part, parse
from shopwire.platforms.signatures import short_hash

# These ids become part of a path of the API.
_Number = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[1-9][0-9]{0,18}$")]
_CartId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9-]{1,64}$")]

_IN_CHANNEL = re.compile(r"store/channel/[0-9]+/(?=[a-z])")
_is_number = re.compile(r"[1-9][0-9]{0,18}").fullmatch
_CLOCKS_DIFFER_MS = 2_000
_Second = Annotated[int, Field(ge=1, le=253_402_300_798)]
"""Seconds since 1970, until the year 9999."""


class _Body(Body, defer_build=True):
    """Base of the bodies here, which are built when they are first used: every function imports this module."""


class _ExactBody(ExactBody, defer_build=True):
    """The same, with exactly the documented fields."""


class _Address(_Body):
    customer_id: Part[_Number] = None


class _Data(_Body):
    """What changed. Which fields there are depends on the topic."""

    id: Part[_CartId] = None
    order_id: Part[_Number] = None
    order_id_of_others: Part[_Number] = Field(None, validation_alias="orderId")
    cart_id: Part[_CartId] = None
    cart_id_of_line: Part[_CartId] = Field(None, validation_alias="cartId")
    customer_id: Part[_Number] = None
    address: Part[_Address] = None
    error_code: Part[_Number] = None


class Envelope(_Body):
    """The body of every webhook."""

    scope: str
    producer: Part[str] = None
    hash: Part[str] = None
    created_at: Part[_Second] = None
    data: Part[_Data] = None


class _Order(_ExactBody):
    type: str
    id: _Number


class _OrderOfChannel(_ExactBody):
    order_id: _Number


class _OrderArchived(_ExactBody):
    scope: str
    store_id: str
    data: _Order
    hash: str
    created_at: _Second
    producer: str


class _OrderOfChannelArchived(_OrderArchived):
    data: _OrderOfChannel  # type: ignore[assignment]


class _CustomerDeleted(_OrderArchived):
    """The same fields: `type` is "customer"."""


@lru_cache(maxsize=1)  # `verify` and `read` need the same envelope, one right after the other
def envelope(body: bytes) -> Envelope:
    """Return the envelope of a body.

    Raises:
        Unreadable: it is none.
    """
    return parse(Envelope, body)


def topic_of(scope: str) -> str:
    """Return the topic of a scope. Every channel has scopes of its own, which mean the same as those of the store."""
    topic, in_channel = _IN_CHANNEL.subn("store/", scope.strip().rstrip("/"), count=1)
    # The documentation writes the scope of a line of a channel's cart in both ways.
    return topic.replace("/lineItems/", "/lineItem/") if in_channel else topic


def key_of(webhook: Webhook) -> str:
    """Return the key by which the duplicates of a webhook are recognised.

    "If a hook fires twice for the same event, both request bodies rely on the same hash" (HTTPS Webhooks Overview). But
    the hash is of the content, and the time in it has whole seconds, so two changes of an order within one second share
    it. What arrives after that second is over is fetched after both, so one of them suffices. What arrives earlier may
    be fetched between the two. Its key contains the id of the message too, so that the second is no duplicate.

    The ledger keeps the last 16 keys of an entity. A webhook that is repeated later than that, or for hours, costs one
    more fetch, whose result is `unchanged`.
    """
    found = envelope(webhook.body)
    parts = [found.hash or short_hash(webhook.body), topic_of(found.scope), str(found.created_at or "")]
    second_ends = 0 if found.created_at is None else (found.created_at + 1) * 1000
    if found.created_at is None or webhook.received_at < second_ends + _CLOCKS_DIFFER_MS:
        parts.append(webhook.headers.get("webhook-id", ""))
    return short_hash(*parts)


def order(webhook: Webhook, shop: Shop) -> Change:
    """Return the change of an order."""
    data = _data(webhook)
    id = data.order_id or _number("data.id", data.id)
    return _thin(webhook, Entity("order", id), order=id)


def part_of_order(webhook: Webhook, shop: Shop) -> Change:
    """Return the change of the order of a shipment or a transaction. `data.id` is not the order's."""
    data = _data(webhook)
    id = _required("data.orderId", data.order_id_of_others or data.order_id)
    return _thin(webhook, Entity("order", id), order=id)


def archived_order(webhook: Webhook, shop: Shop) -> Change:
    """Return the fact that an order was archived, which is how BigCommerce deletes one."""
    if _data(webhook).order_id:
        return OrderDeleted(parse(_OrderOfChannelArchived, webhook.body).data.order_id)
    return OrderDeleted(parse(_OrderArchived, webhook.body).data.id)


def cart(webhook: Webhook, shop: Shop) -> Change:
    """Return the change of a cart, or of the cart of a line."""
    id = _cart_id(webhook)
    return _thin(webhook, Entity.of_cart(id), cart=id)


def converted_cart(webhook: Webhook, shop: Shop) -> Change:
    """Return the change of the order that a cart became. The cart does not exist any more."""
    data = _data(webhook)
    id, order_id = _cart_id(webhook), data.order_id_of_others or data.order_id
    if order_id is None:  # that of a channel names the cart only
        return Nothing(Reason.CART_CONVERTED, Entity.of_cart(id))
    return _thin(webhook, Entity("order", order_id), order=order_id, cart=id)


def deleted_cart(webhook: Webhook, shop: Shop) -> Change:
    """Return the cart without items: BigCommerce deletes a cart when its last item is removed ("Carts").

    It cannot be fetched any more, and the person who emptied it must not be reminded of it.
    """
    id, second = _cart_id(webhook), envelope(webhook.body).created_at
    # The last change of the items may have happened within the same second.
    at = webhook.received_at if second is None else second * 1000 + 999
    return CartChange(Cart(token=id, updated_at=datetime.fromtimestamp(at / 1000, UTC)))


def customer(webhook: Webhook, shop: Shop) -> Change:
    """Return the change of a customer."""
    data = _data(webhook)
    id = data.customer_id or _number("data.id", data.id)
    return _thin(webhook, Entity("contact", id), customer=id)


def customer_address(webhook: Webhook, shop: Shop) -> Change:
    """Return the change of the customer whose address book changed. `data.id` is the address's."""
    address = _data(webhook).address
    id = _required("data.address.customer_id", address.customer_id if address else None)
    return _thin(webhook, Entity("contact", id), customer=id)


def deleted_customer(webhook: Webhook, shop: Shop) -> Change:
    """Return the fact that an account was deleted, if the shop wants its contact to be deleted."""
    if shop.deleted_accounts == "keep":
        id = _number("data.id", _data(webhook).id)
        return Nothing(Reason.ACCOUNT_DELETED, Entity("contact", id))
    return AccountDeleted(parse(_CustomerDeleted, webhook.body).data.id)


def subscriber(webhook: Webhook, shop: Shop) -> Change:
    """Return the change of a subscriber to the newsletter, whose id is not that of a customer."""
    id = _number("data.id", _data(webhook).id)
    return _thin(webhook, Entity("contact", subscriber_id(id)), subscriber=id)


def subscriber_id(id: str) -> str:
    """Return the id of the entity of a subscriber."""
    return f"subscriber-{id}"


def delivery_exception(webhook: Webhook, shop: Shop) -> Change:
    """Return the report that webhooks fail: 90001 will be tried again, 90002 disabled, 90003 domain blocked."""
    code = _data(webhook).error_code
    return Nothing(Reason.WEBHOOKS_FAIL, details={"error_code": code} if code else {})


def _data(webhook: Webhook) -> _Data:
    data = envelope(webhook.body).data
    if data is None:
        raise Unreadable("data", "missing")
    return data


def _cart_id(webhook: Webhook) -> str:
    data = _data(webhook)
    return _required("data.id", data.cart_id or data.cart_id_of_line or data.id)


def _required(field: str, id: str | None) -> str:
    if not id:
        raise Unreadable(field, "missing")
    return id


def _number(field: str, id: str | None) -> str:
    if not (id and _is_number(id)):
        raise Unreadable(field, "missing")
    return id


def _thin(webhook: Webhook, entity: Entity, **ids: str) -> ThinChange:
    found = envelope(webhook.body)
    at = webhook.received_at if found.created_at is None else found.created_at * 1000
    return ThinChange(entity, topic_of(found.scope), at, ids)
