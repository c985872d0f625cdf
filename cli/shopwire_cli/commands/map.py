"""`shopwire map`: a webhook's body to the API's requests, with no ledger, no network and no clock.

What the API knows is assumed (`World`), so that the same body always prints the same bytes.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from shopwire import platforms
from shopwire.errors import Unmappable, Unreadable
from shopwire.mapper import (
    ApiRequest,
    cart_event,
    contact_request,
    fact_event,
    order_steps,
    sent_with_another_status,
    view_event,
)
from shopwire.models import (
    CartChange,
    Change,
    Contact,
    ContactChange,
    Nothing,
    OrderChange,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Redaction,
    Shop,
    ShopRedaction,
    Status,
    ViewChange,
    Webhook,
)
from shopwire.models.contact import person
from shopwire_cli.errors import UserError

# To come; who asks for one is told so, instead of that there is no such platform.
_TO_COME = ("bigcommerce", "ecwid", "saleor", "shopware", "adobe-commerce", "generic")

# When the webhook is said to have come: any fixed time, since the same body must give the same bytes.
_RECEIVED_AT = 1_767_225_600_000


class Silent(Exception):
    """Nothing is to be sent; the text is the reason."""


@dataclass(frozen=True, slots=True)
class World:
    """What is assumed around the body.

    `new`: the API knows neither the person nor the order. `owner`: whose the cart's token is known to be.
    """

    shop: Shop
    new: bool = False
    owner: Contact | None = None

    def requests(self, change: Change) -> list[ApiRequest]:
        """What the change causes, in sending order.

        Raises:
            Silent: nothing.
        """
        try:
            return _KINDS[type(change)](self, change)
        except Unmappable as reason:
            raise Silent(str(reason)) from None

    def _order(self, change: OrderChange) -> list[ApiRequest]:
        order = change.order.with_facts(frozenset(), deleted=False)
        if order.test and self.shop.ignore_test_orders:
            raise Silent("test order")
        known = None if self.new else sent_with_another_status(order)
        plan = order_steps(order, self.shop, known, recent=True)
        return [*self._introduce(order.contact), *(step.request for step in plan)]

    def _cart(self, change: CartChange) -> list[ApiRequest]:
        contact = self._visitor(change.cart.contact)
        return [*self._introduce(contact), cart_event(change.cart, contact)]

    def _view(self, change: ViewChange) -> list[ApiRequest]:
        contact = self._visitor(change.view.contact)
        return [*self._introduce(contact), view_event(change.view, contact)]

    def _contact(self, change: ContactChange) -> list[ApiRequest]:
        return [contact_request(change.contact)]

    def _parcel_arrived(self, change: ParcelArrived) -> list[ApiRequest]:
        return self._fact(Status.DELIVERED, change.order_id, change.parcel)

    def _order_deleted(self, change: OrderDeleted) -> list[ApiRequest]:
        return self._fact(Status.CANCELLED, change.order_id)

    def _fact(self, status: Status, order_id: str, parcel: Parcel | None = None) -> list[ApiRequest]:
        if self.owner is None:
            raise Silent("a fact of an order: only the ledger knows whose it is (--contact EMAIL says it here)")
        return [fact_event(status, order_id, self.owner, {}, self.shop, parcel)]

    def _redaction(self, change: Redaction) -> list[ApiRequest]:
        raise Silent(f"contact {change.contact.customer_id or '(a guest)'} would be erased, by DELETE requests")

    def _shop_redaction(self, change: ShopRedaction) -> list[ApiRequest]:
        raise Silent("everything kept for the shop would be deleted; the API is not asked")

    def _nothing(self, change: Nothing) -> list[ApiRequest]:
        raise Silent(change.reason)

    def _visitor(self, contact: Contact) -> Contact:
        # An id alone says who it is only where the API knows him already.
        if contact.reachable or (contact.key and not self.new):
            return contact
        if self.owner is None:
            raise Silent("anonymous (--contact EMAIL says whose the cart's token is known to be)")
        return self.owner

    def _introduce(self, contact: Contact) -> list[ApiRequest]:
        return [contact_request(contact)] if self.new else []


_KINDS: dict[type, Callable[[World, Any], list[ApiRequest]]] = {
    OrderChange: World._order,
    CartChange: World._cart,
    ContactChange: World._contact,
    ViewChange: World._view,
    ParcelArrived: World._parcel_arrived,
    OrderDeleted: World._order_deleted,
    Redaction: World._redaction,
    ShopRedaction: World._shop_redaction,
    Nothing: World._nothing,
}


def run(options: argparse.Namespace) -> int:
    """Print the requests; the reason on stderr where there are none."""
    platform = _platform(options.platform)
    if options.fetched:
        raise UserError(f"--fetched: nothing is fetched for {options.platform}, its bodies are whole")
    world = World(_shop(options), options.new, _owner(options.contact))
    body = _read(options.file)
    requests: list[ApiRequest] = []
    for change in _changes(platform, options.topic, body, world.shop):
        try:
            requests += world.requests(change)
        except Silent as reason:
            print(f"shopwire map: nothing to send: {reason}", file=sys.stderr)
    print(_array(requests))
    return 0


def _changes(platform: platforms.Platform, topic: str, body: bytes, shop: Shop) -> list[Change]:
    if topic not in platform.topics:
        return [Nothing("unknown topic")]
    signed = platform.sign(topic, body, shop, _RECEIVED_AT)
    headers = {name.lower(): value for name, value in signed.items()}
    try:
        return [delivery.change for delivery in platform.read(Webhook(headers, body, _RECEIVED_AT), shop)]
    except Unreadable as error:
        raise UserError(f"the body is not what {platform.name} sends as {topic}: {error}") from None


def _array(requests: list[ApiRequest]) -> str:
    # The bodies are printed as the bytes that would be sent: parsed and written again they might differ.
    pieces = (f'{{"path":{json.dumps(one.path)},"body":{one.body.decode()}}}' for one in requests)
    return f"[{','.join(pieces)}]"


def _platform(name: str) -> platforms.Platform:
    if name in _TO_COME:
        raise UserError(f"{name} is not supported yet")
    try:
        return platforms.get(name)
    except KeyError:
        raise UserError(f"no platform {name!r}: one of {', '.join((*platforms.NAMES, *_TO_COME))}") from None


def _shop(options: argparse.Namespace) -> Shop:
    region = options.region.upper() if options.region else None
    if region and not (len(region) == 2 and region.isascii() and region.isalpha()):
        raise UserError(f"--region: two letters of a country, e.g. UA, not {options.region!r}")
    return Shop.model_validate(
        {
            "id": "shop",
            "platform": options.platform,
            "secrets": ("shop",),
            "esputnik_key": "shop",
            "region": region,
            "item_id": options.item_id,
            "shipped_is_delivered": options.shipped_is_delivered,
            "statuses": dict(map(_status, options.status)),
            "key_value": options.key_value,
            "ignore_test_orders": options.ignore_test_orders,
            "storefront_secret": "shop",
        }
    )


def _status(text: str) -> tuple[str, str]:
    word, _, status = text.rpartition("=")
    if not word or status not in Status.__members__:
        raise UserError(f"--status: WORD=STATUS with STATUS one of {', '.join(Status)}, not {text!r}")
    return word, status


def _owner(email: str | None) -> Contact | None:
    if email is None:
        return None
    contact = person(emails=[email], phones=[], region=None)
    if not contact.email:
        raise UserError(f"--contact: {email!r} is nobody's e-mail address")
    return contact


def _read(file: str | None) -> bytes:
    try:
        body = sys.stdin.buffer.read() if file in (None, "-") else Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    try:
        parsed = from_json(body)
    except ValueError:
        raise UserError("the body is not JSON") from None
    if not isinstance(parsed, dict):
        raise UserError("the body is JSON, but no object")
    return body
