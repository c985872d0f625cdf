"""WooCommerce's people: address, language and marketing consent of customers and buyers.

WooCommerce itself has neither languages nor consent. Plugins store them as meta data of an order or a customer, and
the REST resource contains these. The files named below are those of the plugins.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from shopwire.models import Address, Consent, Contact
from shopwire.models.address import clean_address, clean_language
from shopwire.models.contact import consent_time
from shopwire.platforms.woocommerce import bodies

# WPML's WooCommerce Multilingual: the language of the order (wpml.org, "Using the REST API"). TranslatePress: that of
# the order and of the user (its function save_language_on_checkout). Polylang stores no meta data with an order. With
# its REST module the resource itself has the field `lang`.
_LANGUAGE_KEYS = ("wpml_language", "trp_language")

# Newsletter boxes at the checkout. MailPoet and Klaviyo store their answers elsewhere.
_CONSENT_KEYS = (
    # Mailchimp for WooCommerce (mailchimp/mc-woocommerce): order and user, by the classic checkout in
    # includes/class-mailchimp-woocommerce-newsletter.php, and by blocks/woocommerce-blocks-integration.php. That of a
    # user changes also when they unsubscribe at Mailchimp.
    "mailchimp_woocommerce_is_subscribed",
    # Brevo, formerly Sendinblue (woocommerce-sendinblue-newsletter-subscription): order, by the classic checkout and by
    # the two versions of the block (src/managers/api-manager.php).
    "ws_opt_in",
    "_wc_other/SendinblueWoocommerce/newsletter_opt_in",
    "_wc_order/SendinblueWoocommerce/newsletter_opt_in",
    # MailerLite (woo-mailerlite): order, only if the box was ticked
    # (includes/controllers/WooMailerLiteOrderController.php).
    "_woo_ml_subscribe",
)
_ANSWERS = {
    **dict.fromkeys(("1", "yes", "true", "on", "subscribed"), True),
    **dict.fromkeys(("0", "no", "false", "off", "unsubscribed"), False),
}


def described_buyer(contact: Contact, body: bodies.Order, created_at: datetime, received_at: int) -> Contact:
    """Return the buyer of an order with address, language and consent.

    Who did not tick the box of one order did not unsubscribe, so it counts only for a new contact.

    Args:
        created_at: when the order was made.
        received_at: when the webhook arrived, UTC ms. No consent is later.
    """
    if not contact.key:
        return contact
    meta = _meta(body.meta_data)
    subscribed = _subscribed(meta)
    consent = None
    if subscribed:
        consent = Consent(subscribed=True, at=consent_time(created_at, received_at))
    elif subscribed is False:
        consent = Consent(subscribed=False, at=0, is_implied=True)
    return replace(
        contact, address=_address(body.billing, body.shipping), language=_language(body.lang, meta), consent=consent
    )


def described_customer(contact: Contact, body: bodies.Customer, changed_at: datetime, received_at: int) -> Contact:
    """Return the contact of a customer with address, language and consent.

    Args:
        changed_at: when the customer changed.
        received_at: as of `described_buyer`.
    """
    meta = _meta(body.meta_data)
    subscribed, at = _subscribed(meta), consent_time(changed_at, received_at)
    consent = None if subscribed is None else Consent(subscribed=subscribed, at=at)
    return replace(
        contact,
        address=_address(body.billing, body.shipping),
        language=_language(body.lang, meta),
        consent=consent,
    )


def _address(*written: bodies.Address | None) -> Address | None:
    """Return the first of the addresses that says anything."""
    for address in written:
        if address and (
            found := clean_address(
                region=address.state,
                town=address.city,
                street=(address.address_1, address.address_2),
                postcode=address.postcode,
            )
        ):
            return found
    return None


def _meta(written: Iterable[bodies.Meta | None] | None) -> dict[str, Any]:
    """Return the meta data that are read here, by their keys."""
    return {each.key: each.value for each in written or () if each and each.key in _KEYS}


_KEYS = frozenset({*_LANGUAGE_KEYS, *_CONSENT_KEYS})


def _language(lang: str | None, meta: dict[str, Any]) -> str | None:
    written = (lang, *(meta.get(key) for key in _LANGUAGE_KEYS))
    return next((tag for value in written if isinstance(value, str) and (tag := clean_language(value))), None)


def _subscribed(meta: dict[str, Any]) -> bool | None:
    """Return the first answer to a box; None if there is none. Other texts, as of a pending one, say nothing."""
    for key in _CONSENT_KEYS:
        value = meta.get(key)
        if isinstance(value, str | int) and (answer := _ANSWERS.get(str(value).strip().lower())) is not None:
            return answer
    return None
