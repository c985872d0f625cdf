"""A simulated Shopify order as it stands: what it costs, how far it has come, and how the platform writes it.

Bodies follow the platform's documented order resource, with the fields that matter and a few that don't.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from shopwire_testkit.inventing import HOUR, Customer, Good, Pen, money

_DAY = 24 * HOUR


def dump(body: Any) -> bytes:
    """JSON as Shopify writes it: slashes and ampersands escaped, other letters as they are."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.replace("/", "\\/").replace("&", "\\u0026").encode()


def postal(one: Customer, phone: str | None) -> dict[str, Any]:
    """A postal address."""
    return {
        "first_name": one.first_name,
        "last_name": one.last_name,
        "name": f"{one.first_name} {one.last_name}",
        "address1": one.street,
        "city": "Вигадгород",
        "zip": "00001",
        "country_code": "UA",
        "phone": phone,
        "company": None,
    }


@dataclass(slots=True)
class Line:
    """Amounts in hundredths; `discount` is for the whole `quantity`, `tax` comes on top of one unit."""

    id: int
    good: Good
    quantity: int
    left: int
    discount: int = 0
    tax: int = 0
    shipped: int = 0

    @property
    def cost(self) -> Fraction:
        return self.good.price - Fraction(self.discount, self.quantity)

    def worth(self, units: int) -> int:
        return int(self.cost * units) + self.tax * units

    @property
    def to_ship(self) -> int:
        return max(self.left - self.shipped, 0)

    @property
    def divisible(self) -> bool:
        """Whether a part of it costs whole hundredths."""
        return self.discount % self.quantity == 0


@dataclass(slots=True)
class Parcel:
    """What was sent together. `delivered`: the order's own body says that it has arrived."""

    id: int
    lines: list[tuple[Line, int]]
    number: str
    carrier: str
    delivered: bool = False

    @property
    def url(self) -> str:
        return f"https://track.example/p?n={self.number}&l=uk"


@dataclass(slots=True)
class Refund:
    """Money given back, for some lines or for none. `at` as the platform writes it."""

    id: int
    at: str
    amount: int
    lines: list[tuple[Line, int]] = field(default_factory=list)


