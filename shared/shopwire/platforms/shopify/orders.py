"""Shopify's orders, carts and checkouts: items, amounts, contact, parcels, status.

Source: Shopify's REST reference (Order, Fulfillment, Cart, Checkout).
"""

from collections.abc import Iterator
from decimal import Decimal

from shopwire.errors import Unreadable
from shopwire.models import (
    Cart,
    CartChange,
    CartItem,
    Change,
    Contact,
    Entity,
    Item,
    Nothing,
    Order,
    OrderChange,
    Parcel,
    Rank,
    Reason,
    Shop,
    Status,
    Webhook,
)
from shopwire.models.base import first, usable_currency, usable_id, usable_token
from shopwire.models.contact import person
from shopwire.models.order import quantum
from shopwire.models.phone import Phone
from shopwire.models.text import readable, usable_link
from shopwire.platforms.parts import one_line, parse, received_at
from shopwire.platforms.shopify import bodies, money, people

NO_PARCEL = frozenset({"cancelled", "error", "failure"})
"""Fulfillments of these statuses never left, or failed."""

ARRIVED = frozenset({"delivered", "picked_up"})
"""Statuses of a shipment that has reached the customer, at the door or in the shop (FulfillmentEventStatus)."""

# Financial statuses of an order for which money arrived.
_PAID = frozenset({"paid", "partially_paid", "partially_refunded"})
_ZERO = Decimal(0)
_CENTS = Decimal("0.01")

# Fields that may hold a line's id, by the shop's `item_id`. A custom line has only a name.
_ITEM_IDS = {
    "variant": ("variant_id", "product_id", "title", "name"),
    "product": ("product_id", "title", "name"),
    "sku": ("sku", "variant_id", "product_id", "title", "name"),
}

_NO_CUSTOMER, NO_ADDRESSEE = bodies.Customer(), bodies.Address()


def order(webhook: Webhook, shop: Shop) -> Change:
    """Return the snapshot of an order.

    Raises:
        Unreadable, pydantic.ValidationError, InvalidValue: the body is not an order.
    """
    body = parse(bodies.Order, webhook.body)
    currency = first((body.currency,)) or _currency_elsewhere(webhook, body)
    if not currency:
        raise Unreadable("currency", "missing")
    amounts = money.amounts(body, currency, webhook.body)
    parcels = tuple(parcel(fulfillment) for fulfillment in body.fulfillments or () if _is_parcel(fulfillment))
    status, rank = _status(body, amounts, parcels, shop)
    shipping = [line for line in body.shipping_lines or () if not line.is_removed]
    return OrderChange(
        Order(
            id=body.id,
            number=first(map(usable_id, (body.name, body.order_number))),
            # An imported order was made before it was created here, and a sale without a connection before it was sent.
            created_at=body.processed_at or body.created_at,
            updated_at=body.updated_at or body.created_at,
            status=status,
            rank=rank,
            status_words=", ".join(
                word
                for word in ("cancelled" if body.cancelled_at else None, body.financial_status, body.fulfillment_status)
                if word
            )
            or None,
            currency=currency,
            total=amounts.total,
            shipping=amounts.shipping,
            discount=amounts.discount,
            taxes=amounts.taxes,
            fees=amounts.fees,
            duties=amounts.duties,
            tips=amounts.tips,
            refunded=amounts.refunded,
            contact=people.described_buyer(_buyer(body, shop), body, webhook.received_at),
            items=_items(body, amounts, shop),
            parcels=parcels,
            wholly_shipped=body.fulfillment_status == "fulfilled",
            coupons=tuple(code.code for code in body.discount_codes or () if code.code),
            cancel_reason=body.cancel_reason,
            url=body.order_status_url,
            payment_method=", ".join(_texts(body.payment_gateway_names)) or None,
            delivery_method=first(line.title for line in shipping),
            delivery_address=_address_line(body.shipping_address),
            note=body.note,
            store_id=body.location_id,
            source="offline" if body.source_name == "pos" else "online",
            cart_token=usable_token(body.cart_token or body.checkout_token),
            test=bool(body.test),
        )
    )


