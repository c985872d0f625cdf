"""The answers of BigCommerce's API, as far as shopwire reads them. Types only: the other modules know their meaning.

Sources: the references of its API ("Orders V2", "Orders V3", "Carts V3", "Customers V3", "Subscribers V3"). V2 answers
with the resource itself, or a list of them; its amounts are text, and its dates those of RFC 2822. V3 puts the resource
into `data`; its amounts are numbers, and its dates ISO 8601.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shopwire.models.base import Amount, Id, Moment
from shopwire.platforms.parts import Body, Code, MoneyOrEmpty, Part, Parts

Text = str | None
Number = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
"""The number of a status or a kind."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# "Tue, 05 Mar 2019 21:40:11 +0000". The module `email` would take longer to import than all others here.
_rfc_2822 = re.compile(
    r"(?:[A-Za-z]{3},\s*)?(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})\s+(\d\d):(\d\d)(?::(\d\d))?\s+(?:([+-])(\d\d)(\d\d)|GMT|UT)"
).fullmatch
_is_without_offset = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?").fullmatch


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = _rfc_2822(value.strip())
    if not found:
        return _with_offset(value.strip()) or None
    day, month, year, hour, minute, second, sign, hours, minutes = found.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    try:
        return datetime(
            int(year),
            _MONTHS.index(month.lower()) + 1,
            int(day),
            int(hour),
            int(minute),
            int(second or 0),
            tzinfo=timezone(offset) if offset else UTC,
        )
    except ValueError:
        raise PydanticCustomError("no_date", "not a date of RFC 2822") from None


def _with_offset(value: Any) -> Any:
    # "This date time is always in UTC in the api response" ("Orders V2").
    return f"{value}Z" if isinstance(value, str) and _is_without_offset(value) else value


ApiMoment = Annotated[Moment, BeforeValidator(_with_offset)]
"""A date of ISO 8601, as V3 writes it. One without an offset is in UTC."""

V2Moment = Annotated[Moment, BeforeValidator(_moment)]
"""A date of RFC 2822, as V2 writes it. One of ISO 8601 is read too."""


class _Body(Body, defer_build=True):
    """Part of an answer. What is not used in a process is not built, which takes a millisecond for each of them."""


class Address(_Body):
    """A billing or shipping address of an order."""

    # Each field may be odd by itself, so that an odd state does not cost the e-mail address beside it.
    first_name: Part[str] = None
    last_name: Part[str] = None
    street_1: Part[str] = None
    street_2: Part[str] = None
    city: Part[str] = None
    state: Part[str] = None
    zip: Part[str] = None
    country: Part[str] = None
    country_iso2: Part[str] = None
    phone: Part[str] = None
    email: Part[str] = None


class ShippingConsignment(Address):
    """What goes to one shipping address."""

    shipping_method: Part[str] = None


class PickupConsignment(_Body):
    """What the buyer collects."""

    pickup_method_display_name: Part[str] = None


class Consignments(_Body):
    """How an order reaches the buyer."""

    shipping: Parts[ShippingConsignment] = None
    pickups: Parts[PickupConsignment] = None


class Fee(_Body):
    """A charge beside the products."""

    cost_ex_tax: MoneyOrEmpty = None
    cost_inc_tax: MoneyOrEmpty = None


class Order(_Body):
    """An order. If its prices include tax, `*_inc_tax` are the real amounts, otherwise `*_ex_tax` are."""

    id: Id
    status_id: Number
    status: Text = None
    custom_status: Part[str] = None
    date_created: V2Moment
    date_modified: V2Moment | None = None
    default_currency_code: Code = None
    currency_code: Code = None
    customer_id: Part[str] = None
    billing_address: Part[Address] = None
    consignments: Part[Consignments] = None
    shipping_address_count: Part[Number] = None
    cart_id: Part[str] = None
    is_deleted: Part[bool] = None
    is_tax_inclusive_pricing: Part[bool] = None
    total_inc_tax: Amount
    total_ex_tax: MoneyOrEmpty = None
    total_tax: MoneyOrEmpty = None
    base_shipping_cost: Part[Amount] = None
    shipping_cost_ex_tax: MoneyOrEmpty = None
    shipping_cost_inc_tax: MoneyOrEmpty = None
    handling_cost_ex_tax: MoneyOrEmpty = None
    handling_cost_inc_tax: MoneyOrEmpty = None
    wrapping_cost_ex_tax: MoneyOrEmpty = None
    wrapping_cost_inc_tax: MoneyOrEmpty = None
    fees: Parts[Fee] = None  # an object with its address, if they were not included
    coupon_discount: Part[Amount] = None
    items_shipped: Part[Amount] = None
    payment_status: Part[str] = None
    payment_method: Part[str] = None
    customer_message: Part[str] = None
    customer_locale: Part[str] = None
    external_source: Part[str] = None
    is_email_opt_in: Part[bool] = None


class AppliedDiscount(_Body):
    """The share of a discount that a line of an order has, for all of its units."""

    amount: MoneyOrEmpty = None
    code: Part[str] = None


