"""A simulated order of the generic format from placing it to its end.

The meaning of each body is recorded with it for the reference model. Nothing here knows how shopwire reads it.
"""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from shopwire_testkit.announcements import Meaning, OrderDeletion, OrderState, ParcelDelivered, Purchase, Version
from shopwire_testkit.customers import Customer
from shopwire_testkit.durations import DAY, HOUR, MINUTE
from shopwire_testkit.long_notes import has_long_note, write_long_note
from shopwire_testkit.shop_data import CartContent, Product, money
from shopwire_testkit.story_recorder import StoryRecorder

# A webhook arrives at most a day late, and its duplicate at most another day later. If an order were restored earlier,
# its deletion could arrive after its restoration, and the order of the two would be unknown.
_RESTORED_AFTER = 49 * HOUR
_CARRIER = "Нова Пошта"
_STORE, _SOURCE, _PAYMENT, _DELIVERY = "kyiv-1", "offline", "card", "Доставка до дверей"
_DELIVERY_ADDRESS = "Вигадгород, вул. Вигадана, 1"
_SURCHARGE = 300
"""In hundredths: whole units, because some currencies have no others."""


def encode_json(body: Any) -> bytes:
    """Return JSON as a shop's code writes it."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def written(at: int) -> str:
    """Return a time (UTC milliseconds) as a sender writes it."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def contact_of(
    customer: Customer, rng: random.Random, region: str | None, *, guest: bool = False
) -> dict[str, str | int | dict[str, str] | None]:
    """Return the person of a body, with the addresses as they are typed."""
    return {
        "id": None if guest else customer.id,
        "email": customer.typed_email(rng),
        "phone": customer.typed_phone(rng, region) or "",
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "address": {"country": "UA", "street": customer.street},
        "language": "uk_UA",
    }


def shown_of(product: Product) -> dict[str, str]:
    """Return what the API must show of a product beside ids and amounts."""
    page = f"https://sim.example/p/{product.product}"
    return {"name": product.title, "category": "Дім/Кухня", "url": page, "imageUrl": f"{page}.jpg"}


def described(product: Product) -> dict[str, str]:
    """Return the fields of a line of an order or a cart that describe its product."""
    shown = shown_of(product)
    return {"name": shown["name"], "category": shown["category"], "url": shown["url"], "image_url": shown["imageUrl"]}


def _description(product: Product) -> str:
    return f"{product.title}, нове"


