"""A simulated WooCommerce order's life, as the plugin's webhooks tell it.

Bodies follow the REST resources that the plugin sends; versions are whole seconds, so several changes may share one.
What each body means is said beside it for the truth; nothing here knows how shopwire reads it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from shopwire_testkit.announcements import OrderGone, OrderState, Version
from shopwire_testkit.inventing import HOUR, SECOND, Customer, Good, Pen, money, utc

_DAY = 24 * HOUR
# No webhook of a WooCommerce shop arrives later than a day after it was sent, and a duplicate of it a day after that:
# who sees a deletion after the restored order could not tell which came last.
_RESTORED_AFTER = 49 * HOUR
_RANKS = {"INITIALIZED": 0, "IN_PROGRESS": 1, "DELIVERED": 4, "CANCELLED": 5}
_CLOSED = ("cancelled", "failed", "refunded", "trash")
_OWN = ("shipped", "awaiting-pickup", "wc-packed")
_ERASED = {
    "first_name": "[deleted]",
    "last_name": "[deleted]",
    "email": "deleted@site.invalid",
    "phone": "+000 00 000 00 00",
}


def dump(body: Any) -> bytes:
    """JSON as PHP writes it: slashes and everything beyond ASCII escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def local(pen: Pen, at: int) -> str:
    """A time on the shop's own clock, without its offset."""
    return pen.market.local(at)[:19]


@dataclass(slots=True)
class _Line:
    """Amounts in hundredths, after discounts, for the whole quantity. Cloth is sold by the half metre."""

    id: int
    good: Good
    quantity: int
    half: bool
    total: int
    tax: int

    @property
    def number(self) -> Fraction:
        return self.quantity + Fraction(1 if self.half else 0, 2)


