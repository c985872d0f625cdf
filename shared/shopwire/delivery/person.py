"""What is kept of one person, for the answer to a data request. Nothing is written here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shopwire.delivery.erase import concerns
from shopwire.errors import NewerMessageFormat, RetryLater
from shopwire.message import unpack
from shopwire.models import Contact, Redaction, Shop
from shopwire.stores.contact_record import ContactRecord
from shopwire.stores.contacts import ContactStore
from shopwire.stores.ledger import Ledger
from shopwire.stores.outbox import Outbox
from shopwire.stores.parked import ParkedStore

NOT_SHOWN = (
    "the retry queue, because SQS shows its messages only to their receiver: a webhook waits there for up to 3 days",
    "backups: point-in-time recovery keeps every state of the table for 35 days more",
    "eSputnik, and the shop's platform: ask them",
)
"""Where more of the person may be."""


@dataclass(frozen=True, slots=True)
class PersonFinder:
    """Finds what is kept of a person."""

    contacts: ContactStore
    ledger: Ledger
    parked: ParkedStore
    outbox: Outbox

    def find(self, shop: Shop, contact: Contact) -> dict[str, Any]:
        """Return what is kept of the person whom the contact names, with where and until when.

        Contacts are found by every address that is recorded with one of the given values, as an erasure request finds
        them. It reads the shop's whole part of the table, because no entry can be found by its contact.

        Returns:
            What can be written as JSON: `contacts` (records and identities), `entries`, `parked`, `outbox`, and
            `not_shown`, the places that cannot be read. `orders` lists the ids of the orders in `entries`.

        Raises:
            TableUnavailable.
        """
        records = self.contacts.related_contacts(shop.id, contact)
        people = [contact, *(record.contact for record in records)]
        entries = list(self._entries(shop.id, contact, records))
        orders = tuple(entry["entity"].partition(" ")[2] for entry in entries if entry["entity"].startswith("order "))
        request = Redaction(contact, "", orders)
        items = self.contacts.related_items(shop.id, contact)
        return {
            "shop": shop.id,
            "contacts": [_item(key, item) for key, item in sorted(items.items())],
            "entries": entries,
            "orders": list(orders),
            "parked": [
                _waiting(parked.id, parked.packed, {"topic": parked.topic, "entity": parked.entity})
                for parked in self.parked.list(shop.id)
                if _concerns(request, people, parked.packed, shop)
            ],
            "outbox": [
                _waiting(f"{waiting.at.pk} {waiting.at.sk}", waiting.packed, {"entry": waiting.entity_key})
                for waiting in self.outbox.of_shop(shop.id)
                if _concerns(request, people, waiting.packed, shop)
            ],
            "not_shown": list(NOT_SHOWN),
        }

    def _entries(self, shop: str, contact: Contact, records: tuple[ContactRecord, ...]) -> Iterator[dict[str, Any]]:
        people = [contact, *(record.contact for record in records)]
        customer_ids = {person.customer_id for person in people if person.customer_id}
        refs = {record.id for record in records}
        for entity, key, item in self.ledger.entries(shop):
            is_account = entity.kind == "contact" and entity.id in customer_ids
            names_customer = item.get("order_reference", {}).get("externalCustomerId") in customer_ids
            if is_account or names_customer or item.get("contact_ref") in refs:
                yield {"entity": str(entity)} | _item(key, item)


def _item(key: str, item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item of the table, with where it is and until when."""
    kept = {name: value for name, value in item.items() if name not in ("pk", "sk", "expires")}
    return {"where": f"table, {key}", "kept_until": _date(item.get("expires")), "kept": kept}


def _waiting(where: str, packed: str, named: Mapping[str, str]) -> dict[str, Any]:
    """Return a webhook that waits or is parked, with where it is."""
    about = {"where": f"table, {where}", **named}
    try:
        webhook = unpack(packed).webhook
    except (ValueError, NewerMessageFormat):
        return about | {"problem": "this release cannot read it"}
    body = webhook.body.decode("utf-8", "backslashreplace")
    return about | {"received_at": webhook.received_at, "headers": dict(webhook.headers), "body": body}


def _concerns(request: Redaction, people: list[Contact], packed: str, shop: Shop) -> bool:
    try:
        return concerns(request, people, packed, shop)
    except RetryLater:
        return True  # only a newer release can tell, so a person must look at it


def _date(seconds: int | None) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z") if seconds else None
