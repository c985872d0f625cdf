"""BigCommerce's people: contact, address, language and marketing consent of customers, buyers and subscribers.

Sources: references "Orders V2", "Customers V3" and "Subscribers V3". The reference says that a customer's
`accepts_product_review_abandoned_cart_emails` is about reviews and abandoned carts, so it is no consent to marketing. A
subscriber's `consents` are: they contain "marketing_newsletter" as long as the person wants the newsletter.
"""

import re
from dataclasses import replace

from shopwire.models import NOBODY, Address, Change, Consent, Contact, ContactChange, Entity, Nothing, Reason, Shop
from shopwire.models.address import clean_address, clean_language
from shopwire.models.base import milliseconds
from shopwire.models.contact import consent_time, person
from shopwire.models.phone import Phone
from shopwire.platforms.bigcommerce import bodies

_NEWSLETTER = "marketing_newsletter"
_is_number = re.compile(r"[1-9][0-9]{0,18}").fullmatch  # a guest has the number 0
_NO_ADDRESS = bodies.Address()
_NO_CUSTOMER_ADDRESS = bodies.CustomerAddress()


def needs_customer(body: bodies.Order | bodies.Cart) -> bool:
    """Return whether an order or a cart belongs to a customer whose e-mail address only the customer has."""
    if isinstance(body, bodies.Order):
        email = body.billing_address.email if body.billing_address else None
    else:
        email = body.email
    return not (email or "").strip() and _is_customer(body.customer_id)


def buyer(body: bodies.Order, customer: bodies.Customer | None, shop: Shop) -> Contact:
    """Return the buyer of an order. A guest has the customer id 0."""
    billing, shipping = body.billing_address or _NO_ADDRESS, shipping_address(body) or _NO_ADDRESS
    own = customer_contact(customer, shop) if customer else NOBODY
    contact = person(
        emails=(billing.email, own.email, shipping.email),
        phones=(
            Phone(billing.phone, billing.country_iso2),
            Phone(f"+{own.phone}" if own.phone else None),
            Phone(shipping.phone, shipping.country_iso2),
        ),
        region=shop.region,
        countries=(billing.country_iso2, shipping.country_iso2),
        customer_id=body.customer_id if _is_customer(body.customer_id) else None,
        first_names=(billing.first_name, own.first_name, shipping.first_name),
        last_names=(billing.last_name, own.last_name, shipping.last_name),
    )
    if not contact.key:
        return contact
    return replace(
        contact,
        address=_address(billing) or _address(shipping),
        language=clean_language(body.customer_locale),
        consent=_consent_of_order(body),
    )


def shopper(body: bodies.Cart, customer: bodies.Customer | None, shop: Shop) -> Contact:
    """Return whose cart it is; a contact without any address, or NOBODY, if the cart does not say it yet."""
    if customer:
        contact = customer_contact(customer, shop)
    else:
        customer_id = body.customer_id if _is_customer(body.customer_id) else None
        contact = person(emails=(body.email,), phones=(), region=shop.region, customer_id=customer_id)
    return replace(contact, language=clean_language(body.locale)) if contact.key else contact


def shipping_address(body: bodies.Order) -> bodies.Address | None:
    """Return the first address that the order goes to; None if nothing is sent."""
    shipping = body.consignments.shipping if body.consignments else None
    return next(iter(shipping or ()), None)


def customer_contact(body: bodies.Customer, shop: Shop) -> Contact:
    """Return the contact of a customer."""
    addresses = body.addresses or [_NO_CUSTOMER_ADDRESS]
    contact = person(
        emails=(body.email,),
        phones=(
            Phone(body.phone, addresses[0].country_code),
            *(Phone(address.phone, address.country_code) for address in addresses),
        ),
        region=shop.region,
        countries=[address.country_code for address in addresses],
        customer_id=body.id,
        first_names=(body.first_name, *(address.first_name for address in addresses)),
        last_names=(body.last_name, *(address.last_name for address in addresses)),
    )
    return replace(contact, address=_address_of_customer(body))


def customer_change(body: bodies.Customer, shop: Shop) -> Change:
    """Return the snapshot of a customer."""
    created = milliseconds(body.date_created) if body.date_created else None
    return ContactChange(customer_contact(body, shop), body.id, milliseconds(body.date_modified), created)


def subscriber_change(body: bodies.Subscriber, entity: Entity, shop: Shop) -> Change:
    """Return the consent of a subscriber to the newsletter. The id is not that of a customer.

    Who never agreed, as with a box at the checkout that was not ticked, did not unsubscribe.
    """
    if body.consents is None:
        return Nothing(Reason.CONSENT_NOT_SAID, entity)
    contact = person(
        emails=(body.email,),
        phones=(),
        region=shop.region,
        first_names=(body.first_name,),
        last_names=(body.last_name,),
    )
    created = milliseconds(body.date_created) if body.date_created else 0
    changed = consent_time(body.date_modified or body.date_created, None)
    if _NEWSLETTER in body.consents:
        consent = Consent(subscribed=True, at=changed)
    elif changed > created:
        consent = Consent(subscribed=False, at=changed)
    else:
        consent = Consent(subscribed=False, at=0, is_implied=True)
    return ContactChange(replace(contact, consent=consent), entity.id, None, created or None)


def _is_customer(id: str | None) -> bool:
    return bool(id and _is_number(id))


def _consent_of_order(body: bodies.Order) -> Consent | None:
    """Return the answer to the box of the checkout. Who did not tick it did not unsubscribe."""
    if body.is_email_opt_in is None:
        return None
    if body.is_email_opt_in:
        return Consent(subscribed=True, at=consent_time(body.date_created, None))
    return Consent(subscribed=False, at=0, is_implied=True)


def _address(written: bodies.Address) -> Address | None:
    return clean_address(
        region=written.state, town=written.city, street=(written.street_1, written.street_2), postcode=written.zip
    )


def _address_of_customer(body: bodies.Customer) -> Address | None:
    """Return the first address of the address book that says anything."""
    for address in body.addresses or ():
        found = clean_address(
            region=address.state_or_province,
            town=address.city,
            street=(address.address1, address.address2),
            postcode=address.postal_code,
        )
        if found:
            return found
    return None
