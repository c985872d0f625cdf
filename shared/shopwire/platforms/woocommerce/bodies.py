"""The bodies of WooCommerce's webhooks, as far as shopwire reads them. Types only: `orders` knows their meaning.

Sources: WooCommerce's REST API reference (wp-api-v3), and what running shops send.
"""

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from shopwire.models.base import Amount, Id
from shopwire.platforms.parts import Absent, Body, Code, ExactBody, MoneyOrEmpty, Part, Parts
from shopwire.platforms.repair import OTHER_RESOURCE

Text = str | None


_RESOURCE = re.compile(r"/wc/v\d+/(?:[\w-]+/\d+/)*([\w-]+)/\d+/?(?:[?&#]|$)")


def _is_one_of(resource: str) -> BeforeValidator:
    def check(given: Any) -> None:
        match given:
            case {"self": [{"href": str(href)}, *_]}:
                found = _RESOURCE.search(href)
                if found and found[1] != resource:
                    raise PydanticCustomError(OTHER_RESOURCE, "the address of another resource")

    return BeforeValidator(check)


# `_links.self` says which resource a body is (".../wp-json/wc/v3/orders/1"). The topic is not signed, so a captured
# body may come under any topic. Bodies of the legacy API and of `*.deleted` have no links.
OrderLinks = Annotated[None, _is_one_of("orders")]
CustomerLinks = Annotated[None, _is_one_of("customers")]


class Address(Body):
    """The billing or shipping address of an order or customer."""

    # Each field may be odd by itself, so that an odd state does not cost the e-mail address beside it.
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
    """A product's image."""

    src: Text = None


class Line(Body):
    """A line of an order. `total` is after discounts and without tax, `total_tax` is its tax; `subtotal` is before."""

    name: Text = None
    product_id: Text = None
    variation_id: Text = None
    sku: Text = None
    quantity: Amount
    total: Amount
    total_tax: MoneyOrEmpty = None
    subtotal: Part[Amount] = None
    subtotal_tax: Part[Amount] = None
    image: Part[Image] = None


class Fee(Body):
    """A charge beside the products. The discount of a plugin is a negative fee."""

    name: Text = None
    total: MoneyOrEmpty = None
    total_tax: MoneyOrEmpty = None


class Shipping(Body):
    """A shipping method."""

    method_title: Text = None


class Coupon(Body):
    """A coupon that the buyer used."""

    code: Text = None


class Refund(Body):
    """A refund. Its `total` is negative; it does not name the items."""

    id: Part[str] = None
    total: MoneyOrEmpty = None


class Meta(Body):
    """Data that a plugin stores with an order."""

    key: Part[str] = None
    value: Any = None


class Order(Body):
    """The order resource.

    The second names are those of the legacy API (WooCommerce API v1 to v3), whose bodies hold the order under "order".
    """

    id: Id
    links: OrderLinks = Field(None, validation_alias="_links")
    number: Text = Field(None, validation_alias=AliasChoices("number", "order_number"))
    status: Text = None
    currency: Code = None
    created_via: Text = None
    prices_include_tax: bool | None = None
    date_created: datetime | None = Field(None, validation_alias=AliasChoices("date_created", "created_at"))
    date_created_gmt: datetime | None = None
    date_modified: datetime | None = Field(None, validation_alias=AliasChoices("date_modified", "updated_at"))
    date_modified_gmt: datetime | None = None
    total: Amount
    total_tax: MoneyOrEmpty = None
    discount_total: MoneyOrEmpty = Field(None, validation_alias=AliasChoices("discount_total", "total_discount"))
    discount_tax: MoneyOrEmpty = None
    shipping_total: MoneyOrEmpty = Field(None, validation_alias=AliasChoices("shipping_total", "total_shipping"))
    shipping_tax: MoneyOrEmpty = None
    parent_id: Part[str] = None
    date_paid: Part[datetime] = None
    date_paid_gmt: Part[datetime] = None
    customer_id: Text = None
    customer_note: Text = Field(None, validation_alias=AliasChoices("customer_note", "note"))
    billing: Part[Address] = Field(None, validation_alias=AliasChoices("billing", "billing_address"))
    shipping: Part[Address] = Field(None, validation_alias=AliasChoices("shipping", "shipping_address"))
    payment_method_title: Text = None
    payment_url: Text = None
    line_items: list[Line] | None = None
    fee_lines: list[Fee] | None = None
    shipping_lines: Parts[Shipping] = None
    coupon_lines: Parts[Coupon] = None
    refunds: list[Refund] | None = None
    meta_data: Parts[Meta] = None
    lang: Part[str] = None


class LegacyOrder(Body):
    """The legacy API's envelope."""

    order: Order


class Customer(Body):
    """The customer resource."""

    id: Id
    links: CustomerLinks = Field(None, validation_alias="_links")
    line_items: Absent = None  # an order
    email: Text = None
    role: Text = None
    first_name: Text = None
    last_name: Text = None
    date_created: datetime | None = None
    date_created_gmt: datetime | None = None
    date_modified: datetime | None = None
    date_modified_gmt: datetime | None = None
    billing: Part[Address] = None
    shipping: Part[Address] = None
    meta_data: Parts[Meta] = None
    lang: Part[str] = None


class Named(Body):
    """A body that names its entity."""

    id: Id


class Deleted(ExactBody):
    """The body of each `*.deleted` topic: nothing but the id (`build_payload()` in class-wc-webhook.php)."""

    id: Id


class Error(Body):
    """An error in place of the resource, signed like any body: the webhook's owner may not see the resource, or it is
    gone (woocommerce#26926)."""

    code: str
    message: Text = None
    id: None = None
