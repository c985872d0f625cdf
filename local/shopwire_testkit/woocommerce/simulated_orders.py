"""A simulated WooCommerce order from placing it to its end, as webhooks of the plugin.

The bodies follow the REST resources that the plugin sends. Versions are whole seconds, so several changes may share
one. The meaning of each body is recorded with it for the reference model. Nothing here knows how shopwire reads it.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from shopwire_testkit.announcements import OrderDeletion, OrderState, PersonConsent, Version
from shopwire_testkit.customers import Customer
from shopwire_testkit.durations import DAY, HOUR, MINUTE, SECOND
from shopwire_testkit.long_notes import has_long_note, write_long_note
from shopwire_testkit.shop_data import Product, money, utc_time
from shopwire_testkit.story_recorder import StoryRecorder

# In the simulation a webhook of WooCommerce arrives at most a day late, and its duplicate at most another day later.
# If an order were restored earlier, its deletion could arrive after its restoration, and the order of the two would be
# unknown.
_RESTORED_AFTER = 49 * HOUR
_RANKS = {"INITIALIZED": 0, "IN_PROGRESS": 1, "DELIVERED": 4, "CANCELLED": 5}
_CLOSED_STATUSES = ("cancelled", "failed", "refunded", "trash")
_SHIPPING_TOWN = "Нововигадськ"
_CARRIER, _SHIPPING_TITLE, _PAYMENT_TITLE = "Nova Poshta", "Самовивіз / flat", "Накладений платіж"
_NEWSLETTER_ANSWERS = ("1", "0", "")
_PLUGIN_STATUSES = ("shipped", "awaiting-pickup", "wc-packed")
_ERASED_ADDRESS = {
    "first_name": "[deleted]",
    "last_name": "[deleted]",
    "email": "deleted@site.invalid",
    "phone": "+000 00 000 00 00",
}


def encode_json(body: Any) -> bytes:
    """Return JSON as PHP writes it, with slashes and all characters beyond ASCII escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def local_time(recorder: StoryRecorder, at: int) -> str:
    """Return a time (UTC milliseconds) on the shop's own clock, without its offset."""
    return recorder.shop.local_time(at)[:19]


@dataclass(slots=True)
class _Line:
    """An order line. Amounts are in hundredths, after discounts, for the whole quantity.

    `half` adds half a unit to the quantity, because cloth is sold by the half metre.
    """

    id: int
    product: Product
    quantity: int
    half: bool
    total: int
    tax: int
    discount: int = 0

    @property
    def exact_quantity(self) -> Fraction:
        return self.quantity + Fraction(1 if self.half else 0, 2)