class OrderLifecycle:
    """One order, its changes, its bodies and their meanings.

    Args:
        token: the token of the cart that was bought; None for none.
        content: what was in it.
        guest: the buyer did not log in.
    """

    def __init__(
        self, recorder: StoryRecorder, customer: Customer, token: str | None, content: CartContent, *, guest: bool
    ) -> None:
        rng, shop = recorder.rng, recorder.shop
        self.recorder = recorder
        self.rng = rng
        self.shop = shop
        self.id = shop.next_order_id()
        self.token = token
        old = token is None and recorder.chance(0.02)
        self.created_at = recorder.now - (rng.randrange(35, 60) * DAY if old else 0)
        self.too_old = old and bool(shop.settings.old_order_days)
        self.person = customer.person(guest=guest)
        self.contact = contact_of(customer, rng, shop.settings.region, guest=guest)
        chosen = content or {rng.randrange(len(shop.products)): rng.randrange(1, 5) for _ in range(rng.randrange(1, 4))}
        self.lines: list[tuple[Product, int]] = [(shop.products[n], quantity) for n, quantity in chosen.items()]
        self.shipping = rng.choice((0, 49, 150)) * 100
        self.tax_percent = rng.choice((0, 0, 20))
        self.coupon = rng.choice(("autumn", "осінь")) if recorder.chance(0.3) else None
        self.status = "INITIALIZED"
        self.parcels: dict[str, bool] = {}
        self.shipped = False
        self.refunded = 0
        self.restored = False
        self.note = self.long_note = ""
        """`long_note` is what the customer wrote, if it is much. Every later note is written over it."""
        if has_long_note(self.id):
            self.note = self.long_note = write_long_note(random.Random(self.id), self._params(), len(self.lines))

    # -- changes

    def run(self) -> None:
        """Change the order until it is closed, no more changes follow, or the run's time is over."""
        recorder = self.recorder
        self.status = self.rng.choice(("INITIALIZED", "INITIALIZED", "IN_PROGRESS"))
        self._announce()
        while not recorder.is_over and self.status != "CANCELLED":
            if recorder.chance(0.5 if self.status == "DELIVERED" else 0.12):
                break
            recorder.wait()
            self._choose_change()()

    def _choose_change(self) -> Callable[[], None]:
        changes: list[tuple[Callable[[], None], int]] = [(self._save_again, 5), (self._cancel, 4)]
        if self.status == "INITIALIZED":
            changes += [(self._accept, 30), (self._edit, 6)]
        if self.status == "IN_PROGRESS" and not self.shipped:
            changes += [(self._send_parcel, 30)]
        if self.status == "IN_PROGRESS" and self.shipped:
            changes += [(self._deliver, 15), (self._report_parcels, 15)]
        if self.status != "INITIALIZED" and not self.refunded:
            changes += [(self._refund_part, 5)]
        if self.recorder.now + _RESTORED_AFTER < self.recorder.end:
            changes += [(self._delete, 10)]
        return self.rng.choices([change for change, _ in changes], [weight for _, weight in changes])[0]

    def _save_again(self) -> None:
        if self.recorder.chance(0.5):
            self.note = f"{self.note[:30]} {self.rng.randrange(100)}" if len(self.note) < 200 else self.note
        self._announce()

    def _accept(self) -> None:
        self.status = "IN_PROGRESS"
        self._announce()

    def _edit(self) -> None:
        self.lines.append((self.rng.choice(self.shop.products), self.rng.randrange(1, 5)))
        self._announce()

    def _send_parcel(self) -> None:
        self.parcels[f"20{self.rng.randrange(10**12):012d}"] = False
        self.shipped = self.recorder.chance(0.7)
        self._announce()

    def _report_parcels(self) -> None:
        """Report the delivery of each parcel as a fact, without the order."""
        for parcel in self.parcels:
            body = {"type": "parcel_delivered", "order_id": self.id, "parcel_id": parcel}
            meaning = ParcelDelivered(str(self.id), parcel)
            self.recorder.announce("parcel_delivered", encode_json(body), self._entity, meaning, None)
            self.recorder.wait(MINUTE)
        self.parcels = dict.fromkeys(self.parcels, True)
        self._deliver()

    def _deliver(self) -> None:
        self.status = "DELIVERED"
        self._announce()

    def _cancel(self) -> None:
        self.status = "CANCELLED"
        self._announce()

    def _refund_part(self) -> None:
        amount = max(self.shop.price_step, self.total // 10 // 100 * 100)
        if amount < self.total:
            self.refunded = amount
            self._announce()

    def _delete(self) -> None:
        """Delete the order, which happens once. Perhaps restore it days later."""
        recorder = self.recorder
        recorder.now += MINUTE  # clocks differ by seconds, and earlier changes must be older than the deletion
        body, deletion = {"type": "order_deleted", "id": self.id}, OrderDeletion(str(self.id), recorder.now)
        recorder.announce("order_deleted", encode_json(body), self._entity, deletion, None)
        before, self.status = self.status, "CANCELLED"
        if recorder.now + _RESTORED_AFTER < recorder.end and recorder.chance(0.7):
            recorder.now += _RESTORED_AFTER
            recorder.wait()
            self.status, self.restored = before, True
            self._announce()
            self.status = "CANCELLED"  # no more changes follow

    # -- meaning

    @property
    def _entity(self) -> str:
        return f"order {self.id}"

    @property
    def _goods(self) -> int:
        return sum(product.price * quantity for product, quantity in self.lines)

    @property
    def discount(self) -> int:
        """What the coupon takes off the whole order: about a tenth of the goods."""
        return self._goods // 10 // self.shop.price_step * self.shop.price_step if self.coupon else 0

    @property
    def taxes(self) -> int:
        step = self.shop.price_step
        return (self._goods - self.discount) * self.tax_percent // 100 // step * step

    @property
    def total(self) -> int:
        return self._goods - self.discount + self.taxes + self.shipping + _SURCHARGE - self.refunded

    @property
    def _surcharge(self) -> str:
        """What the order costs beside goods, taxes and shipping: fees, duties or tips."""
        return ("fees", "duties", "tips")[self.id % 3]

    @property
    def _url(self) -> str:
        return f"https://sim.example/orders/{self.id}"

    @property
    def _number(self) -> str:
        return f"N-{self.id}"

    @property
    def _cancel_reason(self) -> str | None:
        return "customer" if self.status == "CANCELLED" else None

    @property
    def _coupons(self) -> list[str]:
        return [self.coupon, *(["VIP-2"] if self.id % 2 else [])] if self.coupon else []

    def _api_status(self) -> tuple[str, int]:
        if self.status == "IN_PROGRESS" and self.shipped:
            delivered = self.shop.settings.shipped_is_delivered
            return ("DELIVERED", 4) if delivered else ("IN_PROGRESS", 3)
        if self.status == "IN_PROGRESS" and self.parcels:
            return "IN_PROGRESS", 2
        return self.status, {"INITIALIZED": 0, "IN_PROGRESS": 1, "DELIVERED": 4, "CANCELLED": 5}[self.status]

    def _announce(self) -> None:
        status, rank = self._api_status()
        version: Version = (self.recorder.now, rank)
        state = OrderState(
            str(self.id),
            version,
            None if self.too_old else status,
            self._params(),
            None if self.too_old else self.person,
            tuple(self.parcels.items()),
            self.shipped and status == "IN_PROGRESS",
        )
        meaning: Meaning = Purchase(state, self.token) if self.token else state
        body = encode_json(self._body())
        for _ in range(1 + self.recorder.chance(0.15)):
            self.recorder.announce("order", body, self._entity, meaning, version)

    def _params(self) -> dict[str, str]:
        params = {
            "externalOrderId": f"{self.shop.settings.id_prefix}{self.id}",
            "externalCustomerId": self.person.customer_id,
            "totalCost": money(self.total),
            "date": written(self.created_at),
            "currency": self.shop.currency,
            "email": self.person.email,
            "firstName": self.person.first_name,
            "lastName": self.person.last_name,
            "phone": self.person.phone,
            "taxes": money(self.taxes) if self.taxes else None,
            "couponCode": ", ".join(self._coupons),
            "restoreUrl": self._url,
            "storeId": _STORE,
            "source": _SOURCE,
            "paymentMethod": _PAYMENT,
            "deliveryMethod": _DELIVERY,
            "deliveryAddress": _DELIVERY_ADDRESS,
            "cancelReason": self._cancel_reason,
            "orderNumber": self._number,
            "trackingNumber": list(self.parcels)[-1] if self.parcels else None,
            "carrier": _CARRIER if self.parcels else None,
            "refundedAmount": money(self.refunded) if self.refunded else None,
            "shipping": money(self.shipping),
            "discount": money(self.discount) if self.discount else None,
            "statusDescription": f"Статус {self.status}",
            # The event of an order with a long note may have room for a part of it only.
            "additionalInfo": None if self.long_note else self.note.strip(),
        }
        params |= {"items": self._items(), self._surcharge: money(_SURCHARGE)}
        return {name: value for name, value in params.items() if value}

    def _items(self) -> str:
        goods = Fraction(self._goods)
        items = [
            {
                "externalItemId": product.item_id(self.shop.settings.item_id),
                "quantity": str(quantity),
                # What was given back lowers what all items cost.
                "cost": self.shop.rounded(product.price * (1 - (self.discount + self.refunded) / goods)),
                **shown_of(product),
                # The event of an order with a long note may have no room for it.
                **({} if self.long_note else {"description": _description(product)}),
            }
            for product, quantity in self.lines
        ]
        return json.dumps(items, ensure_ascii=False)

    # -- bodies

    def _body(self) -> dict[str, Any]:
        items = [
            {
                "id": product.variant or product.product,
                "product_id": product.product,
                "sku": product.sku,
                **described(product),
                "description": _description(product),
                "quantity": quantity,
                "total": money(product.price * quantity),
            }
            for product, quantity in self.lines
        ]
        parcels = [
            {"id": parcel, "delivered": delivered, "tracking_number": parcel, "carrier": _CARRIER}
            for parcel, delivered in self.parcels.items()
        ]
        return {
            "type": "order",
            "version": written(self.recorder.now),
            "id": self.id,
            "created_at": written(self.created_at),
            "status": self.status,
            "status_text": f"Статус {self.status}",
            "currency": self.shop.currency,
            "total": money(self.total),
            "items": items,
            "discount": money(self.discount) if self.discount else None,
            "coupons": self._coupons,
            self._surcharge: money(_SURCHARGE),
            "url": self._url,
            "store_id": _STORE,
            "source": _SOURCE,
            "payment_method": _PAYMENT,
            "delivery_method": _DELIVERY,
            "delivery_address": _DELIVERY_ADDRESS,
            "cancel_reason": self._cancel_reason,
            "number": self._number,
            "shipping": money(self.shipping),
            "taxes": money(self.taxes) if self.taxes else None,
            "refunded": money(self.refunded) if self.refunded else None,
            "contact": self.contact,
            "parcels": parcels,
            "shipped": self.shipped,
            "note": self.note,
            "cart_token": self.token,
            "restored": self.restored,
        }
