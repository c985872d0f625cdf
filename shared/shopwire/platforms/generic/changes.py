"""What each body of the public format means: the change that it makes of an order, a cart or a contact."""

from dataclasses import replace
from datetime import UTC, datetime

from shopwire.errors import Unreadable
from shopwire.models import (
    Cart,
    CartChange,
    CartItem,
    Change,
    Consent,
    Contact,
    ContactChange,
    Item,
    Order,
    OrderChange,
    OrderDeleted,
    Parcel,
    ParcelArrived,
    Rank,
    Redaction,
    Shop,
    Status,
    Webhook,
)
from shopwire.models.address import clean_address, clean_language
from shopwire.models.base import first, milliseconds
from shopwire.models.contact import NOBODY, consent_time, person
from shopwire.models.phone import Phone
from shopwire.models.text import usable_link
from shopwire.platforms.generic import bodies, money
from shopwire.platforms.generic.mistakes import parse
from shopwire.platforms.parts import RANKS
from shopwire.platforms.signatures import short_hash
from shopwire.platforms.standard_webhooks import signed_at


def order(webhook: Webhook, shop: Shop) -> Change:
    """Return the snapshot of an order."""
    body = parse(bodies.Order, webhook.body)
    version = _version(body.version, webhook)
    status, rank = _progress(body, shop)
    amounts = money.amounts(body)
    contact = _contact(body.contact, shop, version, webhook)
    if contact.consent and not contact.consent.subscribed:
        # Who did not tick the box of one order did not unsubscribe, so it counts only for a new contact.
        contact = replace(contact, consent=Consent(subscribed=False, at=0, is_implied=True))
    return OrderChange(
        Order(
            id=body.id,
            number=body.number,
            created_at=body.created_at,
            updated_at=version,
            status=status,
            rank=rank,
            status_words=first((body.status_text,)),
            currency=body.currency,
            total=body.total,
            shipping=amounts.shipping,
            discount=amounts.discount,
            taxes=amounts.taxes,
            fees=amounts.fees,
            duties=amounts.duties,
            tips=amounts.tips,
            refunded=body.refunded or None,
            contact=contact,
            items=tuple(
                Item(
                    id=_item_id(item, shop),
                    name=first((item.name,)),
                    category=first((item.category,)),
                    quantity=item.quantity,
                    cost=cost,
                    url=usable_link(item.url),
                    image_url=usable_link(item.image_url),
                    description=first((item.description,)),
                )
                for item, cost in zip(body.items, amounts.costs, strict=True)
            ),
            parcels=tuple(
                Parcel(
                    id=parcel.id,
                    delivered=parcel.delivered,
                    tracking_number=first((parcel.tracking_number,)),
                    tracking_url=usable_link(parcel.tracking_url),
                    carrier=first((parcel.carrier,)),
                )
                for parcel in body.parcels
            ),
            wholly_shipped=body.shipped,
            coupons=tuple(code for code in body.coupons if code.strip()),
            cancel_reason=first((body.cancel_reason,)),
            url=usable_link(body.url),
            payment_method=first((body.payment_method,)),
            delivery_method=first((body.delivery_method,)),
            delivery_address=first((body.delivery_address,)),
            note=first((body.note,)),
            store_id=body.store_id,
            source=body.source,
            cart_token=body.cart_token,
            test=body.test,
            restored=body.restored,
        )
    )


def _progress(body: bodies.Order, shop: Shop) -> tuple[Status, Rank]:
    if body.status is not Status.IN_PROGRESS or not (body.shipped or body.parcels):
        return body.status, RANKS[body.status]
    if body.shipped and shop.shipped_is_delivered:
        return Status.DELIVERED, Rank.DELIVERED
    return body.status, Rank.SHIPPED if body.shipped else Rank.PARTLY_SHIPPED


def cart(webhook: Webhook, shop: Shop) -> Change:
    """Return the snapshot of a cart."""
    body = parse(bodies.Cart, webhook.body)
    version = _version(body.version, webhook)
    return CartChange(
        Cart(
            token=body.token,
            created_at=body.created_at,
            updated_at=version,
            contact=_contact(body.contact, shop, version, webhook) if body.contact else NOBODY,
            currency=body.currency,
            items=tuple(_cart_item(item, shop) for item in body.items),
            url=usable_link(body.url),
        )
    )


def _cart_item(item: bodies.CartItem, shop: Shop) -> CartItem:
    links = {"url": usable_link(item.url), "imageUrl": usable_link(item.image_url)}
    return CartItem(
        id=_item_id(item, shop),
        quantity=item.quantity,
        price=item.price,
        name=first((item.name,)),
        category=first((item.category,)),
        discount=item.discount,
        extra={name: (link,) for name, link in links.items() if link},
    )


def _item_id(item: bodies.Product, shop: Shop) -> str:
    choices = {"variant": item.id, "product": item.product_id or item.id, "sku": item.sku or item.id}
    return choices[shop.item_id]


def contact(webhook: Webhook, shop: Shop) -> Change:
    """Return the snapshot of a customer."""
    body = parse(bodies.Customer, webhook.body)
    version = _version(body.version, webhook)
    created = milliseconds(body.created_at) if body.created_at else None
    found = _contact(body.contact, shop, version, webhook)
    return ContactChange(found, body.contact.id or "", milliseconds(version), created)


def order_deleted(webhook: Webhook, shop: Shop) -> Change:
    """Return the fact that an order was deleted."""
    return OrderDeleted(parse(bodies.OrderDeleted, webhook.body).id)


def parcel_delivered(webhook: Webhook, shop: Shop) -> Change:
    """Return the fact that a parcel arrived."""
    body = parse(bodies.ParcelDelivered, webhook.body)
    return ParcelArrived(body.order_id, Parcel(id=body.parcel_id, delivered=True))


def erase(webhook: Webhook, shop: Shop) -> Change:
    """Return the request to erase a person."""
    body = parse(bodies.Erase, webhook.body)
    named = body.contact
    found = person(emails=(named.email,), phones=(Phone(named.phone),), region=shop.region, customer_id=named.id)
    if not found.key:
        raise Unreadable("contact", "none_of_its_addresses_can_be_used")
    # A guest has no id. The entity is in keys and log lines, where a hash of the address could be guessed.
    return Redaction(found, found.customer_id or f"guest-{short_hash(webhook.body)}", tuple(body.orders))


def _contact(named: bodies.Contact, shop: Shop, version: datetime, webhook: Webhook) -> Contact:
    address = named.address
    country = address.country if address else None
    found = person(
        emails=(named.email,),
        phones=(Phone(named.phone, country),),
        region=shop.region,
        customer_id=named.id,
        first_names=(named.first_name,),
        last_names=(named.last_name,),
    )
    home = None
    if address:
        home = clean_address(
            region=address.region, town=address.town, street=(address.street,), postcode=address.postcode
        )
    consent = None
    if named.consent:
        at = consent_time(named.consent.at or version, webhook.received_at)
        consent = Consent(subscribed=named.consent.subscribed, at=at, channel=named.consent.channel)
    return replace(found, address=home, language=clean_language(named.language), consent=consent)


def _version(given: datetime | None, webhook: Webhook) -> datetime:
    """Return the version of a state: what the body says, otherwise when the call was signed."""
    return given or datetime.fromtimestamp(signed_at(webhook) / 1000, UTC)
