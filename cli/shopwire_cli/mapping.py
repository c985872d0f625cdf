"""The work of `shopwire map`: read the body, assume what the API knows, and make the requests."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from shopwire import platforms
from shopwire.mapper import (
    ApiRequest,
    Unmappable,
    cart_event,
    contact_request,
    fact_event,
    known_otherwise,
    order_events,
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
from shopwire_cli.files import read_file

PLANNED_PLATFORMS = (
    "bigcommerce",
    "saleor",
    "horoshop",
    "keycrm",
    "salesdrive",
    "generic",
    "ecwid",
    "shopware",
    "adobe-commerce",
)
"""Platforms that are not supported yet. The error for them says so."""

# The time of receipt that is assumed, UTC milliseconds. It is fixed, because the same body must give the same bytes.
_RECEIVED_AT_MS = 1_767_225_600_000


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
        known = None if self.new else known_otherwise(order)
        plan = order_events(order, self.shop, known, recent=True)
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


def find_platform(name: str) -> platforms.Platform:
    """Return the platform of this name.

    Raises:
        UserError: there is no such platform, or not yet.
    """
    if name in PLANNED_PLATFORMS:
        raise UserError(f"{name} is not supported yet; there are {', '.join(platforms.NAMES)}")
    try:
        return platforms.get(name)
    except KeyError:
        raise UserError(f"no platform {name!r}; there are {', '.join(platforms.NAMES)}") from None


def make_shop(options: argparse.Namespace) -> Shop:
    """Return a shop with the settings that the options give.

    Raises:
        UserError: an option is wrong.
    """
    region = options.region.upper() if options.region else None
    if region and not (len(region) == 2 and region.isascii() and region.isalpha()):
        raise UserError(f"--region: must be a two-letter country code, like UA, not {options.region!r}")
    return Shop.model_validate(
        {
            "id": "shop",
            "platform": options.platform,
            "secrets": ("shop",),
            "esputnik_key": "shop",
            "region": region,
            "item_id": options.item_id,
            "shipped_is_delivered": options.shipped_is_delivered,
            "statuses": dict(map(_parse_status, options.status)),
            "key_value": options.key_value,
            "ignore_test_orders": options.ignore_test_orders,
            "storefront_secret": "shop",
        }
    )


def make_contact(email: str | None) -> Contact | None:
    """Return the contact with this e-mail address, None if no address is given.

    Raises:
        UserError: the address cannot be a contact's.
    """
    if email is None:
        return None
    contact = person(emails=[email], phones=[], region=None)
    if not contact.email:
        raise UserError(f"--contact: must be a contact's e-mail address, like ann@example.com, not {email!r}")
    return contact


def read_object(file: str) -> bytes:
    """Return the bytes of a file that holds a JSON object. "-" is stdin.

    Raises:
        UserError: the file cannot be read, or is not a JSON object.
    """
    body = read_file(file)
    try:
        parsed = from_json(body)
    except ValueError:
        raise UserError("the body is not JSON") from None
    if not isinstance(parsed, dict):
        raise UserError("the body is JSON, but not an object")
    return body


def parse_changes(platform: platforms.Platform, topic: str, body: bytes, shop: Shop) -> list[Change]:
    """Return the changes that the platform's adapter makes of the body.

    Raises:
        UserError: the body does not have the platform's shape.
    """
    if topic not in platform.topics:
        return [Nothing("unknown topic")]
    signed = platform.sign(topic, body, shop, _RECEIVED_AT_MS)
    headers = {name.lower(): value for name, value in signed.items()}
    try:
        return [delivery.change for delivery in platform.read(Webhook(headers, body, _RECEIVED_AT_MS), shop)]
    except platforms.Unreadable as error:
        raise UserError(f"the body is not what {platform.name} sends as {topic}: {error}") from None


def to_json(requests: Sequence[ApiRequest]) -> str:
    """Return the requests as a JSON array. Their bodies are the bytes that would be sent."""
    pieces = (f'{{"path":{json.dumps(request.path)},"body":{request.body.decode()}}}' for request in requests)
    return f"[{','.join(pieces)}]"


def _parse_status(text: str) -> tuple[str, str]:
    word, _, status = text.rpartition("=")
    if not word or status not in Status.__members__:
        raise UserError(f"--status: must be WORD=STATUS, where STATUS is one of {', '.join(Status)}, not {text!r}")
    return word, status
