"""The bodies of Shopify's webhooks, as far as shopwire reads them. Types only: `orders` knows their meaning.

Sources: Shopify's REST reference (Order, Fulfillment, FulfillmentEvent, Checkout, Cart, Customer) and its webhook topic
reference.
"""

from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shopwire.models.base import Amount, Id, Moment
from shopwire.platforms.parts import Absent, Body, Code, ExactBody, Part, Parts
from shopwire.platforms.repair import OTHER_RESOURCE

Text = str | None


def _is_a(*resources: str) -> BeforeValidator:
    own = tuple(f"gid://shopify/{resource}/" for resource in resources)

    def check(given: Any) -> None:
        if isinstance(given, str) and given.startswith("gid://") and not given.startswith(own):
            raise PydanticCustomError(OTHER_RESOURCE, "the id of another resource")

    return BeforeValidator(check)


# `admin_graphql_api_id` says which resource a body is ("gid://shopify/Order/1"). The topic is not signed, so a captured
# body may come under any topic. Bodies of carts, checkouts and privacy requests have no such id.
OrderGid = Annotated[None, _is_a("Order")]
CustomerGid = Annotated[None, _is_a("Customer")]
FulfillmentGid = Annotated[None, _is_a("Fulfillment")]
FulfillmentEventGid = Annotated[None, _is_a("FulfillmentEvent")]
RefundGid = Annotated[None, _is_a("Refund")]
CartGid = Annotated[None, _is_a("Cart", "Checkout", "AbandonedCheckout")]

Money = Amount | None
OptionalMoment = Moment | None


class Addressee(Body):
    """The person at an address."""

    # Each field may be odd by itself, so that an odd name does not cost the phone beside it.
    first_name: Part[str] = None
    last_name: Part[str] = None
    phone: Part[str] = None
    country_code: Part[str] = None


class Address(Addressee):
    """A postal address."""

    address1: Part[str] = None
    address2: Part[str] = None
    city: Part[str] = None
    province: Part[str] = None
    zip: Part[str] = None
    country: Part[str] = None


class MarketingConsent(Body):
    """Whether a customer wants marketing messages by e-mail, or by text message."""

    state: Part[str] = None
    consent_updated_at: Part[Moment] = None


class Customer(Body):
    """A customer inside an order or a checkout; `id` is missing in some of those."""

    id: Text = None
    email: Text = None
    phone: Text = None
    first_name: Text = None
    last_name: Text = None
    default_address: Part[Address] = None
    locale: Part[str] = None
    email_marketing_consent: Part[MarketingConsent] = None
    sms_marketing_consent: Part[MarketingConsent] = None
    updated_at: Part[Moment] = None


class CurrencyAmount(Body):
    """An amount and its currency."""

    amount: Money = None
    currency_code: Code = None


class MoneySet(Body):
    """`*_set`: an amount in the shop's currency. The shopper's is not read, because each amount costs time."""

    shop_money: Part[CurrencyAmount] = None


class BothMoney(MoneySet):
    """`*_set`, also in the shopper's currency."""

    presentment_money: Part[CurrencyAmount] = None


class Allocation(Body):
    """A line's share of a discount. Some apps send only the set."""

    amount: Money = None
    amount_set: Part[MoneySet] = None


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
    tip: Part[dict[str, Any]] = None


class CartLine(Line):
    """A line of a cart or a checkout."""

    presentment_title: Text = None
    image_url: Part[str] = None
    price_set: Part[BothMoney] = None
    total_discount_set: Part[MoneySet] = None


class ShippingLine(Body):
    """A shipping method and its price."""

    title: Text = None
    phone: Part[str] = None
    price: Money = None
    discounted_price: Money = None
    discount_allocations: list[Allocation] | None = None
    current_discounted_price_set: Part[MoneySet] = None
    is_removed: bool | None = None


class RefundLine(Body):
    """How many units of a line were refunded, and what they cost. `subtotal` includes the tax if the prices do."""

    line_item_id: Text = None
    quantity: Money = None
    subtotal: Part[Amount] = None
    subtotal_set: Part[BothMoney] = None
    total_tax: Part[Amount] = None
    total_tax_set: Part[MoneySet] = None


class RefundShipping(Body):
    """Shipping that was given back (since version 2024-10)."""

    subtotal_amount_set: Part[MoneySet] = None
    tax_amount_set: Part[MoneySet] = None


class Adjustment(Body):
    """A part of a refund that is of no line. Before version 2024-10, `kind` is "shipping_refund" for shipping."""

    kind: Part[str] = None
    amount: Part[Amount] = None
    amount_set: Part[MoneySet] = None
    tax_amount: Part[Amount] = None
    tax_amount_set: Part[MoneySet] = None


class Transaction(Body):
    """A movement of money. `amount` is in `currency`, which may be the shopper's."""

    kind: Text = None
    status: Text = None
    amount: Money = None
    amount_set: Part[MoneySet] = None
    currency: Text = None


class Refund(Body):
    """A refund within an order. One without money is a line that an edit removed."""

    created_at: Part[Moment] = None
    refund_line_items: list[RefundLine] | None = None
    refund_shipping_lines: Part[list[Part[RefundShipping]]] = None
    order_adjustments: Part[list[Part[Adjustment]]] = None
    total_duties_set: Part[MoneySet] = None
    total_additional_fees_set: Part[MoneySet] = None
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


class FulfillmentAlone(Fulfillment):
    """The Fulfillment resource."""

    admin_graphql_api_id: FulfillmentGid = None


