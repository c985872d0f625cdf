"""The bodies of Shopify's webhooks, as far as shopwire reads them. Types only: `orders` knows their meaning.

Sources: Shopify's REST reference (Order, Fulfillment, FulfillmentEvent, Checkout, Cart, Customer) and its webhook topic
reference.
"""

from shopwire.models.base import Amount, Id, Moment
from shopwire.platforms.parts import Body, Part

Text = str | None

Money = Amount | None
OptionalMoment = Moment | None


class Address(Body):
    """A postal address."""

    address1: Text = None
    address2: Text = None
    city: Text = None
    province: Text = None
    zip: Text = None
    country: Text = None


class Addressee(Body):
    """The person at an address."""

    first_name: Text = None
    last_name: Text = None
    phone: Text = None


class Customer(Body):
    """A customer inside an order or a checkout; `id` is missing in some of those."""

    id: Text = None
    email: Text = None
    phone: Text = None
    first_name: Text = None
    last_name: Text = None
    default_address: Part[Addressee] = None


class ShopMoney(Body):
    """An amount in the shop's currency."""

    amount: Money = None
    currency_code: Text = None


class MoneySet(Body):
    """`*_set`: the same amount in the shop's and the shopper's currency."""

    shop_money: Part[ShopMoney] = None


class Allocation(Body):
    """A line's share of a discount."""

    amount: Amount


class Line(Body):
    """A line of an order."""

    id: Text = None
    variant_id: Text = None
    product_id: Text = None
    sku: Text = None
    name: Text = None
    title: Text = None
    quantity: Amount
    current_quantity: Money = None
    price: Amount
    total_discount: Money = None
    discount_allocations: list[Allocation] | None = None
    requires_shipping: bool | None = None


class CartLine(Line):
    """A line of a cart or a checkout."""

    presentment_title: Text = None
    price_set: Part[MoneySet] = None


class ShippingLine(Body):
    """A shipping method and its price."""

    title: Text = None
    price: Money = None
    discounted_price: Money = None
    discount_allocations: list[Allocation] | None = None
    is_removed: bool | None = None


class RefundLine(Body):
    """How many units of a line were refunded."""

    line_item_id: Text = None
    quantity: Money = None


class Transaction(Body):
    """A movement of money."""

    kind: Text = None
    status: Text = None
    amount: Money = None


class Refund(Body):
    """A refund within an order."""

    refund_line_items: list[RefundLine] | None = None
    transactions: list[Transaction] | None = None


class ParcelLine(Body):
    """A line within a fulfillment."""

    requires_shipping: bool | None = None


class Fulfillment(Body):
    """A shipment, within an order or on its own."""

    id: Id
    order_id: Text = None
    status: Text = None
    shipment_status: Text = None
    tracking_company: Text = None
    tracking_number: Text = None
    tracking_numbers: Part[list[Part[str]]] = None
    tracking_url: Text = None
    tracking_urls: Part[list[Part[str]]] = None
    line_items: list[ParcelLine] | None = None


class FulfillmentEvent(Body):
    """What a carrier reports about a shipment."""

    fulfillment_id: Id
    order_id: Id
    status: Text = None


class DiscountCode(Body):
    """A code that the shopper entered."""

    code: Text = None


class Order(Body):
    """The Order resource."""

    id: Id
    name: Text = None
    order_number: Text = None
    created_at: Moment
    updated_at: OptionalMoment = None
    cancelled_at: OptionalMoment = None
    cancel_reason: Text = None
    financial_status: Text = None
    fulfillment_status: Text = None
    currency: Text = None
    presentment_currency: Text = None
    taxes_included: bool | None = None
    total_price: Amount
    current_total_price: Money = None
    total_discounts: Money = None
    current_total_discounts: Money = None
    total_tax: Money = None
    current_total_tax: Money = None
    email: Text = None
    contact_email: Text = None
    phone: Text = None
    customer: Part[Customer] = None
    billing_address: Part[Addressee] = None
    shipping_address: Part[Address] = None
    line_items: list[Line] | None = None
    shipping_lines: list[ShippingLine] | None = None
    fulfillments: list[Fulfillment] | None = None
    refunds: list[Refund] | None = None
    discount_codes: list[DiscountCode] | None = None
    payment_gateway_names: Part[list[Part[str]]] = None
    order_status_url: Text = None
    note: Text = None
    source_name: Text = None
    location_id: Text = None
    cart_token: Text = None
    checkout_token: Text = None
    test: bool | None = None


class Priced(Body):
    """An order's total in the shop's currency. It is read only if the order names no currency."""

    total_price_set: Part[MoneySet] = None


class Cart(Body):
    """The Cart resource. It names no person."""

    token: Text = None
    id: Text = None
    created_at: Part[Moment] = None
    updated_at: OptionalMoment = None
    line_items: list[CartLine] | None = None
    currency: Text = None


class Checkout(Cart):
    """The Checkout resource."""

    cart_token: Text = None
    completed_at: OptionalMoment = None
    presentment_currency: Text = None
    email: Text = None
    phone: Text = None
    sms_marketing_phone: Text = None
    customer: Part[Customer] = None
    billing_address: Part[Addressee] = None
    abandoned_checkout_url: Text = None


class CustomerAlone(Customer):
    """The Customer resource."""

    id: Id
    created_at: OptionalMoment = None
    updated_at: OptionalMoment = None


class Named(Body):
    """A body with nothing but the id of its entity."""

    id: Id


class OfOrder(Body):
    """A body about an order (refunds/create)."""

    order_id: Id


class OrderEdit(Body):
    """orders/edited: the edit, not the order."""

    order_edit: OfOrder


class OfShop(Body):
    """A body that names its shop (the privacy topics)."""

    shop_domain: Text = None


class Redaction(Body):
    """customers/redact and customers/data_request."""

    customer: CustomerAlone
    orders_to_redact: list[Id] | None = None