class Order:
    """One order. `goods` in it may come from a cart; `token` is that cart's."""

    def __init__(
        self, pen: Pen, customer: Customer, goods: Sequence[tuple[Good, int]], token: str | None, *, guest: bool
    ) -> None:
        rng = pen.rng
        self.pen = pen
        self.rng = rng
        self.market = pen.market
        self.shop = pen.market.shop
        self.id = pen.market.new_order()
        self.token = token
        # Now and then an order comes to us long after it was made, or belongs to nobody (sold over a counter).
        old = token is None and pen.chance(0.02)
        self.created_at = pen.second - (rng.randrange(35, 60) * _DAY if old else 0)
        self.too_old = old and bool(self.shop.old_order_days)
        self.test = token is None and pen.chance(0.03)
        self.anonymous = token is None and pen.chance(0.03)
        self.person = customer.person(guest=guest)
        self.customer = self._customer(customer, guest)
        self.named = self._named(customer)
        self.included = pen.chance(0.5)
        self.shipping = rng.choice((0, 0, 49, 150)) * 100
        self.coupon: str | None = None
        self.lines = [self.new_line(good, quantity) for good, quantity in goods or self.choose()]
        self._discount()
        self.parcels: list[Parcel] = []
        self.refunds: list[Refund] = []
        self.goodwill = 0
        self.touched = False
        self.financial = rng.choice(("pending", "pending", "authorized", "paid", "paid", "partially_paid"))
        self.cancelled_at: int | None = None
        self.cancel_reason: str | None = None
        self.note: str | None = None

    @property
    def entity(self) -> str:
        return f"order {self.id}"

    @property
    def closed(self) -> bool:
        return self.cancelled_at is not None or self.financial in ("refunded", "voided")

    @property
    def wholly_shipped(self) -> bool:
        return bool(self.parcels) and not any(line.to_ship for line in self.lines)

    @property
    def delivered(self) -> bool:
        return self.wholly_shipped and all(parcel.delivered for parcel in self.parcels)

    @property
    def total(self) -> int:
        return sum(line.worth(line.quantity) for line in self.lines) + self.shipping

    @property
    def current_total(self) -> int:
        if not any(line.left for line in self.lines):
            return 0
        return sum(line.worth(line.left) for line in self.lines) + self.shipping - self.goodwill

    def status(self) -> str:
        if self.closed:
            return "CANCELLED"
        if self.delivered or (self.wholly_shipped and self.shop.shipped_is_delivered):
            return "DELIVERED"
        return "INITIALIZED" if self.financial in ("pending", "authorized") and not self.parcels else "IN_PROGRESS"

    def rank(self) -> int:
        if self.closed:
            return 5
        if self.parcels:
            return 4 if self.status() == "DELIVERED" else 3 if self.wholly_shipped else 2
        return 0 if self.financial in ("pending", "authorized") else 1

    # -- how it is written

    def _customer(self, one: Customer, guest: bool) -> dict[str, Any] | None:
        if guest:
            return None
        return {
            "id": one.id,
            "email": one.email,
            "phone": f"+{one.phone}" if one.phone else None,
            "first_name": one.first_name,
            "last_name": one.last_name,
            "state": "enabled",
            "tags": "",
        }

    def _named(self, one: Customer) -> dict[str, Any]:
        """The fields that name the person, as written when he bought."""
        dialled = one.dialled(self.rng, self.shop.region)
        on_top = self.pen.chance(0.5)
        email = one.spelt(self.rng)
        return {
            "email": email or "",
            "contact_email": email,
            "phone": dialled if on_top else None,
            "billing_address": postal(one, None if on_top else dialled),
            "shipping_address": postal(one, None) if self.pen.chance(0.7) else None,
        }

    def choose(self) -> list[tuple[Good, int]]:
        goods = self.rng.sample(self.market.goods, self.rng.randrange(1, 4))
        chosen = [(good, self.rng.randrange(1, 5)) for good in goods]
        if self.pen.chance(0.06):
            price = self.rng.randrange(1, 500) * 100
            chosen.append((Good(None, None, None, f"Gift wrap {price}", price), 1))
        return chosen

    def new_line(self, good: Good, quantity: int) -> Line:
        tax = 0 if self.included else good.price // 5 // self.market.step * self.market.step
        return Line(next(self.market.things), good, quantity, quantity, tax=tax)

    def _discount(self) -> None:
        if not self.pen.chance(0.35):
            return
        self.coupon = self.rng.choice(("SPRING10", "ЗНИЖКА", "TEN/10&UP"))
        for line in self.lines:
            line.discount = line.good.price // 10 // self.market.step * self.market.step * line.quantity
            if self.pen.chance(0.2):
                line.discount += self.market.step  # shares that no unit can carry evenly

    def body(self) -> dict[str, Any]:
        market, local = self.market, self.market.local
        tax = sum(line.tax * line.quantity for line in self.lines)
        discount = sum(line.discount for line in self.lines)
        nobody = {"email": "", "contact_email": None, "phone": None, "billing_address": None, "shipping_address": None}
        return {
            "id": self.id,
            "admin_graphql_api_id": f"gid://shopify/Order/{self.id}",
            "name": f"#{self.id}",
            "order_number": self.id,
            "created_at": local(self.created_at),
            "processed_at": local(self.created_at),
            "updated_at": local(self.pen.now),
            "cancelled_at": local(self.cancelled_at) if self.cancelled_at else None,
            "cancel_reason": self.cancel_reason,
            "closed_at": None,
            "test": self.test,
            "currency": market.currency,
            "presentment_currency": market.currency,
            "taxes_included": self.included,
            "financial_status": self.financial,
            "fulfillment_status": "fulfilled" if self.wholly_shipped else "partial" if self.parcels else None,
            "customer": None if self.anonymous else self.customer,
            "cart_token": self.token,
            "checkout_token": "c0ffee" if self.token else None,
            "total_price": money(self.total),
            "current_total_price": money(self.current_total),
            "total_line_items_price": money(sum(line.good.price * line.quantity for line in self.lines)),
            "total_discounts": money(discount),
            "current_total_discounts": money(sum(line.discount * line.left // line.quantity for line in self.lines)),
            "total_tax": money(tax),
            "current_total_tax": money(sum(line.tax * line.left for line in self.lines)),
            "total_shipping_price_set": {
                "shop_money": {"amount": money(self.shipping), "currency_code": market.currency}
            },
            "discount_codes": [{"code": self.coupon, "amount": money(discount), "type": "percentage"}]
            if self.coupon
            else [],
            "line_items": [self._line_body(line) for line in self.lines],
            "shipping_lines": [{"title": "Самовивіз", "price": money(self.shipping), "code": "std"}]
            if self.shipping
            else [],
            "fulfillments": [self.parcel_body(parcel) for parcel in self.parcels],
            "refunds": [self.refund_body(refund) for refund in self.refunds],
            "note": self.note,
            "note_attributes": [],
            "tags": "",
            "payment_gateway_names": ["bogus"],
            "source_name": "web",
            "order_status_url": f"https://sim.example/orders/{self.id}/authenticate?key=k&l=uk",
        } | (nobody if self.anonymous else self.named)

    def _line_body(self, line: Line) -> dict[str, Any]:
        good = line.good
        return {
            "id": line.id,
            "product_id": good.product,
            "variant_id": good.variant,
            "sku": good.sku,
            "title": good.title,
            "name": good.title,
            "variant_title": None,
            "quantity": line.quantity,
            "current_quantity": line.left,
            "fulfillable_quantity": line.to_ship,
            "fulfillment_status": "fulfilled"
            if line.shipped and not line.to_ship
            else "partial"
            if line.shipped
            else None,
            "price": money(good.price),
            "total_discount": "0.00",
            "discount_allocations": [{"amount": money(line.discount), "discount_application_index": 0}]
            if line.discount
            else [],
            "tax_lines": [{"title": "VAT", "rate": 0.2, "price": money(line.tax * line.quantity)}] if line.tax else [],
            "gift_card": False,
            "requires_shipping": True,
            "product_exists": good.product is not None,
        }

    def parcel_body(self, parcel: Parcel) -> dict[str, Any]:
        return {
            "id": parcel.id,
            "order_id": self.id,
            "name": f"#{self.id}.1",
            "status": "success",
            "service": "manual",
            "created_at": self.market.local(self.created_at),
            "updated_at": self.market.local(self.pen.now),
            "shipment_status": "delivered" if parcel.delivered else None,
            "tracking_company": parcel.carrier,
            "tracking_number": parcel.number,
            "tracking_numbers": [parcel.number],
            "tracking_url": parcel.url,
            "tracking_urls": [parcel.url],
            "line_items": [
                {"id": line.id, "variant_id": line.good.variant, "quantity": quantity}
                for line, quantity in parcel.lines
            ],
        }

    def refund_body(self, refund: Refund) -> dict[str, Any]:
        lines = [
            {"line_item_id": line.id, "quantity": quantity, "subtotal": money(int(line.cost * quantity))}
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
            ],
        }