def _currency_elsewhere(webhook: Webhook, body: bodies.Order) -> str | None:
    priced = parse(bodies.Priced, webhook.body)
    return first((_currency_of(priced.total_price_set), body.presentment_currency))


def _status(body: bodies.Order, amounts: money.Amounts, parcels: tuple[Parcel, ...], shop: Shop) -> tuple[Status, Rank]:
    if amounts.closed:
        return Status.CANCELLED, Rank.CLOSED
    if body.fulfillment_status == "fulfilled":
        arrived = parcels and all(parcel.delivered for parcel in parcels)
        if shop.shipped_is_delivered or arrived or _is_handed_over(body, amounts, parcels):
            return Status.DELIVERED, Rank.DELIVERED
        return Status.IN_PROGRESS, Rank.SHIPPED
    if body.fulfillment_status == "partial" or parcels:
        return Status.IN_PROGRESS, Rank.PARTLY_SHIPPED
    if body.financial_status in _PAID:
        return Status.IN_PROGRESS, Rank.PAID
    return Status.INITIALIZED, Rank.CREATED


def _is_handed_over(body: bodies.Order, amounts: money.Amounts, parcels: tuple[Parcel, ...]) -> bool:
    """Return whether a fulfilled order needs no carrier: nothing of it is shipped, or it was sold at the counter."""
    if any(line.is_removed is not True for line in body.shipping_lines or ()):
        return False
    if body.source_name == "pos":
        return not any(parcel.tracking_number or parcel.tracking_url for parcel in parcels)
    lines = [line for line, left in zip(body.line_items or (), amounts.quantities, strict=True) if left > 0]
    return bool(lines) and not parcels and all(line.requires_shipping is False for line in lines)


def _is_parcel(fulfillment: bodies.Fulfillment) -> bool:
    # A gift card or a download is "fulfilled" without a parcel, so no carrier ever reports it.
    ships = not fulfillment.line_items or any(line.requires_shipping is not False for line in fulfillment.line_items)
    return ships and fulfillment.status not in NO_PARCEL


def parcel(fulfillment: bodies.Fulfillment) -> Parcel:
    """Return a fulfillment as a parcel, with the first tracking number and link that are not blank."""
    numbers, urls = _texts(fulfillment.tracking_numbers), _texts(fulfillment.tracking_urls)
    return Parcel(
        id=fulfillment.id,
        delivered=fulfillment.shipment_status in ARRIVED,
        tracking_number=first((fulfillment.tracking_number, *numbers)),
        tracking_url=first((fulfillment.tracking_url, *urls)),
        carrier=fulfillment.tracking_company,
    )


def _items(body: bodies.Order, amounts: money.Amounts, shop: Shop) -> tuple[Item, ...]:
    items = []
    for line, left, cost in zip(body.line_items or (), amounts.quantities, amounts.costs, strict=True):
        id = _item_id(line, shop)
        if cost is None or not id:
            continue
        items.append(Item(id=id, name=first((line.name, line.title)), quantity=left, cost=cost))
    return tuple(items)


def _item_id(line: bodies.Line, shop: Shop) -> str | None:
    id = first(getattr(line, name) for name in _ITEM_IDS[shop.item_id])
    if id in (line.title, line.name):
        id = readable(id)
    return id[:255] if id else None


def _buyer(body: bodies.Order | bodies.Checkout, shop: Shop) -> Contact:
    """Return the buyer: as the order says, then its billing address, its customer, and last its shipping address, where
    gifts go to other people."""
    customer, billing = body.customer or _NO_CUSTOMER, body.billing_address or NO_ADDRESSEE
    home, recipient = customer.default_address or NO_ADDRESSEE, body.shipping_address or NO_ADDRESSEE
    own = (body.email, body.contact_email) if isinstance(body, bodies.Order) else (body.email,)
    marketing = () if isinstance(body, bodies.Order) else (Phone(body.sms_marketing_phone),)
    return person(
        emails=(*own, customer.email),
        phones=(
            Phone(body.phone),
            *marketing,
            Phone(billing.phone, billing.country_code),
            Phone(customer.phone, home.country_code),
            Phone(home.phone, home.country_code),
            Phone(recipient.phone, recipient.country_code),
            *(Phone(line.phone, recipient.country_code) for line in body.shipping_lines or ()),
        ),
        region=shop.region,
        countries=(billing.country_code, recipient.country_code, home.country_code),
        customer_id=customer.id,
        first_names=(billing.first_name, customer.first_name, home.first_name, recipient.first_name),
        last_names=(billing.last_name, customer.last_name, home.last_name, recipient.last_name),
    )


