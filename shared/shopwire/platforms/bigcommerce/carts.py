"""BigCommerce's carts. Source: reference "Carts V3"."""

from collections.abc import Iterator
from decimal import Decimal

from shopwire.models import Cart, CartChange, CartItem, Change, Shop
from shopwire.models.base import usable_currency, usable_id
from shopwire.models.order import quantum
from shopwire.models.text import usable_link
from shopwire.platforms.bigcommerce import bodies, people
from shopwire.platforms.bigcommerce.orders import item_id

_CENTS = Decimal("0.01")


def cart(body: bodies.Cart, customer: bodies.Customer | None, shop: Shop) -> Change:
    """Return the snapshot of a cart. A guest's has no address until the checkout asks for one.

    Args:
        customer: whose cart it is, if the cart has no address of its own.

    Raises:
        InvalidValue: the answer is not what the API documents.
    """
    code = body.currency.code if body.currency else None
    currency = usable_currency((code.strip().upper(),)) if code else None
    return CartChange(
        Cart(
            token=body.id,
            created_at=body.created_time,
            updated_at=body.updated_time,
            contact=people.shopper(body, customer, shop),
            currency=currency,
            items=tuple(_items(body.line_items, currency, shop)),
        )
    )


def _items(lines: bodies.CartLines, currency: str | None, shop: Shop) -> Iterator[CartItem]:
    for line in (*(lines.physical_items or ()), *(lines.digital_items or ()), *(lines.custom_items or ())):
        id = item_id(line.variant_id, line.product_id, line.sku, line.name, shop) or usable_id(line.id)
        if line.quantity <= 0 or not id:
            continue
        discount = (line.discount_amount or Decimal(0)) / line.quantity
        links = {"url": usable_link(line.url), "imageUrl": usable_link(line.image_url)}
        yield CartItem(
            id=id,
            quantity=line.quantity,
            price=line.list_price,
            name=line.name,
            discount=discount.quantize(quantum(currency) if currency else _CENTS) if discount > 0 else None,
            extra={name: (link,) for name, link in links.items() if link},
        )
    for certificate in lines.gift_certificates or ():
        id = item_id(None, None, None, certificate.name, shop) or usable_id(certificate.id)
        if id:
            yield CartItem(id=id, quantity=Decimal(1), price=certificate.amount, name=certificate.name)
