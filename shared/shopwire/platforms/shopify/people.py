"""Shopify's people: address, language and marketing consent of customers and buyers.

Sources: Shopify's REST reference (Customer, Order, Checkout), its webhook topic reference, and the enumerations
CustomerEmailMarketingState and CustomerSmsMarketingState of its GraphQL reference, which explain the states.

From API version 2025-01 on, customers in webhooks have no consent. It comes only in the two consent topics ("New
customer's webhook and changes to existing customer's webhooks payload", changelog of 2025-01-01). An order says
whether the buyer agreed in all versions (`buyer_accepts_marketing`).
"""

from dataclasses import replace
from datetime import datetime
from typing import Literal

from shopwire.models import Address, Change, Consent, Contact, ContactChange, Entity, Nothing, Reason, Shop, Webhook
from shopwire.models.address import clean_address, clean_language
from shopwire.models.contact import consent_time, person
from shopwire.models.phone import Phone
from shopwire.platforms.parts import parse
from shopwire.platforms.shopify import bodies

# `not_subscribed`: never subscribed. `unsubscribed`: not any more. `pending`: asked to confirm, and did not yet.
# `redacted` (erased) and `invalid` (the address does not work) say nothing about what the person wants.
_SUBSCRIBED = {"subscribed": True, "not_subscribed": False, "unsubscribed": False}
_NO_CUSTOMER = bodies.Customer()


def described_customer(contact: Contact, body: bodies.CustomerAlone, received_at: int) -> Contact:
    """Return the contact of a customer with address, language and consent.

    Args:
        received_at: when the webhook arrived, UTC ms. No consent is later.
    """
    return replace(
        contact,
        address=_address(body.default_address),
        language=clean_language(body.locale),
        consent=_consent_of_customer(body, contact, body.updated_at or body.created_at, received_at),
    )


def described_buyer(contact: Contact, body: bodies.Order | bodies.Checkout, received_at: int) -> Contact:
    """Return the buyer of an order or a checkout with address, language and consent.

    The customer's own consent counts before what the buyer ticked. Who did not tick the box of one order did not
    unsubscribe, so it counts only for a new contact.
    """
    if not contact.key:
        return contact
    customer = body.customer or _NO_CUSTOMER
    return replace(
        contact,
        address=_address(body.billing_address, customer.default_address, body.shipping_address),
        language=clean_language(body.customer_locale) or clean_language(customer.locale),
        consent=_consent_of_customer(customer, contact, customer.updated_at or body.updated_at, received_at)
        or _consent_of_order(body, contact, received_at),
    )


def email_consent(webhook: Webhook, shop: Shop) -> Change:
    """Return the consent to e-mail that a customer gave or withdrew; Nothing if it does not say so.

    Raises:
        Unreadable: the body is another one.
    """
    body = parse(bodies.EmailConsentChange, webhook.body)
    consent = _consent(body.email_marketing_consent, "email", None, webhook.received_at)
    contact = person(emails=(body.email_address,), phones=(), region=shop.region, customer_id=body.customer_id)
    return _consent_change(contact, body.customer_id, consent)


def sms_consent(webhook: Webhook, shop: Shop) -> Change:
    """Return the consent to text messages that a customer gave or withdrew. Otherwise as `email_consent`."""
    body = parse(bodies.SmsConsentChange, webhook.body)
    consent = _consent(body.sms_marketing_consent, "sms", None, webhook.received_at)
    contact = person(emails=(), phones=(Phone(body.phone),), region=shop.region, customer_id=body.customer_id)
    return _consent_change(contact, body.customer_id, consent)


def _consent_change(contact: Contact, customer_id: str, consent: Consent | None) -> Change:
    if consent is None:
        return Nothing(Reason.CONSENT_NOT_SAID, Entity("contact", customer_id))
    return ContactChange(replace(contact, consent=consent), customer_id, None, consent.at or None)


def _address(*written: bodies.Address | None) -> Address | None:
    """Return the first of the addresses that says anything."""
    for address in written:
        if address and (
            found := clean_address(
                region=address.province,
                town=address.city,
                street=(address.address1, address.address2),
                postcode=address.zip,
            )
        ):
            return found
    return None


def _consent_of_customer(
    body: bodies.Customer, contact: Contact, changed: datetime | None, received_at: int
) -> Consent | None:
    """Return the consent to e-mail of a customer with an e-mail address, otherwise the one to text messages."""
    if contact.email:
        return _consent(body.email_marketing_consent, "email", changed, received_at)
    return _consent(body.sms_marketing_consent, "sms", changed, received_at)


def _consent(
    written: bodies.MarketingConsent | None,
    channel: Literal["email", "sms"],
    changed: datetime | None,
    received_at: int,
) -> Consent | None:
    """Return a consent; None if its state does not say what the person wants.

    A customer who never subscribed has no time of it. Whatever the customer decides is later, so it counts as 0. With
    the time of the body, each change of an order or a customer would seem to be a new decision.

    Args:
        changed: when the body that says so changed.
    """
    state = (written.state or "").strip().lower() if written else ""
    subscribed = _SUBSCRIBED.get(state)
    if written is None or subscribed is None:
        return None
    decided = written.consent_updated_at or (changed if state != "not_subscribed" else None)
    return Consent(subscribed=subscribed, at=consent_time(decided, received_at), channel=channel)


def _consent_of_order(body: bodies.Order | bodies.Checkout, contact: Contact, received_at: int) -> Consent | None:
    accepts: bool | None = body.buyer_accepts_marketing
    channel: Literal["email", "sms"] = "email"
    if not contact.email:
        accepts = body.buyer_accepts_sms_marketing if isinstance(body, bodies.Checkout) else None
        channel = "sms"
    if accepts is None:
        return None
    if accepts:
        return Consent(subscribed=True, at=consent_time(body.created_at, received_at), channel=channel)
    return Consent(subscribed=False, at=0, channel=channel, is_implied=True)
