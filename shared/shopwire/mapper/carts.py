"""A cart becomes cartUpdated."""

import hashlib
from decimal import ROUND_CEILING, Decimal
from typing import Any

from shopwire.mapper.params import Step, contact_key, digest, event, identifiers, json_text, plain, present
from shopwire.models import Cart, CartItem, Contact
from shopwire.models.base import milliseconds


def cart_steps(cart: Cart, contact: Contact) -> list[Step]:
    """Return the event with this state of the cart. The event of an empty cart has no `products`.

    Args:
        contact: whose cart it is: the contact that the cart names, or the one that its token is known to belong to.

    Raises:
        Unmappable: nothing identifies a person.
    """
    content, state = _content(cart), recycle_state_id(cart)
    params = identifiers(contact) + present((*content, ("recycleStateId", state), ("restoreUrl", cart.url)))
    return [Step(event("cartUpdated", contact_key(contact), params), {"digest": digest(content), "state": state})]


def recycle_state_id(cart: Cart) -> str:
    """Return the name of this state of this cart: 32 hex digits of token, version and content.

    It is the same for the same change and differs for every other one, also if the cart returns to an earlier content.
    """
    parts = (cart.token, str(milliseconds(cart.updated_at)), cart_content(cart))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def cart_content(cart: Cart) -> str:
    """Return a digest of the cart's content, without its contact and its times."""
    return digest(_content(cart))


def _content(cart: Cart) -> list[tuple[str, str]]:
    products = json_text([_product(item) for item in cart.items]) if cart.items else None
    return present((("products", products), ("currencyCode", cart.currency)))


def _product(item: CartItem) -> dict[str, Any]:
    known = {
        "productId": item.id,
        # The API accepts whole numbers only: half a metre of cloth counts as one piece in the cart.
        "quantity": item.quantity.to_integral_value(ROUND_CEILING),
        "price": item.price,
        "name": item.name,
        "category": item.category,
        "discount": plain(item.discount) if item.discount and item.discount > Decimal(0) else None,
    }
    return item.extra | {name: value for name, value in known.items() if value not in (None, "")}
