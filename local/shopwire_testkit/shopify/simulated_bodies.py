"""A simulated Shopify order, with its amounts, its progress and its JSON.

The bodies follow the platform's documented order resource, with the fields that shopwire reads and some that it does
not.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from shopwire_testkit.announcements import PersonConsent
from shopwire_testkit.customers import Customer
from shopwire_testkit.durations import DAY, HOUR
from shopwire_testkit.shop_data import Product, money
from shopwire_testkit.story_recorder import StoryRecorder


def encode_json(body: Any) -> bytes:
    """Return JSON as Shopify writes it, with slashes and ampersands escaped and other characters as they are."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.replace("/", "\\/").replace("&", "\\u0026").encode()


GATEWAY, SHIPPING_TITLE, LOCATION = "bogus", "Самовивіз", 655441491
TOWN, REGION, POSTCODE = "Вигадгород", "Вигадська область", "00001"
SHIPPING_TOWN = "Нововигадськ"
_LOCALES = ("uk-UA", "uk", "en_US", None)
_ACCEPTS_MARKETING_EVERY = 3
"""One of 3 guests ticks the box for marketing messages."""


def consent_body(consent: PersonConsent, local_time: Callable[[int], str]) -> dict[str, Any]:
    """Return the JSON of a consent. A customer who never subscribed has no time of it."""
    word = "subscribed" if consent.subscribed else "unsubscribed" if consent.at else "not_subscribed"
    at = local_time(consent.at) if consent.at else None
    return {"state": word, "opt_in_level": "single_opt_in", "consent_updated_at": at}


def address_line(address: Mapping[str, Any]) -> str:
    """Return a postal address in one line."""
    return ", ".join((address["address1"], address["city"], address["province"], address["zip"]))


def postal_address(customer: Customer, phone: str | None) -> dict[str, Any]:
    """Return the JSON of a postal address."""
    return {
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "name": f"{customer.first_name} {customer.last_name}",
        "address1": customer.street,
        "city": TOWN,
        "province": REGION,
        "zip": POSTCODE,
        "country_code": "UA",
        "phone": phone,
        "company": None,
    }


@dataclass(slots=True)
class OrderLine:
    """An order line. Amounts are in hundredths.

    `discount` is for the whole `quantity`. `tax` is for one unit and comes on top of its price. `left` is the quantity
    that was not removed or refunded.
    """

    id: int
    product: Product
    quantity: int
    left: int
    discount: int = 0
    tax: int = 0
    shipped: int = 0

    @property
    def unit_cost(self) -> Fraction:
        return self.product.price - Fraction(self.discount, self.quantity)

    def cost(self, units: int) -> int:
        return int(self.unit_cost * units) + self.tax * units

    @property
    def to_ship(self) -> int:
        return max(self.left - self.shipped, 0)

    @property
    def is_divisible(self) -> bool:
        """Whether a part of the line costs whole hundredths."""
        return self.discount % self.quantity == 0


@dataclass(slots=True)
class SimulatedParcel:
    """Lines that are shipped together. `delivered` is True if the order's own body says that the parcel arrived."""

    id: int
    lines: list[tuple[OrderLine, int]]
    number: str
    carrier: str
    delivered: bool = False

    @property
    def url(self) -> str:
        return f"https://track.example/p?n={self.number}&l=uk"


@dataclass(slots=True)
class SimulatedRefund:
    """A refund, for some lines or for none. `at` is the time as the platform writes it.

    One without an amount is of lines that an edit removed.
    """

    id: int
    at: str
    amount: int
    lines: list[tuple[OrderLine, int]] = field(default_factory=list)


