"""A simulated BigCommerce order from the payment page to its end, as thin webhooks and the answers of the API.

The answers follow the references "Orders V2" and "Orders V3". The time of a change has whole seconds, so several
changes may share it. The meaning of each state is recorded with it for the reference model. Nothing here knows how
shopwire reads it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from shopwire_testkit.announcements import Meaning, OrderDeletion, OrderState, PersonConsent, Purchase, Version
from shopwire_testkit.bigcommerce.simulated_bodies import (
    PAYMENT_METHOD,
    SHIPPING_METHOD,
    STATUS_NAMES,
    OrderLine,
    answers_of,
)
from shopwire_testkit.bigcommerce.simulated_store import (
    Answers,
    Store,
    v3_time,
)
from shopwire_testkit.customers import Customer
from shopwire_testkit.durations import DAY, HOUR, MINUTE
from shopwire_testkit.shop_data import CartContent, Product, money
from shopwire_testkit.story_recorder import StoryRecorder

# A webhook arrives at most a day late, and its duplicate at most another day later. If an order were restored earlier,
# its archiving could arrive after its restoration, and the order of the two would be unknown.
_RESTORED_AFTER = 49 * HOUR
_CARRIER = "Нова Пошта"
_BURST = 20
"""The number of webhooks in a second, if an integration saves an order again and again."""
_NEW, _PAID, _CLOSED = (1, 7), (8, 9, 11, 12, 13), (4, 5, 6)


class OrderLifecycle:
    """One order, its changes, the answers about it and their meanings.

    Args:
        token: the id of the cart that was bought; None if the order was made in the control panel.
        content: what was in it.
        cart_answers: what the API answers about the cart once it is bought.
        guest: the buyer did not log in.
        has_refused: the buyer unsubscribed from the newsletter before, and does not tick its box again.
    """

    def __init__(
        self,
        store: Store,
        recorder: StoryRecorder,
        customer: Customer,
        token: str | None,
        content: CartContent,
        cart_answers: Answers,
        *,
        guest: bool,
        has_refused: bool = False,
    ) -> None:
        rng, shop = recorder.rng, recorder.shop
        self.store = store
        self.recorder = recorder
        self.rng = rng
        self.shop = shop
        self.id = shop.next_order_id()
        self.token = token
        self.cart_answers = cart_answers
        old = token is None and recorder.chance(0.02)
        self.created_at = recorder.second - (rng.randrange(35, 60) * DAY if old else 0)
        self.too_old = old and bool(shop.settings.old_order_days)
        # Whether an order that repeats an earlier consent counts after a refusal depends on the order of arrival.
        self.opt_in: bool | None = None if has_refused else (True, False, None)[self.id % 3]
        ticked, not_ticked = PersonConsent(subscribed=True, at=self.created_at), PersonConsent(False, is_implied=True)
        consent = None if self.opt_in is None else ticked if self.opt_in else not_ticked
        self.person = replace(customer.person(guest=guest), consent=consent)
        self.customer_id = 0 if guest else customer.id or 0
        self.billing = {
            "first_name": customer.first_name,
            "last_name": customer.last_name,
            "company": "",
            "street_1": customer.street,
            "city": "Вигадгород",
            "country": "Ukraine",
            "country_iso2": "UA",
            "phone": customer.typed_phone(rng, "UA") or "",
            "email": customer.typed_email(rng) or "",
        }
        self.with_tax = recorder.chance(0.5)
        self.tax_percent = rng.choice((0, 20))
        self.shipping = rng.choice((0, 0, 49, 150)) * 100
        self.coupon = rng.choice(("spring10", "знижка")) if recorder.chance(0.3) else None
        chosen = content or {rng.randrange(len(shop.products)): rng.randrange(1, 5) for _ in range(rng.randrange(1, 4))}
        self.lines = [self._new_line(shop.products[n], quantity) for n, quantity in chosen.items()]
        self.refunds: list[dict[str, Any]] = []
        self.shipments: list[dict[str, Any]] = []
        self.archived = False
        self.status_id = 0
        self.note = ""
        self.changed_at = recorder.second

    # -- changes

    def run(self) -> None:
        """Change the order until it is closed, no more changes follow, or the run's time is over."""
        recorder = self.recorder
        if recorder.chance(0.15):
            # The buyer is on the payment page.
            self._announce("store/order/created")
            recorder.wait(10 * MINUTE)
            if recorder.chance(0.3):
                return
            self._place()
        else:
            self.status_id = self.rng.choice((1, 7, 11, 11))
            self._announce("store/order/created", *self._topics_of_placing())
        while not recorder.is_over and self.status_id not in _CLOSED:
            if recorder.chance(0.5 if self.status_id == 10 else 0.12):
                break
            change = self._choose_change()
            if change is None:
                break
            recorder.wait()
            change()
            if self.archived:
                break

    def _choose_change(self) -> Callable[[], None] | None:
        status, is_shipped = self.status_id, any(line.shipped for line in self.lines)
        changes: list[tuple[Callable[[], None], int]] = [(self._save_again, 5), (self._save_often, 2)]
        if status in _NEW:
            changes += [(self._pay, 30), (self._edit, 6), (self._decline, 3), (self._cancel, 4)]
        if status in _PAID:
            changes += [(self._ship, 25), (self._review, 4), (self._cancel, 3), (self._refund_all, 3)]
            changes += [(self._set_shipped, 5)]
        if status == 3:
            changes += [(self._ship, 30)]
        if status in (2, 14) and is_shipped:
            changes += [(self._complete, 30)]
        if (status in _PAID and not is_shipped) or (status in (2, 10) and is_shipped):
            changes += [(self._refund_line, 6), (self._refund_amount, 4)]
        if self.recorder.now + _RESTORED_AFTER < self.recorder.end:
            changes += [(self._archive, 3)]
        return self.rng.choices([change for change, _ in changes], [weight for _, weight in changes])[0]

    def _set_status(self, status_id: int, *topics: str) -> None:
        self.status_id = status_id
        self._announce("store/order/updated", *topics, *self._wildcards("store/order/statusUpdated"))

    def _place(self) -> None:
        self._set_status(self.rng.choice((1, 7, 11, 11)), *self._topics_of_placing())

    def _topics_of_placing(self) -> tuple[str, ...]:
        paid = ("store/order/transaction/created", "store/order/transaction/updated") if self.status_id == 11 else ()
        converted = ("store/cart/converted",) if self.token else ()
        return self._wildcards("store/order/updated", *converted, *paid)

    def _pay(self) -> None:
        self._set_status(self.rng.choice((11, 11, 9, 8)), *self._wildcards("store/order/transaction/created"))

    def _decline(self) -> None:
        self._set_status(6)

    def _cancel(self) -> None:
        self._set_status(5)

    def _review(self) -> None:
        self._set_status(self.rng.choice((12, 13, 11)))

    def _complete(self) -> None:
        self._set_status(10)

    def _edit(self) -> None:
        self.lines.append(self._new_line(self.rng.choice(self.shop.products), self.rng.randrange(1, 5)))
        self._announce("store/order/updated")

    def _save_again(self) -> None:
        """Save the order, perhaps with another note, and perhaps twice within the same second."""
        for _ in range(1 + self.recorder.chance(0.15)):
            if self.recorder.chance(0.6):
                self.note = f"Прошу подзвонити / {self.rng.randrange(1000)}"
            self._announce("store/order/updated", *self._wildcards("store/order/updated"))

    def _save_often(self) -> None:
        self.note = f"Синхронізовано / {self.rng.randrange(1000)}"
        self._announce(*("store/order/updated",) * _BURST)

    def _ship(self) -> None:
        """Send a parcel with everything, or with a part of it."""
        unsent = [line for line in self.lines if line.shipped < line.left]
        part = unsent[: self.rng.randrange(1, len(unsent) + 1)] if unsent else []
        for line in part:
            line.shipped = line.left
        number = f"20{self.rng.randrange(10**12):012d}"
        self.shipments.append(
            {
                "id": next(self.shop.other_ids),
                "order_id": self.id,
                "tracking_number": number,
                "tracking_link": "",
                "generated_tracking_link": f"https://track.example/{number}",
                "shipping_provider": "custom",
                "shipping_provider_display_name": _CARRIER,
            }
        )
        is_whole = all(line.shipped >= line.left for line in self.lines)
        self._set_status(2 if is_whole else 3, "store/shipment/created")

    def _set_shipped(self) -> None:
        """Set the status by hand, without a parcel."""
        for line in self.lines:
            line.shipped = line.left
        self._set_status(2)

    def _refund_line(self) -> None:
        """Give the money for one line back, if anything is left then."""
        lines = [line for line in self.lines if line.left]
        if len(lines) < 2:
            return
        line = self.rng.choice(lines)
        tax = self.tax_of(line)
        item = {"item_type": "PRODUCT", "item_id": line.id, "quantity": line.quantity, "requested_amount": None}
        if line.paid:
            self._refund(line.paid + tax, tax, item, lambda: setattr(line, "returned", line.quantity))

    def _refund_amount(self) -> None:
        """Give an amount of the whole order back."""
        amount = max(self.shop.price_step, self.goods // 10 // 100 * 100)
        if amount < self.goods:
            item = {"item_type": "ORDER", "item_id": self.id, "quantity": 1, "requested_amount": money(amount)}
            self._refund(amount, 0, item, lambda: None)

    def _refund(self, amount: int, tax: int, item: Mapping[str, Any], and_then: Callable[[], None]) -> None:
        if self.refunds:
            return  # what several refunds leave of each line is not the simulation's subject
        and_then()
        self._add_refund(amount, tax, item)
        status = self.status_id if self.status_id == 10 else 14
        self._set_status(status, "store/order/refund/created")

    def _refund_all(self) -> None:
        if not self.refunds:
            item = {"item_type": "ORDER", "item_id": self.id, "quantity": 1, "requested_amount": money(self.total)}
            self._add_refund(self.total, 0, item)
            self._set_status(4, "store/order/refund/created")

    def _add_refund(self, amount: int, tax: int, item: Mapping[str, Any]) -> None:
        self.refunds.append(
            {
                "id": next(self.shop.other_ids),
                "order_id": self.id,
                "total_amount": amount / 100,
                "total_tax": 0 if self.with_tax else tax / 100,
                "payments": [{"id": 1, "amount": amount / 100, "is_declined": False}],
                "items": [item],
            }
        )

    def _archive(self) -> None:
        """Archive the order, which is how BigCommerce deletes one. Perhaps restore it days later."""
        recorder = self.recorder
        recorder.now += MINUTE  # clocks differ by seconds, and earlier changes must be older than the deletion
        self.archived, self.changed_at = True, recorder.second
        self.store.state(self._entity, *self._meaning(), answers_of(self))
        deletion = OrderDeletion(str(self.id), recorder.now)
        self.store.fact("store/order/archived", {"type": "order", "id": self.id}, self._entity, deletion)
        if recorder.now + _RESTORED_AFTER < recorder.end and recorder.chance(0.7):
            recorder.now += _RESTORED_AFTER
            recorder.wait()
            self.archived = False
            self._announce("store/order/updated")
            self.archived = True  # no more changes follow

    # -- meaning

    @property
    def _entity(self) -> str:
        return f"order {self.id}"

    @property
    def goods(self) -> int:
        """What the lines cost after discounts."""
        return sum(line.paid for line in self.lines)

    @property
    def _refunded(self) -> int:
        return sum(round(refund["total_amount"] * 100) for refund in self.refunds)

    def tax_of(self, line: OrderLine) -> int:
        """Return the tax that is added to a line; 0 if its price contains the tax."""
        step = self.shop.price_step
        return 0 if self.with_tax else line.paid * self.tax_percent // 100 // step * step

    @property
    def total(self) -> int:
        """What the order cost before refunds."""
        return self.goods + self.shipping + sum(map(self.tax_of, self.lines))

    @property
    def is_wholly_refunded(self) -> bool:
        """Whether all money was given back."""
        return self.status_id == 4 or self._refunded >= self.total > 0

    def _api_status(self) -> tuple[str | None, int]:
        """Return status and rank as the page about BigCommerce says."""
        status = self.status_id
        if status == 0 or self.too_old:
            return None, 0
        if self.archived or status in _CLOSED or self.is_wholly_refunded:
            return "CANCELLED", 5
        if status == 10:
            return "DELIVERED", 4
        if status in _NEW:
            return "INITIALIZED", 0
        is_whole = all(line.shipped >= line.left for line in self.lines) and any(line.left for line in self.lines)
        if is_whole or status == 2:
            return ("DELIVERED", 4) if self.shop.settings.shipped_is_delivered else ("IN_PROGRESS", 3)
        return "IN_PROGRESS", 2 if any(line.shipped for line in self.lines) else 1

    def _meaning(self) -> tuple[Meaning, Version]:
        status, rank = self._api_status()
        version: Version = (self.changed_at, rank)
        state = OrderState(
            str(self.id),
            version,
            status,
            self._params(),
            None if status is None else self.person,
            tuple((str(shipment["id"]), False) for shipment in self.shipments),
        )
        return (Purchase(state, self.token) if self.token else state), version

    def _params(self) -> dict[str, str]:
        refunded, person = self._refunded, self.person
        total = self.total if self.is_wholly_refunded else self.total - refunded
        shipment = self.shipments[-1] if self.shipments else None
        params = {
            "externalOrderId": f"{self.shop.settings.id_prefix}{self.id}",
            "orderNumber": str(self.id),
            "externalCustomerId": person.customer_id,
            "totalCost": money(total),
            "date": v3_time(self.created_at),
            "currency": self.shop.currency,
            "email": person.email,
            "phone": person.phone,
            "firstName": person.first_name,
            "lastName": person.last_name,
            "shipping": money(self.shipping),
            "discount": money(self.discount) if self.discount else None,
            "taxes": None if self.with_tax else money(sum(self.tax_of(line) for line in self.lines if line.left)),
            "couponCode": self.coupon if self.discount else None,
            "refundedAmount": money(refunded) if refunded else None,
            "statusDescription": STATUS_NAMES[self.status_id],
            "source": "online",
            "paymentMethod": PAYMENT_METHOD,
            "deliveryMethod": SHIPPING_METHOD,
            "trackingNumber": shipment["tracking_number"] if shipment else None,
            "trackingUrl": shipment["generated_tracking_link"] if shipment else None,
            "carrier": _CARRIER if shipment else None,
            "additionalInfo": self.note,
            "items": self._items(),
        }
        return {name: value for name, value in params.items() if value}

    @property
    def discount(self) -> int:
        """What the coupon takes off."""
        return sum(line.discount for line in self.lines)

    def _items(self) -> str:
        kept = [line for line in self.lines if line.left]
        goods = sum(line.paid for line in kept)
        # An amount that was given back lowers what all items cost. If nothing is left, it counts as not given back.
        amounts = [refund for refund in self.refunds if refund["items"][0]["item_type"] == "ORDER"]
        off = 0 if self.is_wholly_refunded else sum(round(refund["total_amount"] * 100) for refund in amounts)
        left = Fraction(goods - off, goods) if goods else Fraction(1)
        items = [
            {
                "externalItemId": line.product.item_id(self.shop.settings.item_id),
                "name": line.product.title,
                "quantity": str(line.left),
                "cost": self.shop.rounded(line.paid * left / line.quantity),
            }
            for line in kept
        ]
        return json.dumps(items, ensure_ascii=False)

    # -- webhooks and answers

    def _wildcards(self, *topics: str) -> tuple[str, ...]:
        """Return the topics if the store has subscribed to wildcards, otherwise none."""
        return topics if self.store.has_wildcards else ()

    def _announce(self, *topics: str) -> None:
        self.changed_at = self.recorder.second
        meaning, version = self._meaning()
        webhooks = [self._webhook(topic) for topic in topics]
        if self.store.has_wildcards:
            webhooks.append(("store/channel/1/order/updated", {"order_id": self.id}))
        answers: Answers = {**answers_of(self), **(self.cart_answers if self.status_id else {})}
        self.store.change(webhooks, self._entity, meaning, version, answers)

    def _webhook(self, topic: str) -> tuple[str, dict[str, Any]]:
        match topic:
            case "store/cart/converted":
                return topic, {"type": "cart", "id": self.token, "orderId": self.id}
            case "store/shipment/created":
                return topic, {"type": "shipment", "id": self.shipments[-1]["id"], "orderId": self.id}
            case "store/order/refund/created":
                return topic, {"type": "order", "id": self.id, "refund": {"refund_id": self.refunds[-1]["id"]}}
            case "store/order/statusUpdated":
                status = {"previous_status_id": 0, "new_status_id": self.status_id}
                return topic, {"type": "order", "id": self.id, "status": status}
            case "store/order/transaction/created" | "store/order/transaction/updated":
                return topic, {"type": "transaction", "order_id": str(self.id), "transaction_id": "1"}
        return topic, {"type": "order", "id": self.id}

    def _new_line(self, product: Product, quantity: int) -> OrderLine:
        line = OrderLine(next(self.shop.other_ids), product, quantity, 0)
        step = self.shop.price_step
        line.discount = line.gross // 10 // step * step if self.coupon else 0
        return line