def cart(webhook: Webhook, shop: Shop) -> Change:
    """Return the snapshot of a cart. It names no person. Raises as `order`."""
    body = parse(bodies.Cart, webhook.body)
    # `id` is the same as `token`, but other resources have an `id` too, and the topic is not signed.
    return _cart_change(body, body.token, Contact(), webhook, shop)


def checkout(webhook: Webhook, shop: Shop) -> Change:
    """Return the cart of a checkout, with its person; Nothing if it became an order. Raises as `order`."""
    body = parse(bodies.Checkout, webhook.body)
    token = body.cart_token or body.token
    if body.completed_at:
        token = usable_token(token)
        return Nothing(Reason.CHECKOUT_COMPLETED, Entity.of_cart(token) if token else None)
    buyer = people.described_buyer(_buyer(body, shop), body, webhook.received_at)
    return _cart_change(body, token, buyer, webhook, shop, body.abandoned_checkout_url)


def _cart_change(
    body: bodies.Cart, token: str | None, contact: Contact, webhook: Webhook, shop: Shop, url: str | None = None
) -> Change:
    if not (token and token.strip()):
        raise Unreadable("token", "missing")
    token = usable_token(token) or token.strip()  # another one is refused by the model
    lines = body.line_items or []
    currency, by_set = _cart_currency(body, lines)
    items = (_cart_item(line, currency, shop, by_set=by_set) for line in lines)
    return CartChange(
        Cart(
            token=token,
            created_at=body.created_at,
            updated_at=body.updated_at or body.created_at or received_at(webhook),
            contact=contact,
            currency=currency,
            items=tuple(item for item in items if item),
            url=url,
        )
    )


def _cart_currency(body: bodies.Cart, lines: list[bodies.CartLine]) -> tuple[str | None, bool]:
    """Return the currency of the prices, and whether they are those of the shop in the sets of the lines.

    A checkout's own prices are in `presentment_currency`, and `currency` is the shop's (REST reference, Checkout). So
    are a cart's, which names no currency beside its sets.
    """
    of_shop = {_currency_of(line.price_set) for line in lines}
    has_prices = all(money.of_shop(None, line.price_set) is not None for line in lines)
    if len(of_shop) == 1 and has_prices and (currency := usable_currency(of_shop)):
        return currency, True
    presentment = body.presentment_currency if isinstance(body, bodies.Checkout) else None
    shoppers = (line.price_set.presentment_money for line in lines if line.price_set)
    return usable_currency((presentment, *(each.currency_code for each in shoppers if each), body.currency)), False


def _cart_item(line: bodies.CartLine, currency: str | None, shop: Shop, *, by_set: bool) -> CartItem | None:
    id = _item_id(line, shop) or usable_id(line.id)
    if line.quantity < money.MIN_QUANTITY or not id:
        return None
    price, discount = line.price, money.line_discount(line)
    if by_set:
        of_shop = money.of_shop(None, line.price_set)
        price = price if of_shop is None else of_shop
        if not line.discount_allocations:
            discount = money.of_shop(line.total_discount, line.total_discount_set) or _ZERO
    discount /= line.quantity
    return CartItem(
        id=id,
        quantity=line.quantity,
        price=price,
        name=first((line.title, line.presentment_title, line.name)),
        discount=discount.quantize(quantum(currency) if currency else _CENTS) if discount > 0 else None,
        extra={"imageUrl": (image,)} if (image := usable_link(line.image_url)) else {},
    )


def _currency_of(both: bodies.MoneySet | None) -> str | None:
    return both.shop_money.currency_code if both and both.shop_money else None


def _address_line(address: bodies.Address | None) -> str | None:
    if address is None:
        return None
    return one_line((address.address1, address.address2, address.city, address.province, address.zip, address.country))


def _texts(part: list[str | None] | None) -> Iterator[str]:
    return (text for text in part or () if text is not None)