class FulfillmentEvent(Body):
    """What a carrier reports about a shipment."""

    admin_graphql_api_id: FulfillmentEventGid = None
    fulfillment_id: Id
    order_id: Id
    status: Text = None


class DiscountCode(Body):
    """A code that the shopper entered."""

    code: Text = None


class Order(Body):
    """The Order resource."""

    admin_graphql_api_id: OrderGid = None
    abandoned_checkout_url: Absent = None  # a checkout
    id: Id
    name: Text = None
    order_number: Text = None
    created_at: Moment
    processed_at: Part[Moment] = None
    updated_at: OptionalMoment = None
    cancelled_at: OptionalMoment = None
    cancel_reason: Text = None
    financial_status: Text = None
    fulfillment_status: Text = None
    currency: Code = None
    presentment_currency: Code = None
    taxes_included: bool | None = None
    total_price: Amount
    current_total_price: Money = None
    subtotal_price: Part[Amount] = None
    total_tip_received: Part[Amount] = None
    current_total_duties_set: Part[MoneySet] = None
    original_total_duties_set: Part[MoneySet] = None
    duties_included: Part[bool] = None
    current_total_additional_fees_set: Part[MoneySet] = None
    original_total_additional_fees_set: Part[MoneySet] = None
    total_discounts: Money = None
    current_total_discounts: Money = None
    total_tax: Money = None
    current_total_tax: Money = None
    email: Text = None
    contact_email: Text = None
    phone: Text = None
    customer: Part[Customer] = None
    customer_locale: Part[str] = None
    buyer_accepts_marketing: Part[bool] = None
    billing_address: Part[Address] = None
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
    """Amounts of an order that are rarely needed: if it names no currency, or if something was refunded."""

    total_price_set: Part[BothMoney] = None
    current_shipping_price_set: Part[MoneySet] = None


class Cart(Body):
    """The Cart resource. It names no person."""

    admin_graphql_api_id: CartGid = None
    financial_status: Absent = None  # an order
    token: Text = None
    created_at: Part[Moment] = None
    updated_at: OptionalMoment = None
    line_items: list[CartLine] | None = None
    currency: Code = None


class Checkout(Cart):
    """The Checkout resource."""

    cart_token: Text = None
    completed_at: OptionalMoment = None
    presentment_currency: Code = None
    email: Text = None
    phone: Text = None
    sms_marketing_phone: Text = None
    customer: Part[Customer] = None
    customer_locale: Part[str] = None
    buyer_accepts_marketing: Part[bool] = None
    buyer_accepts_sms_marketing: Part[bool] = None
    billing_address: Part[Address] = None
    shipping_address: Part[Address] = None
    shipping_lines: Parts[ShippingLine] = None
    abandoned_checkout_url: Text = None


class CustomerAlone(Customer):
    """The Customer resource."""

    id: Id
    admin_graphql_api_id: CustomerGid = None
    addresses: Parts[Addressee] = None
    created_at: OptionalMoment = None
    updated_at: OptionalMoment = None
    line_items: Absent = None  # an order, a checkout, a cart, a fulfillment
    order_id: Absent = None  # a refund, an event of a fulfillment
    myshopify_domain: Absent = None  # a shop


class EmailConsentChange(Body):
    """customers_email_marketing_consent/update."""

    customer_id: Id
    email_address: Part[str] = None
    email_marketing_consent: Part[MarketingConsent] = None
    sms_marketing_consent: Absent = None  # the other topic of consent
    line_items: Absent = None  # an order, a checkout, a cart, a fulfillment


class SmsConsentChange(Body):
    """customers_marketing_consent/update. Its `id` is the customer's."""

    customer_id: Id = Field(validation_alias=AliasChoices("customer_id", "id"))
    phone: Part[str] = None
    sms_marketing_consent: Part[MarketingConsent] = None
    email_marketing_consent: Absent = None  # the other topic of consent
    created_at: Absent = None  # any other resource
    line_items: Absent = None  # an order, a checkout, a cart, a fulfillment


class DeletedOrder(ExactBody):
    """orders/delete."""

    id: Id


class DeletedCustomer(ExactBody):
    """customers/delete: the example of Shopify's topic reference, and the longer one of versions before 2025-01."""

    id: Id
    tax_exemptions: list[None]
    admin_graphql_api_id: CustomerGid
    phone: None = None
    addresses: list[None] | None = None
    accepts_marketing: bool | None = None
    accepts_marketing_updated_at: None = None
    marketing_opt_in_level: None = None
    email_marketing_consent: None = None
    sms_marketing_consent: None = None


class OfOrder(Body):
    """A part that names its order."""

    order_id: Id


class RefundAlone(OfOrder):
    """The Refund resource."""

    admin_graphql_api_id: RefundGid = None


class OrderEdit(Body):
    """orders/edited: the edit, not the order."""

    order_edit: OfOrder


class OfShop(Body):
    """A body that names its shop (the privacy topics)."""

    shop_domain: Text = None


class ShopRedaction(ExactBody):
    """shop/redact."""

    shop_id: Id
    shop_domain: Id


class RedactedCustomer(ExactBody):
    """The customer of customers/redact. A guest has no id."""

    id: Id | None = None
    email: Text = None
    phone: Text = None


class Redaction(ExactBody):
    """customers/redact."""

    shop_id: Id
    shop_domain: Id
    customer: RedactedCustomer
    orders_to_redact: list[Id]