class Product(_Body):
    """A line of an order. Its totals are before discounts."""

    id: Id
    product_id: Part[str] = None
    variant_id: Part[str] = None
    sku: Part[str] = None
    name: Text = None
    type: Part[str] = None
    base_price: Part[Amount] = None
    price_ex_tax: Part[Amount] = None
    price_inc_tax: Part[Amount] = None
    total_ex_tax: Amount
    total_inc_tax: Amount
    quantity: Amount
    quantity_shipped: Part[Amount] = None
    quantity_refunded: Part[Amount] = None
    is_refunded: Part[bool] = None
    parent_order_product_id: Part[str] = None
    applied_discounts: list[AppliedDiscount] | None = None
    discounted_total_inc_tax: MoneyOrEmpty = None


class Products(_Body):
    """A page of the lines of an order."""

    products: list[Product]


class Shipment(_Body):
    """A parcel."""

    id: Id
    tracking_number: Part[str] = None
    tracking_link: Part[str] = None
    generated_tracking_link: Part[str] = None
    shipping_provider_display_name: Part[str] = None
    shipping_provider: Part[str] = None
    tracking_carrier: Part[str] = None


class Shipments(_Body):
    """A page of the parcels of an order."""

    shipments: list[Shipment]


class Coupon(_Body):
    """A coupon of an order. `type`: 3 is off the shipping, 4 is free shipping. `discount`: what it took off."""

    code: Part[str] = None
    type: Part[Number] = None
    discount: MoneyOrEmpty = None


class Coupons(_Body):
    """The coupons of an order."""

    coupons: list[Coupon]


class RefundItem(_Body):
    """What was given back. `item_id` of a product is that of its line."""

    item_type: Part[str] = None
    item_id: Part[str] = None
    quantity: Part[Amount] = None
    requested_amount: MoneyOrEmpty = None


class RefundPayment(_Body):
    """How it was given back."""

    amount: MoneyOrEmpty = None
    is_declined: Part[bool] = None


class Refund(_Body):
    """A refund. `total_amount` contains `total_tax`."""

    id: Id
    total_amount: Amount
    total_tax: MoneyOrEmpty = None
    items: list[RefundItem] | None = None
    payments: list[RefundPayment] | None = None


class Refunds(_Body):
    """The refunds of an order."""

    data: list[Refund]


class CustomerAddress(_Body):
    """An address of a customer's address book."""

    first_name: Part[str] = None
    last_name: Part[str] = None
    address1: Part[str] = None
    address2: Part[str] = None
    city: Part[str] = None
    state_or_province: Part[str] = None
    postal_code: Part[str] = None
    country_code: Part[str] = None
    phone: Part[str] = None


class Customer(_Body):
    """An account of a customer."""

    id: Id
    email: Part[str] = None
    phone: Part[str] = None
    first_name: Part[str] = None
    last_name: Part[str] = None
    date_created: Part[ApiMoment] = None
    date_modified: ApiMoment
    addresses: Parts[CustomerAddress] = None


class Customers(_Body):
    """The customers that a filter found."""

    data: list[Customer]


class Subscriber(_Body):
    """A subscriber. `consents` says what they agreed to; empty: they did not agree, or do not any more."""

    id: Id
    email: Part[str] = None
    first_name: Part[str] = None
    last_name: Part[str] = None
    date_created: Part[ApiMoment] = None
    date_modified: Part[ApiMoment] = None
    consents: Part[list[str]] = None


class SubscriberAnswer(_Body):
    """The answer that contains a subscriber."""

    data: Subscriber


class CartLine(_Body):
    """A line of a cart. `discount_amount` contains the coupons, for all units. A custom item is in no catalogue."""

    id: Part[str] = None
    product_id: Part[str] = None
    variant_id: Part[str] = None
    sku: Part[str] = None
    name: Part[str] = None
    url: Part[str] = None
    image_url: Part[str] = None
    quantity: Amount
    list_price: Amount
    discount_amount: Part[Amount] = None


class CartGiftCertificate(_Body):
    """A gift certificate in a cart. It names people who are not the buyer."""

    id: Part[str] = None
    name: Part[str] = None
    amount: Amount


class CartLines(_Body):
    """The lines of a cart."""

    physical_items: list[CartLine] | None = None
    digital_items: list[CartLine] | None = None
    custom_items: list[CartLine] | None = None
    gift_certificates: list[CartGiftCertificate] | None = None


class CartCurrency(_Body):
    """The currency of a cart."""

    code: Part[str] = None


class Cart(_Body):
    """A cart. The e-mail address is that of the billing address, "" if there is none yet."""

    id: Id
    customer_id: Part[str] = None
    email: Part[str] = None
    currency: Part[CartCurrency] = None
    line_items: CartLines
    created_time: Part[ApiMoment] = None
    updated_time: ApiMoment
    locale: Part[str] = None


class CartAnswer(_Body):
    """The answer that contains a cart."""

    data: Cart
