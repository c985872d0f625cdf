"""The work of `shopwire map`: read the body, assume what the API knows, and make the requests."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import from_json

from shopwire import platforms
from shopwire.delivery.decide import Done, Erase, Park, Send, SyncContact, decide
from shopwire.delivery.reasons import SENTENCES
from shopwire.delivery.task import Policy
from shopwire.errors import Unmappable, Unreadable
from shopwire.mapper import ApiRequest, SentOrder, contact_request, sent_with_another_status
from shopwire.models import (
    Change,
    Contact,
    Nothing,
    OrderChange,
    OrderDeleted,
    ParcelArrived,
    Reason,
    Shop,
    ShopRedaction,
    Status,
    Webhook,
)
from shopwire.models.contact import person
from shopwire.platforms.base import Platform
from shopwire.stores.entry import Entry
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
# Every order counts as recent.
_POLICY = Policy(new_order_ms=1 << 62)


# The API has the order with another status, if it has it at all; only the request of a fact needs an entry with more.
_SENT_FACT_ORDER = SentOrder(None, "", "").record
# Stands for the contact that --contact names: the store of contacts refers to a contact by a hash.
_CONTACT_REF = "contact"


class NothingToSend(Exception):
    """No request follows. The text is the reason."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is assumed about the API and the ledger.

    Args:
        new: the API has neither the contact nor the order, and the order is recent. Otherwise it has the contact, and
            the order with another status and the same content.
        contact: the contact that the cart's token is known to belong to; for a fact, the contact of the order, which is
            wholly shipped in one parcel.
    """

    shop: Shop
    new: bool = False
    contact: Contact | None = None

    def requests(self, change: Change) -> list[ApiRequest]:
        """Return the requests that follow from the change, in sending order.

        Raises:
            NothingToSend: no request follows.
        """
        contact_ref = _CONTACT_REF if self.contact else None
        decision = decide(change, self._entry(change, contact_ref), self.shop, _POLICY, _RECEIVED_AT_MS, contact_ref)
        try:
            match decision:
                case Send():
                    return self._send(decision)
                case SyncContact():
                    return [contact_request(decision.change.contact)]
                case Done():
                    raise NothingToSend(_explain(decision.outcome.reason))
                case Park():
                    raise NothingToSend(_explain(decision.reason, decision.details))
                case Erase():
                    raise NothingToSend(_explain_erasure(change))
        except Unmappable as error:
            raise NothingToSend(_explain(error.reason, {"field": error.field} if error.field else {})) from None

    def _entry(self, change: Change, contact_ref: str | None) -> Entry:
        match change:
            case OrderChange() if not self.new:
                order = change.order.with_facts(frozenset(), deleted=False)
                return Entry(version=0, sent=sent_with_another_status(order).record)
            case ParcelArrived() | OrderDeleted():
                if self.contact is None:
                    raise NothingToSend("the ledger knows the contact of the order (--contact EMAIL names it here)")
                return Entry(version=0, sent=_SENT_FACT_ORDER, open_parcels=(), contact_ref=contact_ref)
        return Entry(contact_ref=contact_ref)

    def _send(self, decision: Send) -> list[ApiRequest]:
        named = decision.contact
        # A customer id alone identifies only a contact that the API has already.
        contact = named if named.reachable or (named.key and not self.new) else self.contact or named
        steps = [step.request for step in decision.plan(contact, None)]
        return [contact_request(contact), *steps] if self.new and not decision.is_fact else steps


def _explain(reason: Reason | None, details: Mapping[str, str | int] = {}) -> str:
    if reason is None:
        return "the API has this already"
    hint = " (--contact EMAIL names the contact of the cart)" if reason is Reason.ANONYMOUS else ""
    facts = "".join(f", {name} {value}" for name, value in details.items())
    return f"{reason}{facts}{hint}: {SENTENCES[reason]}"


def _explain_erasure(change: Change) -> str:
    if isinstance(change, ShopRedaction):
        return "everything stored for the shop would be deleted; the API is not asked"
    return f"contact {change.contact.customer_id or '(a guest)'} would be erased, by DELETE requests"


def find_platform(name: str) -> Platform:
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
            "old_order_days": 0,
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


def parse_changes(platform: Platform, topic: str, body: bytes, shop: Shop) -> list[Change]:
    """Return the changes that the platform's adapter makes of the body.

    Raises:
        UserError: the body does not have the platform's shape.
    """
    if platform.topic(topic) is None:
        return [Nothing(Reason.UNKNOWN_TOPIC)]
    call = platform.sign(topic, body, shop, _RECEIVED_AT_MS)
    webhook = Webhook({name.lower(): value for name, value in call.headers.items()}, call.body, _RECEIVED_AT_MS)
    try:
        return [delivery.change for delivery in platform.read(webhook, shop)]
    except Unreadable as error:
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
