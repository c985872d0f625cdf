"""The bodies of WooCommerce's webhooks, as far as shopwire reads them. Types only: see `woocommerce` for the meaning.

From WooCommerce's REST API reference (wp-api-v3) and what running shops send.
"""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AliasChoices, Field, GetCoreSchemaHandler, GetPydanticSchema
from pydantic_core import CoreSchema, core_schema

from shopwire.models.base import Amount, Id
from shopwire.platforms.base import Body

T = TypeVar("T")
Text = str | None
Money = Amount | Literal[""] | None
"""An amount that may be missing. One that is none is never guessed to be 0: a refund that is overlooked is a wrong
total."""


def _missing_if_odd(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    return core_schema.with_default_schema(handler(source), default=None, on_error="default")


Part = Annotated[T | None, GetPydanticSchema(_missing_if_odd)]
"""PHP writes an empty object as [], plugins write what they like: a part of another shape counts as missing."""


class Billing(Body):
    """Billing or shipping data of an order or customer."""

    # Each for itself: an odd state must not cost the person beside it.
    first_name: Part[str] = None
    last_name: Part[str] = None
    email: Part[str] = None
    phone: Part[str] = None
    address_1: Part[str] = None
    address_2: Part[str] = None
    city: Part[str] = None
    state: Part[str] = None
    postcode: Part[str] = None
    country: Part[str] = None


class Image(Body):
    """A product's picture."""

    src: Text = None


class Line(Body):
    """A line of an order. `total` is after discounts and without tax, `total_tax` is its tax."""

    name: Text = None
    product_id: Text = None
    variation_id: Text = None
    sku: Text = None
    quantity: Amount
    total: Amount
    total_tax: Money = None
    image: Part[Image] = None


class Fee(Body):
    """What is charged beside the products; a plugin's discount is a negative one."""

    name: Text = None
    total: Money = None
    total_tax: Money = None


class Shipping(Body):
    """How it is sent."""

    method_title: Text = None


class Coupon(Body):
    """A coupon that was used."""

    code: Text = None


class Refund(Body):
    """A refund: its `total` is negative, and says nothing of items."""

    total: Money = None


class Meta(Body):
    """What plugins keep beside an order."""

    key: Part[str] = None
    value: Any = None


class Order(Body):
    """The order resource.

    The second names are those of the legacy API (WooCommerce API v1 to v3), where the order stands under "order".
    """

    id: Id
    number: Text = Field(None, validation_alias=AliasChoices("number", "order_number"))
    status: Text = None
    currency: Text = None
    created_via: Text = None
    prices_include_tax: bool | None = None
    date_created: datetime | None = Field(None, validation_alias=AliasChoices("date_created", "created_at"))
    date_created_gmt: datetime | None = None
    date_modified: datetime | None = Field(None, validation_alias=AliasChoices("date_modified", "updated_at"))
    date_modified_gmt: datetime | None = None
    total: Amount
    total_tax: Money = None
    discount_total: Money = Field(None, validation_alias=AliasChoices("discount_total", "total_discount"))
    discount_tax: Money = None
    shipping_total: Money = Field(None, validation_alias=AliasChoices("shipping_total", "total_shipping"))
    shipping_tax: Money = None
    customer_id: Text = None
    customer_note: Text = Field(None, validation_alias=AliasChoices("customer_note", "note"))
    billing: Part[Billing] = Field(None, validation_alias=AliasChoices("billing", "billing_address"))
    shipping: Part[Billing] = Field(None, validation_alias=AliasChoices("shipping", "shipping_address"))
    payment_method_title: Text = None
    payment_url: Text = None
    line_items: list[Line] | None = None
    fee_lines: list[Fee] | None = None
    shipping_lines: Part[list[Shipping]] = None
    coupon_lines: Part[list[Coupon]] = None
    refunds: list[Refund] | None = None
    meta_data: Part[list[Meta]] = None


class LegacyOrder(Body):
    """The legacy API's envelope."""

    order: Order


class Customer(Body):
    """The customer resource."""

    id: Id
    email: Text = None
    role: Text = None
    first_name: Text = None
    last_name: Text = None
    date_created: datetime | None = None
    date_created_gmt: datetime | None = None
    date_modified: datetime | None = None
    date_modified_gmt: datetime | None = None
    billing: Part[Billing] = None


class Named(Body):
    """A body that says no more than which."""

    id: Id


class Error(Body):
    """Signed like any other body: the webhook's owner may not see the resource, or it is gone (woocommerce#26926)."""

    code: str
    message: Text = None
    id: None = None
