"""A cart becomes cartUpdated."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

from shopwire.mapper.api_rules import MAX_BODY_BYTES
from shopwire.mapper.fit import fits, fitting, with_short_texts, with_value
from shopwire.mapper.params import (
    Params,
    Step,
    contact_key,
    digest,
    dump,
    event,
    event_body,
    identifiers,
    json_text,
    plain,
    prefixed,
    present,
)
from shopwire.models import Cart, CartItem, Contact
from shopwire.models.base import milliseconds
from shopwire.models.text import readable

_TYPE = "cartUpdated"
_LONG_NAME = 50


def cart_steps(cart: Cart, contact: Contact, id_prefix: str = "") -> list[Step]:
    """Return the event with this state of the cart. The event of an empty cart has no `products`.

    Args:
        contact: whose cart it is: the contact that the cart names, or the one that its token is known to belong to.
        id_prefix: of the shop.

    Raises:
        Unmappable: nothing identifies a person.
    """
    contact = prefixed(contact, id_prefix)
    content, state, key = _content(cart), recycle_state_id(cart), contact_key(contact)
    params = identifiers(contact) + present((*content, ("recycleStateId", state), ("restoreUrl", cart.url)))
    if not fits(_TYPE, key, params):
        params = fitting(_TYPE, key, _smaller(cart, key, params))
    return [Step(event(_TYPE, key, params), {"digest": digest(content), "state": state})]


def _smaller(cart: Cart, key: str, whole: Params) -> Iterator[Params]:
    """Yield smaller and smaller params. A cart without products would be an empty one, so as many as fit are kept."""
    items = [replace(item, extra={}) for item in cart.items]
    yield with_value(whole, "products", json_text(list(map(_product, items))))
    short = with_short_texts(whole)
    items = [replace(item, category=None) for item in items]
    yield with_value(short, "products", json_text(list(map(_product, items))))
    for length in (_LONG_NAME, 0):
        items = [replace(item, name=(readable(item.name) or "")[:length].rstrip()) for item in items]
        yield with_value(short, "products", json_text(list(map(_product, items))))
    left = MAX_BODY_BYTES - len(event_body(_TYPE, key, with_value(short, "products", "[]")))
    products = []
    for item in items:
        products.append(json_text(_product(item)))
        left -= len(dump(products[-1])) - 1  # without its two quotes, and with a comma
        if left < 0:
            break
    yield with_value(short, "products", f"[{','.join(products[:-1])}]")


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
        "name": item.name and readable(item.name),
        "category": item.category and readable(item.category),
        "discount": plain(item.discount) if item.discount and item.discount > Decimal(0) else None,
    }
    return item.extra | {name: value for name, value in known.items() if value not in (None, "")}