class OrderLifecycle:
    """One order, its changes, its bodies and their meanings."""

    def __init__(self, recorder: StoryRecorder, customer: Customer, *, guest: bool) -> None:
        rng = recorder.rng
        self.recorder = recorder
        self.rng = rng
        self.shop = recorder.shop
        self.settings = recorder.shop.settings
        self.id = recorder.shop.next_order_id()
        self.number = f"W-{self.id}" if recorder.chance(0.3) else str(self.id)
        old = recorder.chance(0.02)
        self.created_at = recorder.second - (rng.randrange(35, 60) * DAY if old else 0)
        self.too_old = old and bool(self.settings.old_order_days)
        # The answer to the box of a newsletter plugin, which not every order has.
        self.newsletter = _NEWSLETTER_ANSWERS[self.id % len(_NEWSLETTER_ANSWERS)]
        ticked, not_ticked = PersonConsent(subscribed=True, at=self.created_at), PersonConsent(False, is_implied=True)
        consent = {"1": ticked, "0": not_ticked}.get(self.newsletter)
        self.customer_id = 0 if guest else customer.id
        self.person = replace(customer.person(guest=guest), consent=consent)
        names = {"first_name": customer.first_name, "last_name": customer.last_name}
        self.billing = names | {
            "company": "",
            "address_1": customer.street,
            "city": "Вигадгород",
            "state": "UA53",
            "postcode": "00001",
            "country": "UA",
            "email": customer.typed_email(rng) or "",
            "phone": customer.typed_phone(rng, "UA") or "",
        }
        self.shipping = names | {"address_1": customer.street, "city": _SHIPPING_TOWN, "country": "UA"}
        self.erased = False
        self.tax_included = recorder.chance(0.5)
        self.taxed = recorder.chance(0.7)
        self.shipping_total = rng.choice((0, 0, 49, 150)) * 100
        self.coupon = rng.choice(("spring10", "знижка")) if recorder.chance(0.3) else None
        self.lines = [self._new_line() for _ in range(rng.randrange(1, 4))]
        self.refunds: list[tuple[int, int]] = []
        """Id and amount of each refund."""
        self.parcel: str | None = None
        self.trashed = False
        self.status = "pending"
        self.note = self.long_note = ""
        """`long_note` is what the customer wrote, if it is much. Every later note is written below it."""
        if has_long_note(self.id):
            self.long_note = write_long_note(random.Random(self.id), self._params(), len(self.lines))
        self.note = self.long_note

    # -- changes

    def run(self) -> None:
        """Change the order until it is closed, no more changes follow, or the run's time is over."""
        recorder = self.recorder
        if recorder.chance(0.15):
            self.status = "checkout-draft"
            self._announce(self.rng.choice(("order.created", "order.updated")))
            recorder.wait(20 * MINUTE)
        self.status = self.rng.choices(("pending", "processing", "on-hold"), (5, 3, 2))[0]
        self._announce_creation()
        while not recorder.is_over:
            if recorder.chance(0.5 if self.status == "completed" else 0.12):
                break
            rank = _RANKS[self._api_status()]
            change = self._choose_change()
            if change is None:
                break
            # Two changes in one second must raise the rank. Otherwise the order of the two would be unknown.
            same_second = rank == 0 and change in (self._pay, self._cancel) and recorder.chance(0.3)
            recorder.wait(same_second=same_second)
            change()
        if self.status == "completed" and recorder.chance(0.05) and not recorder.is_over:
            recorder.wait()
            self.erased = True
            self._announce("order.updated")

    def _announce_creation(self) -> None:
        """Announce the new order.

        WooCommerce builds the body when it sends the webhook. Therefore order.created may come after order.updated, and
        it may show a later state.
        """
        if self.status == "pending" and self.recorder.chance(0.25):
            self._announce("order.updated")
            self.recorder.wait(30 * SECOND)
            self.status = "processing"
            self._announce("order.updated", "order.created")
        else:
            topics = (("order.created",), ("order.created", "order.updated"), ("order.updated",))
            self._announce(*self.rng.choice(topics))

    def _choose_change(self) -> Callable[[], None] | None:
        status = self.status
        if status not in _CLOSED_STATUSES and self._api_status() == "CANCELLED":
            return None  # wholly refunded
        changes: list[tuple[Callable[[], None], int]] = [(self._save_again, 6)]
        if status in ("pending", "failed", "on-hold"):
            changes += [(self._pay, 30)]
        if status == "pending":
            changes += [(self._fail, 8), (self._edit, 8)]
        if status in ("pending", "on-hold", "processing"):
            changes += [(self._cancel, 6)]
        if status in ("on-hold", "processing"):
            changes += [(self._complete, 30), (self._set_plugin_status, 10)]
        if status in ("on-hold", "processing") and not self.refunds:
            changes += [(self._edit, 6)]
        if status in _PLUGIN_STATUSES:
            changes += [(self._complete, 40)]
        if status in ("processing", "completed"):
            changes += [(self._refund_part, 8), (self._refund_all, 3)]
        if status in _CLOSED_STATUSES:
            if self.trashed or (status != "failed" and self.recorder.chance(0.7)):
                return None
            changes += [(self._trash, 10)]
        elif not self.trashed and self.recorder.now + _RESTORED_AFTER < self.recorder.end:
            changes += [(self._trash, 10)]
        if status == "trash":
            return None
        return self.rng.choices([change for change, _ in changes], [weight for _, weight in changes])[0]

    def _set_status(self, status: str) -> None:
        self.status = status
        self._announce("order.updated", *(("order.updated",) if self.recorder.chance(0.2) else ()))

    def _pay(self) -> None:
        self._set_status("processing")

    def _fail(self) -> None:
        self._set_status("failed")

    def _cancel(self) -> None:
        self._set_status("cancelled")

    def _complete(self) -> None:
        self._set_status("completed")

    def _set_plugin_status(self) -> None:
        if self.recorder.chance(0.6) and not self.settings.shipped_is_delivered:
            self.parcel = f"20{self.rng.randrange(10**12):012d}"
        self._set_status(self.rng.choice(_PLUGIN_STATUSES))

    def _save_again(self) -> None:
        if self.recorder.chance(0.5):
            self.note = f"{self.long_note}Прошу подзвонити / {self.rng.randrange(100)}"
        self._announce("order.updated")

    def _edit(self) -> None:
        if len(self.lines) > 1 and self.recorder.chance(0.4):
            self.lines.pop()
        else:
            self.lines.append(self._new_line())
        self._announce("order.updated")

    def _refund_part(self) -> None:
        amount = max(self.shop.price_step, self.current_total // 10 // 100 * 100)
        if amount < self.current_total:
            # WooCommerce does not list refunds in the order of time.
            self.refunds.insert(0, (next(self.shop.other_ids), amount))
            self._announce("order.updated")

    def _refund_all(self) -> None:
        self.refunds.insert(0, (next(self.shop.other_ids), self.current_total))
        # A refund by the whole amount, or through the API, leaves the status as it is.
        self._set_status(self.status if self.id % 3 == 0 else "refunded")

    def _trash(self) -> None:
        recorder, before = self.recorder, self.status
        # An order is deleted only once, because the body of a second deletion is the same as that of a duplicate.
        self.trashed = True
        recorder.now += MINUTE  # clocks differ by seconds, and earlier changes must be older than the deletion
        if recorder.chance(0.3):
            self._set_status("trash")
        deletion = OrderDeletion(str(self.id), recorder.now)
        recorder.announce("order.deleted", encode_json({"id": self.id}), self._entity, deletion, None)
        if recorder.now + _RESTORED_AFTER < recorder.end and recorder.chance(0.7):
            recorder.now += _RESTORED_AFTER
            recorder.wait()
            self.status = before
            self._announce("order.restored", "order.updated")
        else:
            self.status = "trash"

    # -- meaning

    @property
    def _entity(self) -> str:
        return f"order {self.id}"

    @property
    def total(self) -> int:
        return sum(line.total + line.tax for line in self.lines) + self.shipping_total

    @property
    def discount(self) -> int:
        return sum(line.discount for line in self.lines)

    @property
    def payment_url(self) -> str:
        return f"https://sim.example/checkout/order-pay/{self.id}/?pay=1&key=k"

    @property
    def refunded(self) -> int:
        return sum(amount for _, amount in self.refunds)

    @property
    def current_total(self) -> int:
        return self.total - self.refunded

    def _api_status(self) -> str:
        if self.total and self.current_total <= 0:
            return "CANCELLED"
        if self.status in _PLUGIN_STATUSES:
            return str(self.settings.statuses.get(self.status, "IN_PROGRESS"))
        if self.status in _CLOSED_STATUSES:
            return "CANCELLED"
        return {"pending": "INITIALIZED", "completed": "DELIVERED"}.get(self.status, "IN_PROGRESS")

    def _announce(self, *topics: str) -> None:
        """Announce the order as it is now, with one body and one version under several topics."""
        version: Version = (self.recorder.second, _RANKS[self._api_status()])
        ignored = self.too_old or self.erased or self.status == "checkout-draft"
        state = OrderState(
            str(self.id),
            version,
            None if ignored else self._api_status(),
            self._params(),
            None if ignored else self.person,
            erased=self.erased and not self.too_old,
        )
        body = encode_json(self._body())
        for topic in topics:
            self.recorder.announce(topic, body, self._entity, state, version)

    def _params(self) -> dict[str, str]:
        person = self.person
        # What was given back beyond the price of the items lowers the shipping, then the taxes. A wholly refunded order
        # shows what it cost before the last refund.
        given_back = sum(amount for _, amount in (self.refunds if self.current_total else self.refunds[1:]))
        beyond_goods = max(given_back - sum(self._prices()), 0)
        shipping = max(self.shipping_total - beyond_goods, 0)
        params = {
            "externalOrderId": f"{self.settings.id_prefix}{self.id}",
            "externalCustomerId": person.customer_id,
            "date": utc_time(self.created_at) + "+00:00",
            "currency": self.shop.currency,
            "email": person.email,
            "phone": person.phone,
            "orderNumber": self.number,
            "couponCode": self.coupon,
            "trackingNumber": self.parcel,
            "carrier": _CARRIER if self.parcel else None,
            "refundedAmount": money(self.refunded) if self.refunded else None,
            "firstName": person.first_name,
            "lastName": person.last_name,
            "shipping": money(shipping),
            "discount": money(self.discount),
            "restoreUrl": self.payment_url if self._api_status() == "INITIALIZED" else None,
            "statusDescription": self.status.removeprefix("wc-"),
            "source": "online",
            "deliveryMethod": _SHIPPING_TITLE,
            "deliveryAddress": None if self.erased else f"{self.shipping['address_1']}, {_SHIPPING_TOWN}, UA",
            "paymentMethod": _PAYMENT_TITLE,
            # The event of an order with a long note may have room for a part of it only.
            "additionalInfo": None if self.long_note else self.note,
        }
        if self.current_total:
            params["totalCost"] = money(self.current_total)
        elif len(self.refunds) == 1:
            # If there are several refunds, the body does not say which was the last, nor what the order cost before it.
            params["totalCost"] = money(self.total)
        if self._api_status() != "CANCELLED":
            taxes = 0 if self.tax_included else sum(line.tax for line in self.lines)
            taxes -= max(beyond_goods - self.shipping_total, 0)
            params |= {"items": self._items(), "taxes": money(taxes) if taxes else None}
        return {name: value for name, value in params.items() if value}

    def _prices(self) -> list[int]:
        return [line.total + (line.tax if self.tax_included else 0) for line in self.lines]

    def _items(self) -> str:
        # A refund names no items, so it lowers what all of them cost.
        prices = self._prices()
        goods = sum(prices)
        left = Fraction(max(goods - self.refunded, 0), goods) if goods else Fraction(1)
        items = [
            {
                "externalItemId": line.product.item_id(self.settings.item_id),
                "name": line.product.title,
                **({"imageUrl": image} if (image := _image_of(line.product)) else {}),
                "quantity": f"{float(line.exact_quantity):g}",
                "cost": self.shop.rounded(price * left / line.exact_quantity),
            }
            for line, price in zip(self.lines, prices, strict=True)
        ]
        return json.dumps(items, ensure_ascii=False)

    # -- bodies

    def _new_line(self) -> _Line:
        step = self.shop.price_step
        product = self.rng.choice(self.shop.products)
        if self.recorder.chance(0.04):
            # The shop has deleted the product since the order was made.
            product = Product(None, None, None, f"{product.title} (gone)", product.price)
        line = _Line(next(self.shop.other_ids), product, self.rng.randrange(1, 5), self.recorder.chance(0.03), 0, 0)
        gross = int(product.price * line.exact_quantity) // step * step
        line.total = gross * 9 // 10 // step * step if self.coupon else gross
        line.discount = gross - line.total
        line.tax = line.total // 5 // step * step if self.taxed else 0
        return line

    def _body(self) -> dict[str, Any]:
        recorder, shop = self.recorder, self.shop
        tax = sum(line.tax for line in self.lines)
        paid = self.status in ("processing", "completed", "refunded", *_PLUGIN_STATUSES)
        tracking = {"tracking_provider": _CARRIER, "tracking_number": self.parcel, "date_shipped": "1571097600"}
        meta: list[dict[str, Any]] = [{"id": 1, "key": "is_vat_exempt", "value": "no"}]
        if self.newsletter:
            meta.append({"id": 3, "key": "mailchimp_woocommerce_is_subscribed", "value": self.newsletter})
        meta.append({"id": 4, "key": "wpml_language", "value": "uk"})
        if self.parcel:
            meta.append({"id": 2, "key": "_wc_shipment_tracking_items", "value": [tracking]})
        shipping_line = {
            "id": 5,
            "method_title": _SHIPPING_TITLE,
            "method_id": "flat_rate",
            "total": money(self.shipping_total),
        }
        return {
            "id": self.id,
            "parent_id": 0,
            "status": self.status,
            "currency": shop.currency,
            "currency_symbol": "₴",
            "version": "10.6.1",
            "prices_include_tax": self.tax_included,
            "date_created": local_time(recorder, self.created_at),
            "date_modified": local_time(recorder, recorder.now),
            "discount_total": money(self.discount),
            "shipping_total": money(self.shipping_total),
            "shipping_tax": "0.00",
            "cart_tax": money(tax),
            "total": money(self.total),
            "total_tax": money(tax),
            "customer_id": 0 if self.erased else self.customer_id,
            "order_key": "wc_order_x",
            "billing": self.billing | (_ERASED_ADDRESS if self.erased else {}),
            "shipping": {} if self.erased else self.shipping,
            "payment_method": "cod",
            "payment_method_title": _PAYMENT_TITLE,
            "customer_note": self.note,
            "date_completed": None,
            "date_paid": local_time(recorder, recorder.now) if paid else None,
            "number": self.number,
            "meta_data": meta,
            "line_items": [_line_body(line) for line in self.lines],
            "tax_lines": [],
            "shipping_lines": [shipping_line],
            "fee_lines": [],
            "coupon_lines": [{"id": 6, "code": self.coupon, "discount": money(self.discount)}] if self.coupon else [],
            "refunds": [{"id": id, "reason": "", "total": money(-amount)} for id, amount in self.refunds],
            "payment_url": self.payment_url,
            "date_created_gmt": utc_time(self.created_at),
            "date_modified_gmt": utc_time(recorder.now),
        }


def _image_of(product: Product) -> str:
    """Return the link of a product's image; "" if the shop has deleted the product."""
    return f"https://sim.example/i/{product.product}.jpg" if product.product else ""


def _line_body(line: _Line) -> dict[str, Any]:
    product = line.product
    return {
        "id": line.id,
        "name": product.title,
        "product_id": product.product or 0,
        "variation_id": product.variant or 0,
        "quantity": float(line.exact_quantity) if line.half else line.quantity,
        "subtotal": money(line.total + line.discount),
        "total": money(line.total),
        "total_tax": money(line.tax),
        "meta_data": [],
        "sku": product.sku,
        # WooCommerce writes this number before tax, with the noise of binary fractions.
        "price": line.total / 100 / float(line.exact_quantity),
        "image": {"id": product.product or "", "src": _image_of(product)},
    }
