"""What BigCommerce's API is asked for after a webhook, and what its answers mean.

Paths and filters: the references of its API. An answer of 204 has no body and means that there is nothing (V2).
"""

from shopwire.errors import RetryLater, Unreadable
from shopwire.models import Change, Nothing, Reason, Shop, ThinChange
from shopwire.platforms.access import PlatformApi
from shopwire.platforms.bigcommerce import bodies, carts, money, orders, people
from shopwire.platforms.parts import parse

_PAGE = 250  # the largest page of V2 ("Limits")
_MAX_PAGES = 20


def fetch(change: ThinChange, shop: Shop, api: PlatformApi) -> Change:
    """Return the state of an entity. Raises as `Platform.fetch`."""
    ids = change.ids
    if "order" in ids:
        return _order(change, shop, api)
    if "cart" in ids:
        return _cart(change, shop, api)
    if "customer" in ids:
        found = _customers(ids["customer"], api)
        return people.customer_change(found[0], shop) if found else Nothing(Reason.NOT_AT_PLATFORM, change.entity)
    return _subscriber(change, shop, api)


def _order(change: ThinChange, shop: Shop, api: PlatformApi) -> Change:
    id = change.ids["order"]
    path = f"/v2/orders/{id}"
    # With these the order contains its shipping addresses, methods and fees, which would be two more calls.
    answer = api.get("order", f"{path}?include=consignments,fees&consignment_structure=object")
    if answer is None:
        return Nothing(Reason.NOT_AT_PLATFORM, change.entity)
    body = parse(bodies.Order, answer)
    skipped = orders.skipped(body, shop)
    if skipped:
        return skipped
    products = _products(path, api)
    shipments, coupons, refunds, customer = [], [], [], None
    if orders.has_shipments(body, products):
        answer = _part("shipments", f"{path}/shipments?limit={_PAGE}", api)
        shipments = parse(bodies.Shipments, _named("shipments", answer)).shipments
    if body.coupon_discount:
        answer = _part("coupons", f"{path}/coupons?limit={_PAGE}", api)
        coupons = parse(bodies.Coupons, _named("coupons", answer)).coupons
    if money.has_refunds(body, products) or change.topic == "store/order/refund/created":
        answer = _part("refunds", f"/v3/orders/{id}/payment_actions/refunds", api)
        refunds = parse(bodies.Refunds, answer).data if answer else []
    if people.needs_customer(body):
        customer = _customer(body.customer_id, api)
    parts = orders.Parts(products, shipments, coupons, refunds, customer)
    return orders.order(body, parts, shop, cart_id=change.ids.get("cart"))


def _products(path: str, api: PlatformApi) -> list[bodies.Product]:
    products: list[bodies.Product] = []
    for page in range(1, _MAX_PAGES + 1):
        answer = _part("products", f"{path}/products?limit={_PAGE}&page={page}", api)
        found = parse(bodies.Products, _named("products", answer)).products
        products += found
        if len(found) < _PAGE:
            return products
    raise Unreadable("products", "too_many")


def _part(name: str, path: str, api: PlatformApi) -> bytes:
    """Return what belongs to an order that exists.

    Raises:
        RetryLater: there is no such order, so this answer comes from a copy that is behind. b"" would mean that the
            order has none of it.
    """
    answer = api.get(name, path)
    if answer is None:
        raise RetryLater(Reason.FETCHED_OLD_STATE, fetched=name)
    return answer


def _cart(change: ThinChange, shop: Shop, api: PlatformApi) -> Change:
    id = change.ids["cart"]
    answer = api.get("cart", f"/v3/carts/{id}")
    if answer is None:  # it became an order, or was deleted
        return Nothing(Reason.NOT_AT_PLATFORM, change.entity)
    body = parse(bodies.CartAnswer, answer).data
    customer = _customer(body.customer_id, api) if people.needs_customer(body) else None
    return carts.cart(body, customer, shop)


def _customer(id: str | None, api: PlatformApi) -> bodies.Customer | None:
    """Return the customer of an order or a cart."""
    # Another one would become the person of the order.
    return next((customer for customer in _customers(id or "", api) if customer.id == id), None)


def _customers(id: str, api: PlatformApi) -> list[bodies.Customer]:
    # A filter that finds nothing is answered with an empty list.
    answer = api.get("customer", f"/v3/customers?id:in={id}&include=addresses")
    return parse(bodies.Customers, answer).data if answer else []


def _subscriber(change: ThinChange, shop: Shop, api: PlatformApi) -> Change:
    id = change.ids["subscriber"]
    answer = api.get("subscriber", f"/v3/customers/subscribers/{id}")
    if answer is None:
        return Nothing(Reason.NOT_AT_PLATFORM, change.entity)
    body = parse(bodies.SubscriberAnswer, answer).data
    return people.subscriber_change(body, change.entity, shop)


def _named(name: str, answer: bytes) -> bytes:
    """Return the list of V2 as the field of an object, so that an error names it. No body is an empty list."""
    return b'{"%s":%s}' % (name.encode(), answer or b"[]")
