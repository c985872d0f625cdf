"""A cart to cartUpdated. Pure."""

import hashlib
from decimal import ROUND_CEILING, Decimal
from typing import Any

from shopwire.mapper.params import ApiRequest, contact_key, digest, event, identifiers, json_text, plain, present
from shopwire.models import Cart, CartItem, Contact
from shopwire.models.base import milliseconds


def cart_event(cart: Cart, contact: Contact) -> ApiRequest:
    """The event that tells this state of the cart. An empty cart has no `products`.

    Args:
        contact: whose cart it is: the cart's own person or the one its token is known to belong to.

    Raises:
        Unmappable: nobody.
    """
    key = contact_key(contact)
    params = identifiers(contact) + present(
        (
            *_content(cart),
            ("recycleStateId", recycle_state_id(cart)),
            ("restoreUrl", cart.url),
        )
    )
    return event("cartUpdated", key, params)


def recycle_state_id(cart: Cart) -> str:
    """Names this state of this cart: 32 hex digits of token, version and content. The same for the same change, another
    for each other one, also when the cart goes back to an earlier content."""
    parts = (cart.token, str(milliseconds(cart.updated_at)), cart_content(cart))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def cart_content(cart: Cart) -> str:
    """Stands for what is in the cart, whoever's and whenever."""
    return digest(_content(cart))


def _content(cart: Cart) -> list[tuple[str, str]]:
    products = json_text([_product(item) for item in cart.items]) if cart.items else None
    return present((("products", products), ("currencyCode", cart.currency)))


def _product(item: CartItem) -> dict[str, Any]:
    known = {
        "productId": item.id,
        # The API takes whole numbers: half a metre of cloth is one piece in the cart.
        "quantity": item.quantity.to_integral_value(ROUND_CEILING),
        "price": item.price,
        "name": item.name,
        "category": item.category,
        "discount": plain(item.discount) if item.discount and item.discount > Decimal(0) else None,
    }
    return item.extra | {name: value for name, value in known.items() if value not in (None, "")}