class SimulatedOrder:
    """One order.

    Args:
        products: what the customer buys. Empty: products that are chosen here.
        token: token of the cart from which the order is made. None: it is made without a cart.
    """

    def __init__(
        self,
        recorder: StoryRecorder,
        customer: Customer,
        products: Sequence[tuple[Product, int]],
        token: str | None,
        *,
        guest: bool,
    ) -> None:
        rng = recorder.rng
        self.recorder = recorder
        self.rng = rng
        self.shop = recorder.shop
        self.settings = recorder.shop.settings
        self.id = recorder.shop.next_order_id()
        self.token = token
        # Some orders were made long before their webhook, and some (sold over a counter) have no contact.
        old = token is None and recorder.chance(0.02)
        self.created_at = recorder.second - (rng.randrange(35, 60) * DAY if old else 0)
        # A sale that was made without a connection is older than its order.
        self.sold_at = self.created_at - (HOUR if self.id % 5 == 0 else 0)
        self.too_old = old and bool(self.settings.old_order_days)
        self.test = token is None and recorder.chance(0.03)
        self.anonymous = token is None and recorder.chance(0.03)
        # A guest says it only by the box of the order, and so does a customer of a newer version of the platform's API.
        nested = None if guest or not customer.shows_consent else customer.consent
        # Shopify finds a guest's customer by the address, so a ticked box is the customer's consent too.
        if customer.consent is None:
            self.accepts_marketing = self.id % _ACCEPTS_MARKETING_EVERY == 0
        else:
            self.accepts_marketing = customer.consent.subscribed
        ticked = PersonConsent(subscribed=True, at=self.created_at)
        box = ticked if self.accepts_marketing else PersonConsent(subscribed=False, is_implied=True)
        self.person = replace(customer.person(guest=guest), consent=nested or box)
        self.customer = None if guest else _customer_body(customer)
        if self.customer and nested:
            self.customer["email_marketing_consent"] = consent_body(nested, self.shop.local_time)
        self.contact_fields = self._contact_fields(customer)
        self.tax_included = recorder.chance(0.5)
        self.shipping = rng.choice((0, 0, 49, 150)) * 100
        self.coupon: str | None = None
        self.lines = [self.new_line(product, quantity) for product, quantity in products or self.choose_products()]
        self._apply_discount()
        self.parcels: list[SimulatedParcel] = []
        self.refunds: list[SimulatedRefund] = []
        self.refunded_without_lines = 0
        self.total_before = 0
        """What it cost before everything was refunded."""
        self.financial_status = rng.choice(("pending", "pending", "authorized", "paid", "paid", "partially_paid"))
        self.cancelled_at: int | None = None
        self.cancel_reason: str | None = None
        self.long_note = ""
        """What the customer wrote, if it is much. Every later note is written below it."""
        self.note: str | None = None
        self.short_note: str | None = None
        """The note as people read it, unless it is long."""

    @property
    def entity(self) -> str:
        return f"order {self.id}"

    @property
    def is_closed(self) -> bool:
        return self.cancelled_at is not None or self.financial_status in ("refunded", "voided")

    @property
    def wholly_shipped(self) -> bool:
        return bool(self.parcels) and not any(line.to_ship for line in self.lines)

    @property
    def is_delivered(self) -> bool:
        return self.wholly_shipped and all(parcel.delivered for parcel in self.parcels)

    @property
    def total(self) -> int:
        return sum(line.cost(line.quantity) for line in self.lines) + self.shipping

    @property
    def current_total(self) -> int:
        if not any(line.left for line in self.lines):
            return 0
        return sum(line.cost(line.left) for line in self.lines) + self.shipping - self.refunded_without_lines

    @property
    def current_discount(self) -> int:
        return sum(line.discount * line.left // line.quantity for line in self.lines)

    @property
    def coupons(self) -> list[str]:
        """The codes of the order. A second one takes nothing off, as a code for free shipping does."""
        return [self.coupon, *(["SHIP/0"] if self.id % 3 == 0 else [])] if self.coupon else []

    @property
    def status_url(self) -> str:
        return f"https://sim.example/orders/{self.id}/authenticate?key=k&l=uk"

    @property
    def fulfillment_status(self) -> str | None:
        return "fulfilled" if self.wholly_shipped else "partial" if self.parcels else None

    def status_words(self) -> list[str]:
        """Return the platform's own words for the order's status."""
        words = ("cancelled" if self.cancelled_at else None, self.financial_status, self.fulfillment_status)
        return [word for word in words if word]

    def api_status(self) -> str:
        """Return the status that the API must have."""
        if self.is_closed:
            return "CANCELLED"
        if self.is_delivered or (self.wholly_shipped and self.settings.shipped_is_delivered):
            return "DELIVERED"
        unpaid = self.financial_status in ("pending", "authorized")
        return "INITIALIZED" if unpaid and not self.parcels else "IN_PROGRESS"

    def rank(self) -> int:
        """Return the rank: 0 created, 1 paid, 2 partly shipped, 3 shipped, 4 delivered, 5 cancelled or refunded."""
        if self.is_closed:
            return 5
        if self.parcels:
            return 4 if self.api_status() == "DELIVERED" else 3 if self.wholly_shipped else 2
        return 0 if self.financial_status in ("pending", "authorized") else 1

    def choose_products(self) -> list[tuple[Product, int]]:
        """Return some products and their quantities, sometimes with a custom line."""
        products = self.rng.sample(self.shop.products, self.rng.randrange(1, 4))
        chosen = [(product, self.rng.randrange(1, 5)) for product in products]
        if self.recorder.chance(0.06):
            price = self.rng.randrange(1, 500) * 100
            chosen.append((Product(None, None, None, f"Gift wrap {price}", price), 1))
        return chosen

    def new_line(self, product: Product, quantity: int) -> OrderLine:
        """Return a line for the order. It is not yet part of the order."""
        step = self.shop.price_step
        tax = 0 if self.tax_included else product.price // 5 // step * step
        return OrderLine(next(self.shop.other_ids), product, quantity, quantity, tax=tax)

    def _apply_discount(self) -> None:
        if not self.recorder.chance(0.35):
            return
        step = self.shop.price_step
        self.coupon = self.rng.choice(("SPRING10", "ЗНИЖКА", "TEN/10&UP"))
        for line in self.lines:
            line.discount = line.product.price // 10 // step * step * line.quantity
            if self.recorder.chance(0.2):
                line.discount += step  # this discount cannot be divided evenly between the units

    # -- bodies

    def _contact_fields(self, customer: Customer) -> dict[str, Any]:
        """Return the fields that name the customer, as they were typed when the order was made."""
        phone = customer.typed_phone(self.rng, self.settings.region)
        top_level = self.recorder.chance(0.5)
        email = customer.typed_email(self.rng)
        return {
            "email": email or "",
            "contact_email": email,
            "phone": phone if top_level else None,
            "billing_address": postal_address(customer, None if top_level else phone),
            "shipping_address": (postal_address(customer, None) | {"city": SHIPPING_TOWN})
            if self.recorder.chance(0.7)
            else None,
        }

    def body(self) -> dict[str, Any]:
        """Return the order's JSON as it is now."""
        shop, local_time = self.shop, self.shop.local_time
        tax = sum(line.tax * line.quantity for line in self.lines)
        discount = sum(line.discount for line in self.lines)
        no_contact = {
            "email": "",
            "contact_email": None,
            "phone": None,
            "billing_address": None,
            "shipping_address": None,
        }
        return {
            "id": self.id,
            "admin_graphql_api_id": f"gid://shopify/Order/{self.id}",
            "name": f"#{self.id}",
            "order_number": self.id,
            "created_at": local_time(self.created_at),
            "processed_at": local_time(self.sold_at),
            "updated_at": local_time(self.recorder.now),
            "cancelled_at": local_time(self.cancelled_at) if self.cancelled_at else None,
            "cancel_reason": self.cancel_reason,
            "closed_at": None,
            "test": self.test,
            "currency": shop.currency,
            "presentment_currency": shop.currency,
            "taxes_included": self.tax_included,
            "financial_status": self.financial_status,
            "fulfillment_status": self.fulfillment_status,
            "customer": None if self.anonymous else self.customer,
            "customer_locale": _LOCALES[self.id % len(_LOCALES)],
            "buyer_accepts_marketing": self.accepts_marketing,
            "cart_token": self.token,
            "checkout_token": "c0ffee" if self.token else None,
            "total_price": money(self.total),
            "current_total_price": money(self.current_total),
            "total_line_items_price": money(sum(line.product.price * line.quantity for line in self.lines)),
            "total_discounts": money(discount),
            "current_total_discounts": money(self.current_discount),
            "total_tax": money(tax),
            "current_total_tax": money(sum(line.tax * line.left for line in self.lines)),
            "total_shipping_price_set": {
                "shop_money": {"amount": money(self.shipping), "currency_code": shop.currency}
            },
            "discount_codes": [
                {"code": code, "amount": money(0 if n else discount), "type": "percentage"}
                for n, code in enumerate(self.coupons)
            ],
            "line_items": [_line_body(line) for line in self.lines],
            "shipping_lines": [{"title": SHIPPING_TITLE, "price": money(self.shipping), "code": "std"}]
            if self.shipping
            else [],
            "fulfillments": [self.parcel_body(parcel) for parcel in self.parcels],
            "refunds": [self.refund_body(refund) for refund in self.refunds],
            "note": self.note,
            "note_attributes": [],
            "tags": "",
            "payment_gateway_names": [GATEWAY],
            "source_name": "web",
            "location_id": LOCATION,
            "order_status_url": self.status_url,
        } | (no_contact if self.anonymous else self.contact_fields)

    def parcel_body(self, parcel: SimulatedParcel) -> dict[str, Any]:
        """Return the JSON of a fulfillment."""
        return {
            "id": parcel.id,
            "order_id": self.id,
            "name": f"#{self.id}.1",
            "status": "success",
            "service": "manual",
            "created_at": self.shop.local_time(self.created_at),
            "updated_at": self.shop.local_time(self.recorder.now),
            "shipment_status": "delivered" if parcel.delivered else None,
            "tracking_company": parcel.carrier,
            "tracking_number": parcel.number,
            "tracking_numbers": [parcel.number],
            "tracking_url": parcel.url,
            "tracking_urls": [parcel.url],
            "line_items": [
                {"id": line.id, "variant_id": line.product.variant, "quantity": quantity}
                for line, quantity in parcel.lines
            ],
        }

    def refund_body(self, refund: SimulatedRefund) -> dict[str, Any]:
        """Return the JSON of a refund."""
        lines = [
            {
                "line_item_id": line.id,
                "quantity": quantity,
                "subtotal": money(int(line.unit_cost * quantity)),
                "total_tax": money(line.tax * quantity),
            }
            for line, quantity in refund.lines
        ]
        return {
            "id": refund.id,
            "order_id": self.id,
            "created_at": refund.at,
            "processed_at": refund.at,
            "note": None,
            "refund_line_items": lines,
            "order_adjustments": [],
            "transactions": [
                {"id": refund.id + 1, "kind": "refund", "status": "success", "amount": money(refund.amount)}
            ]
            if refund.amount
            else [],
        }


def _customer_body(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "email": customer.email,
        "phone": f"+{customer.phone}" if customer.phone else None,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "state": "enabled",
        "tags": "",
    }


def _line_body(line: OrderLine) -> dict[str, Any]:
    product = line.product
    return {
        "id": line.id,
        "product_id": product.product,
        "variant_id": product.variant,
        "sku": product.sku,
        "title": product.title,
        "name": product.title,
        "variant_title": None,
        "quantity": line.quantity,
        "current_quantity": line.left,
        "fulfillable_quantity": line.to_ship,
        "fulfillment_status": "fulfilled" if line.shipped and not line.to_ship else "partial" if line.shipped else None,
        "price": money(product.price),
        "total_discount": "0.00",
        "discount_allocations": [{"amount": money(line.discount), "discount_application_index": 0}]
        if line.discount
        else [],
        "tax_lines": [{"title": "VAT", "rate": 0.2, "price": money(line.tax * line.quantity)}] if line.tax else [],
        "gift_card": False,
        "requires_shipping": True,
        "product_exists": product.product is not None,
    }