class OrderLife:
    """One order, from placing it to its end."""

    def __init__(self, pen: Pen, customer: Customer, *, guest: bool) -> None:
        rng = pen.rng
        self.pen = pen
        self.rng = rng
        self.market = pen.market
        self.shop = pen.market.shop
        self.id = pen.market.new_order()
        self.number = f"W-{self.id}" if pen.chance(0.3) else str(self.id)
        old = pen.chance(0.02)
        self.created_at = pen.second - (rng.randrange(35, 60) * _DAY if old else 0)
        self.too_old = old and bool(self.shop.old_order_days)
        self.person = customer.person(guest=guest)
        named = {"first_name": customer.first_name, "last_name": customer.last_name}
        self.billing = named | {
            "company": "",
            "address_1": customer.street,
            "country": "UA",
            "email": customer.spelt(rng) or "",
            "phone": customer.dialled(rng, self.shop.region) or "",
        }
        self.shipping = named | {"address_1": customer.street, "country": "UA"}
        self.erased = False
        self.included = pen.chance(0.5)
        self.taxed = pen.chance(0.7)
        self.freight = rng.choice((0, 0, 49, 150)) * 100
        self.coupon = rng.choice(("spring10", "знижка")) if pen.chance(0.3) else None
        self.lines = [self._line() for _ in range(rng.randrange(1, 4))]
        self.refunds: list[tuple[int, int]] = []
        self.parcel: str | None = None
        self.trashed = False
        self.status = "pending"
        self.note = ""

    # -- what happens

    def run(self) -> None:
        """Its life, until it is closed or the time of the run is over."""
        pen = self.pen
        if pen.chance(0.15):
            self.status = "checkout-draft"
            self._say(self.rng.choice(("order.created", "order.updated")))
            pen.wait(20 * 60 * SECOND)
        self.status = self.rng.choices(("pending", "processing", "on-hold"), (5, 3, 2))[0]
        self._created()
        while not pen.over:
            if pen.chance(0.5 if self.status == "completed" else 0.12):
                break
            before = _RANKS[self._meant()]
            act = self._next()
            if act is None:
                break
            # In one second only to a higher rank: of two equal ones nobody could tell which came last.
            tie = before == 0 and act in (self._pay, self._cancel) and pen.chance(0.3)
            pen.wait(same_second=tie)
            act()
        if self.status == "completed" and pen.chance(0.05) and not pen.over:
            pen.wait()
            self.erased = True
            self._say("order.updated")

    def _created(self) -> None:
        """The body is built when it is sent: order.created may come after order.updated, and show a later state."""
        if self.status == "pending" and self.pen.chance(0.25):
            self._say("order.updated")
            self.pen.wait(30 * SECOND)
            self.status = "processing"
            self._say("order.updated", "order.created")
        else:
            self._say(*self.rng.choice((("order.created",), ("order.created", "order.updated"), ("order.updated",))))

    def _next(self) -> Callable[[], None] | None:
        status = self.status
        acts: list[tuple[Callable[[], None], int]] = [(self._save_again, 6)]
        if status in ("pending", "failed", "on-hold"):
            acts += [(self._pay, 30)]
        if status == "pending":
            acts += [(self._fail, 8), (self._edit, 8)]
        if status in ("pending", "on-hold", "processing"):
            acts += [(self._cancel, 6)]
        if status in ("on-hold", "processing"):
            acts += [(self._complete, 30), (self._own_status, 10)]
        if status in ("on-hold", "processing") and not self.refunds:
            acts += [(self._edit, 6)]
        if status in _OWN:
            acts += [(self._complete, 40)]
        if status in ("processing", "completed"):
            acts += [(self._refund_part, 8), (self._refund_all, 3)]
        if status in _CLOSED:
            if self.trashed or (status != "failed" and self.pen.chance(0.7)):
                return None
            acts += [(self._trash, 10)]
        elif not self.trashed and self.pen.now + _RESTORED_AFTER < self.pen.end:
            acts += [(self._trash, 4)]
        if status == "trash":
            return None
        return self.rng.choices([act for act, _ in acts], [weight for _, weight in acts])[0]

    def _move(self, status: str) -> None:
        self.status = status
        self._say("order.updated", *(("order.updated",) if self.pen.chance(0.2) else ()))

    def _pay(self) -> None:
        self._move("processing")

    def _fail(self) -> None:
        self._move("failed")

    def _cancel(self) -> None:
        self._move("cancelled")

    def _complete(self) -> None:
        self._move("completed")

    def _own_status(self) -> None:
        if self.pen.chance(0.6) and not self.shop.shipped_is_delivered:
            self.parcel = f"20{self.rng.randrange(10**12):012d}"
        self._move(self.rng.choice(_OWN))

    def _save_again(self) -> None:
        if self.pen.chance(0.5):
            self.note = f"Прошу подзвонити / {self.rng.randrange(100)}"
        self._say("order.updated")

    def _edit(self) -> None:
        if len(self.lines) > 1 and self.pen.chance(0.4):
            self.lines.pop()
        else:
            self.lines.append(self._line())
        self._say("order.updated")

    def _refund_part(self) -> None:
        amount = max(self.market.step, self.now_costs // 10 // 100 * 100)
        if amount < self.now_costs:
            # The list is in no order of time.
            self.refunds.insert(0, (next(self.market.things), amount))
            self._say("order.updated")

    def _refund_all(self) -> None:
        self.refunds.insert(0, (next(self.market.things), self.now_costs))
        self._move("refunded")

    def _trash(self) -> None:
        pen, before = self.pen, self.status
        self.trashed = True  # once: a second deletion has the same body, so nobody could tell it from a duplicate
        pen.now += 60 * SECOND  # clocks differ by seconds: what was changed before is plainly older
        if pen.chance(0.3):
            self._move("trash")
        gone = OrderGone(str(self.id), pen.now)
        pen.say("order.deleted", dump({"id": self.id}), self._entity, gone, None)
        if pen.now + _RESTORED_AFTER < pen.end and pen.chance(0.7):
            pen.now += _RESTORED_AFTER
            pen.wait()
            self.status = before
            self._say("order.restored", "order.updated")
        else:
            self.status = "trash"

    # -- what holds

    @property
    def _entity(self) -> str:
        return f"order {self.id}"

    @property
    def total(self) -> int:
        return sum(line.total + line.tax for line in self.lines) + self.freight

    @property
    def now_costs(self) -> int:
        return self.total - sum(amount for _, amount in self.refunds)

    def _meant(self) -> str:
        if self.status in _OWN:
            return str(self.shop.statuses.get(self.status, "IN_PROGRESS"))
        if self.status in _CLOSED:
            return "CANCELLED"
        return {"pending": "INITIALIZED", "completed": "DELIVERED"}.get(self.status, "IN_PROGRESS")

    def _say(self, *topics: str) -> None:
        """Announce the order as it stands: one body and one version under several topics."""
        version: Version = (self.pen.second, _RANKS[self._meant()])
        ignored = self.too_old or self.erased or self.status == "checkout-draft"
        state = OrderState(
            str(self.id),
            version,
            None if ignored else self._meant(),
            self._params(),
            None if ignored else self.person,
            erased=self.erased and not self.too_old,
        )
        body = dump(self._body())
        for topic in topics:
            self.pen.say(topic, body, self._entity, state, version)

    def _params(self) -> dict[str, str]:
        person, refunded = self.person, sum(amount for _, amount in self.refunds)
        params = {
            "externalOrderId": str(self.id),
            "externalCustomerId": person.customer_id or person.key,
            "date": utc(self.created_at) + "+00:00",
            "currency": self.market.currency,
            "email": person.email,
            "phone": person.phone,
            "orderNumber": self.number,
            "couponCode": self.coupon,
            "trackingNumber": self.parcel,
            "refundedAmount": money(refunded) if refunded else None,
        }
        if self.now_costs:
            params["totalCost"] = money(self.now_costs)
        elif len(self.refunds) == 1:
            # Of several refunds nobody can tell the last, and with it what the order cost before.
            params["totalCost"] = money(self.total)
        if self.status not in _CLOSED:
            taxes = 0 if self.included else sum(line.tax for line in self.lines)
            params |= {"items": self._items(), "taxes": money(taxes) if taxes else None}
        return {name: value for name, value in params.items() if value}

    def _items(self) -> str:
        items = [
            {
                "externalItemId": line.good.id(self.shop.item_id),
                "quantity": f"{float(line.number):g}",
                "cost": self.market.rounded((line.total + (line.tax if self.included else 0)) / line.number),
            }
            for line in self.lines
        ]
        return json.dumps(items, ensure_ascii=False)

    # -- how it is written

    def _line(self) -> _Line:
        step = self.market.step
        good = self.rng.choice(self.market.goods)
        if self.pen.chance(0.04):
            good = Good(None, None, None, f"{good.title} (gone)", good.price)  # the product was deleted meanwhile
        line = _Line(next(self.market.things), good, self.rng.randrange(1, 5), self.pen.chance(0.03), 0, 0)
        gross = int(good.price * line.number) // step * step
        line.total = gross * 9 // 10 // step * step if self.coupon else gross
        line.tax = line.total // 5 // step * step if self.taxed else 0
        return line

    def _body(self) -> dict[str, Any]:
        pen, market = self.pen, self.market
        tax = sum(line.tax for line in self.lines)
        paid = self.status in ("processing", "completed", "refunded", *_OWN)
        tracking = {"tracking_provider": "Nova Poshta", "tracking_number": self.parcel, "date_shipped": "1571097600"}
        meta: list[dict[str, Any]] = [{"id": 1, "key": "is_vat_exempt", "value": "no"}]
        if self.parcel:
            meta.append({"id": 2, "key": "_wc_shipment_tracking_items", "value": [tracking]})
        return {
            "id": self.id,
            "parent_id": 0,
            "status": self.status,
            "currency": market.currency,
            "currency_symbol": "₴",
            "version": "10.6.1",
            "prices_include_tax": self.included,
            "date_created": local(pen, self.created_at),
            "date_modified": local(pen, pen.now),
            "discount_total": "0.00",
            "shipping_total": money(self.freight),
            "shipping_tax": "0.00",
            "cart_tax": money(tax),
            "total": money(self.total),
            "total_tax": money(tax),
            "customer_id": int(self.person.customer_id or 0) if not self.erased else 0,
            "order_key": "wc_order_x",
            "billing": self.billing | (_ERASED if self.erased else {}),
            "shipping": {} if self.erased else self.shipping,
            "payment_method": "cod",
            "payment_method_title": "Накладений платіж",
            "customer_note": self.note,
            "date_completed": None,
            "date_paid": local(pen, pen.now) if paid else None,
            "number": self.number,
            "meta_data": meta,
            "line_items": [self._line_body(line) for line in self.lines],
            "tax_lines": [],
            "shipping_lines": [
                {"id": 5, "method_title": "Самовивіз / flat", "method_id": "flat_rate", "total": money(self.freight)}
            ],
            "fee_lines": [],
            "coupon_lines": [{"id": 6, "code": self.coupon, "discount": "1.00"}] if self.coupon else [],
            "refunds": [{"id": id, "reason": "", "total": money(-amount)} for id, amount in self.refunds],
            "payment_url": f"https://sim.example/checkout/order-pay/{self.id}/?pay=1&key=k",
            "date_created_gmt": utc(self.created_at),
            "date_modified_gmt": utc(pen.now),
        }

    def _line_body(self, line: _Line) -> dict[str, Any]:
        good = line.good
        return {
            "id": line.id,
            "name": good.title,
            "product_id": good.product or 0,
            "variation_id": good.variant or 0,
            "quantity": float(line.number) if line.half else line.quantity,
            "subtotal": money(line.total),
            "total": money(line.total),
            "total_tax": money(line.tax),
            "meta_data": [],
            "sku": good.sku,
            # A number with the noise of binary fractions, before tax.
            "price": line.total / 100 / float(line.number),
            "image": {"id": "", "src": ""},
        }
