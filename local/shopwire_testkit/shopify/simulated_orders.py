"""The changes of a simulated Shopify order: paid, edited, shipped, delivered, refunded, cancelled, deleted.

The meaning of each webhook is recorded with it for the reference model. Nothing here knows how shopwire reads it.
"""

import json
import random
from collections.abc import Callable
from fractions import Fraction

from shopwire_testkit.announcements import Meaning, OrderDeletion, OrderState, ParcelDelivered, Purchase, Version
from shopwire_testkit.durations import MINUTE
from shopwire_testkit.long_notes import has_long_note, write_long_note
from shopwire_testkit.shop_data import money
from shopwire_testkit.shopify.simulated_bodies import (
    GATEWAY,
    LOCATION,
    SHIPPING_TITLE,
    OrderLine,
    SimulatedOrder,
    SimulatedParcel,
    SimulatedRefund,
    address_line,
    encode_json,
)

_CARRIERS = ("Нова Пошта", "UPS", "Meest & Co")


class OrderLifecycle(SimulatedOrder):
    """One order, its changes and their meanings."""

    # -- changes

    def run(self) -> None:
        """Change the order until it is closed, no more changes follow, or the run's time is over."""
        recorder = self.recorder
        if has_long_note(self.id):
            self.note = self.long_note = write_long_note(random.Random(self.id), self._params(), len(self.lines))
        topics = ("orders/create", *(("orders/paid",) if self.financial_status == "paid" else ()), "orders/updated")
        self._announce(*topics)
        if self.anonymous:
            recorder.wait()
            self.anonymous = recorder.chance(0.3)
            self._announce("orders/updated")
        while not recorder.is_over and not self.is_closed:
            if recorder.chance(0.4 if self.is_delivered else 0.12):
                break
            rank = self.rank()
            change = self._choose_change()
            # Two changes in one second must raise the rank. Otherwise the order of the two would be unknown.
            raises_rank = (change == self._pay and rank == 0) or (change == self._ship and rank < 2)
            same_second = raises_rank and recorder.chance(0.15)
            recorder.wait(same_second=same_second)
            change()
        if recorder.chance(0.08) and not recorder.is_over:
            recorder.wait()
            recorder.now += MINUTE
            deletion = OrderDeletion(str(self.id), recorder.now)
            recorder.announce("orders/delete", encode_json({"id": self.id}), self.entity, deletion, None)

    def _choose_change(self) -> Callable[[], None]:
        changes: list[tuple[Callable[[], None], int]] = [(self._save_again, 4), (self._cancel, 3)]
        if self.financial_status not in ("paid", "partially_refunded"):
            changes += [(self._pay, 30)]
        if any(line.to_ship for line in self.lines):
            changes += [(self._ship, 30)]
        if not self.parcels or (
            self.wholly_shipped and not self.settings.shipped_is_delivered and self.recorder.chance(0.1)
        ):
            changes += [(self._edit, 10)]
        if any(not parcel.delivered for parcel in self.parcels):
            changes += [(self._move_parcel, 40)]
        if self.financial_status in ("paid", "partially_refunded"):
            changes += [(self._refund_part, 8), (self._refund_all, 3)]
        return self.rng.choices([change for change, _ in changes], [weight for _, weight in changes])[0]

    def _pay(self) -> None:
        if self.financial_status == "pending" and self.recorder.chance(0.2):
            self.financial_status = "partially_paid"
            return self._announce("orders/updated")
        self.financial_status = "paid"
        return self._announce("orders/paid", "orders/updated")

    def _save_again(self) -> None:
        if self.recorder.chance(0.5):
            number = self.rng.randrange(100)
            self.note = f"{self.long_note}note {number} <b>/</b>"
            self.short_note = None if self.long_note else f"note {number} /"
        self._announce("orders/updated")

    def _edit(self) -> None:
        recorder = self.recorder
        # The money that was refunded without lines must stay below what is left of the order.
        reducible = [line for line in self.lines if line.to_ship > 1 and line.is_divisible and self._can_spare(line, 1)]
        removable = [line for line in self.lines if line.to_ship == line.left > 0 and self._can_spare(line, line.left)]
        added, removed = [], []
        share = self.rng.random()
        if share < 0.4 and reducible:
            line = self.rng.choice(reducible)
            removed = [self._remove(line, 1)]
        elif share < 0.6 and len(removable) > 1:
            line = self.rng.choice(removable)
            removed = [self._remove(line, line.left)]
        else:
            line = self.new_line(*self.choose_products()[0])
            self.lines.append(line)
            added = [{"id": line.id, "delta": line.quantity}]
        edit = {
            "id": next(self.shop.other_ids),
            "order_id": self.id,
            "committed_at": self.shop.local_time(recorder.now),
        }
        signal = {"order_edit": edit | {"line_items": {"additions": added, "removals": removed}, "staff_note": ""}}
        recorder.announce("orders/edited", encode_json(signal), self.entity, None, None)
        self._announce("orders/updated")

    def _remove(self, line: OrderLine, quantity: int) -> dict[str, int]:
        refund = SimulatedRefund(next(self.shop.other_ids), self.shop.local_time(self.recorder.now), 0)
        refund.lines.append((line, quantity))
        self.refunds.append(refund)
        line.left -= quantity
        return {"id": line.id, "delta": quantity}

    def _can_spare(self, line: OrderLine, quantity: int) -> bool:
        return not self.refunded_without_lines or line.cost(quantity) < self.current_total

    def _ship(self) -> None:
        recorder, rng = self.recorder, self.rng
        lines = [line for line in self.lines if line.to_ship]
        partly = len(lines) > 1 and not self.settings.shipped_is_delivered and recorder.chance(0.4)
        chosen = lines[: rng.randrange(1, len(lines))] if partly else lines
        number = f"59{rng.randrange(10**10):010d}"
        parcel = SimulatedParcel(
            next(self.shop.other_ids), [(line, line.to_ship) for line in chosen], number, rng.choice(_CARRIERS)
        )
        for line, quantity in parcel.lines:
            line.shipped += quantity
        self.parcels.append(parcel)
        recorder.announce("fulfillments/create", encode_json(self.parcel_body(parcel)), self.entity, None, None)
        self._announce("orders/fulfilled" if self.wholly_shipped else "orders/partially_fulfilled", "orders/updated")

    def _move_parcel(self) -> None:
        """Move a parcel one step further.

        The order's own body may say so at once, later or never, because the carrier's messages travel apart from it.
        """
        recorder, rng = self.recorder, self.rng
        parcel = rng.choice([parcel for parcel in self.parcels if not parcel.delivered])
        if recorder.chance(0.3):
            self._announce_carrier_status(parcel, rng.choice(("in_transit", "out_for_delivery")))
            return
        share = rng.random()
        if share < 0.35:
            parcel.delivered = True
            self._announce_delivered_parcel(parcel)
            self._announce("orders/updated")
        elif share < 0.6:
            self._announce_delivered_parcel(parcel)
        else:
            self._announce_carrier_status(parcel, "delivered")
            if recorder.chance(0.4):
                recorder.wait(MINUTE)
                parcel.delivered = True
                self._announce("orders/updated")

    def _announce_delivered_parcel(self, parcel: SimulatedParcel) -> None:
        body = self.parcel_body(parcel) | {"shipment_status": "delivered"}
        tracking = {"trackingNumber": parcel.number, "trackingUrl": parcel.url, "carrier": parcel.carrier}
        fact = ParcelDelivered(str(self.id), str(parcel.id), tracking)
        self.recorder.announce("fulfillments/update", encode_json(body), self.entity, fact, None)

    def _announce_carrier_status(self, parcel: SimulatedParcel, status: str) -> None:
        now = self.shop.local_time(self.recorder.now)
        body = {
            "id": next(self.shop.other_ids),
            "fulfillment_id": parcel.id,
            "order_id": self.id,
            "status": status,
            "message": None,
            "happened_at": now,
            "created_at": now,
            "updated_at": now,
        }
        fact = ParcelDelivered(str(self.id), str(parcel.id)) if status == "delivered" else None
        self.recorder.announce("fulfillment_events/create", encode_json(body), self.entity, fact, None)

    def _refund_part(self) -> None:
        lines = [line for line in self.lines if line.left and line.is_divisible]
        line = self.rng.choice(lines) if lines else None
        several_units = sum(line.left for line in self.lines) > 1
        if line and several_units and line.cost(1) < self.current_total and self.recorder.chance(0.7):
            line.left -= 1
            self._refund(line.cost(1), [(line, 1)])
        else:
            amount = max(self.shop.price_step, self.current_total // 10 // 100 * 100)
            if amount >= self.current_total:
                return
            self.refunded_without_lines += amount
            self._refund(amount, [])
        self.financial_status = "partially_refunded"
        self._announce("orders/updated")

    def _refund_all(self) -> None:
        self._refund_every_line()
        self._announce("orders/updated")

    def _refund_every_line(self) -> None:
        self.total_before = self.current_total
        self._refund(self.current_total, [(line, line.left) for line in self.lines if line.left])
        for line in self.lines:
            line.left = 0
        self.financial_status = "refunded"

    def _refund(self, amount: int, lines: list[tuple[OrderLine, int]]) -> None:
        refund = SimulatedRefund(next(self.shop.other_ids), self.shop.local_time(self.recorder.now), amount, lines)
        self.refunds.append(refund)
        self.recorder.announce("refunds/create", encode_json(self.refund_body(refund)), self.entity, None, None)

    def _cancel(self) -> None:
        self.cancelled_at = self.recorder.second
        self.cancel_reason = self.rng.choice(("customer", "inventory", "fraud", "declined", "other"))
        if self.financial_status in ("paid", "partially_refunded"):
            self._refund_every_line()
        elif self.recorder.chance(0.5):
            self.financial_status = "voided"
        self._announce("orders/cancelled", "orders/updated")

    # -- meaning

    def _announce(self, *topics: str) -> None:
        """Announce the order as it is now, with one body and one version under several topics."""
        version: Version = (self.recorder.second, self.rank())
        ignored = self.anonymous or self.too_old or (self.test and self.settings.ignore_test_orders)
        state = OrderState(
            str(self.id),
            version,
            None if ignored else self.api_status(),
            self._params(),
            None if ignored else self.person,
            tuple((str(parcel.id), parcel.delivered) for parcel in self.parcels),
            self.wholly_shipped,
        )
        meaning: Meaning = Purchase(state, self.token) if self.token else state
        body = encode_json(self.body())
        for topic in topics:
            self.recorder.announce(topic, body, self.entity, meaning, version)

    def _params(self) -> dict[str, str]:
        person, total = self.person, self.current_total
        refunded = sum(refund.amount for refund in self.refunds)
        params = {
            "externalOrderId": f"{self.settings.id_prefix}{self.id}",
            "externalCustomerId": person.customer_id,
            "date": self.shop.local_time(self.sold_at),
            "currency": self.shop.currency,
            "email": person.email,
            "phone": person.phone,
            "couponCode": ", ".join(self.coupons),
            "cancelReason": self.cancel_reason,
            "refundedAmount": money(refunded) if refunded else None,
            "firstName": person.first_name,
            "lastName": person.last_name,
            "orderNumber": f"#{self.id}",
            "restoreUrl": self.status_url,
            "statusDescription": ", ".join(self.status_words()),
            "source": "online",
            "storeId": str(LOCATION),
            "deliveryAddress": address_line(address) if (address := self.contact_fields["shipping_address"]) else None,
            "deliveryMethod": SHIPPING_TITLE if self.shipping else None,
            "paymentMethod": GATEWAY,
            # The event of an order with a long note may have room for a part of it only.
            "additionalInfo": self.short_note,
        }
        if self.parcels:
            parcel = self.parcels[-1]
            params |= {"trackingNumber": parcel.number, "trackingUrl": parcel.url, "carrier": parcel.carrier}
        if not self.is_closed:
            taxes = sum(line.tax * line.left for line in self.lines)
            params |= {
                "totalCost": money(total),
                "items": self._items(),
                "shipping": money(self.shipping) if self.shipping else None,
                "discount": money(self.current_discount),
                "taxes": money(taxes) if taxes else None,
            }
        else:
            params["totalCost"] = money(total or self.total_before)
        return {name: value for name, value in params.items() if value}

    def _items(self) -> str | None:
        # A refund of no line lowers what all of them cost.
        goods = sum(line.unit_cost * line.left for line in self.lines)
        share = max(1 - self.refunded_without_lines / goods, Fraction(0)) if goods else Fraction(1)
        items = [
            {
                "externalItemId": line.product.item_id(self.settings.item_id),
                "name": line.product.title,
                "quantity": str(line.left),
                "cost": self.shop.rounded(line.unit_cost * share),
            }
            for line in self.lines
            if line.left
        ]
        return json.dumps(items, ensure_ascii=False) if items else None
