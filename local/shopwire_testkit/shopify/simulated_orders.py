"""A simulated Shopify order's life: bought, paid, edited, shipped, delivered, refunded, cancelled, deleted.

What each state means is said beside it for the truth; nothing here knows how shopwire reads it.
"""

import json
from collections.abc import Callable

from shopwire_testkit.announcements import Bought, Meaning, OrderGone, OrderState, ParcelDelivered, Version
from shopwire_testkit.inventing import MINUTE, money
from shopwire_testkit.shopify.simulated_bodies import Line, Order, Parcel, Refund, dump

_CARRIERS = ("Нова Пошта", "UPS", "Meest & Co")


class OrderLife(Order):
    """What happens to an order, and what it means."""

    # -- what happens

    def run(self) -> None:
        """Its life, until it is closed or the time of the run is over."""
        pen = self.pen
        self._say("orders/create", *(("orders/paid",) if self.financial == "paid" else ()), "orders/updated")
        if self.anonymous:
            pen.wait()
            self.anonymous = pen.chance(0.3)
            self._say("orders/updated")
        while not pen.over and not self.closed:
            if pen.chance(0.4 if self.delivered else 0.12):
                break
            before = self.rank()
            chosen = self._next()
            # What happens in the same second must not lower the rank: nobody could tell which came last.
            higher = (chosen == self._pay and before == 0) or (chosen == self._ship and before < 2)
            tie = higher and pen.chance(0.15)
            pen.wait(same_second=tie)
            chosen()
        if pen.chance(0.08) and not pen.over:
            pen.wait()
            pen.now += MINUTE
            gone = OrderGone(str(self.id), pen.now)
            pen.say("orders/delete", dump({"id": self.id}), self.entity, gone, None)

    def _next(self) -> Callable[[], None]:
        acts: list[tuple[Callable[[], None], int]] = [(self._save_again, 4), (self._cancel, 3)]
        if self.financial not in ("paid", "partially_refunded"):
            acts += [(self._pay, 30)]
        if any(line.to_ship for line in self.lines):
            acts += [(self._ship, 30)]
        if not self.parcels or (self.wholly_shipped and not self.shop.shipped_is_delivered and self.pen.chance(0.1)):
            acts += [(self._edit, 10)]
        if any(not parcel.delivered for parcel in self.parcels):
            acts += [(self._arrive, 40)]
        if self.financial in ("paid", "partially_refunded"):
            acts += [(self._refund_part, 8), (self._refund_all, 3)]
        return self.rng.choices([act for act, _ in acts], [weight for _, weight in acts])[0]

    def _pay(self) -> None:
        if self.financial == "pending" and self.pen.chance(0.2):
            self.financial = "partially_paid"
            return self._say("orders/updated")
        self.financial = "paid"
        return self._say("orders/paid", "orders/updated")

    def _save_again(self) -> None:
        if self.pen.chance(0.5):
            self.note = f"note {self.pen.rng.randrange(100)} <b>/</b>"
        self._say("orders/updated")

    def _edit(self) -> None:
        pen = self.pen
        self.touched = True
        # What was given back in money stays within what is left of the order.
        reducible = [one for one in self.lines if one.to_ship > 1 and one.divisible and self._can_spare(one, 1)]
        removable = [one for one in self.lines if one.to_ship == one.left > 0 and self._can_spare(one, one.left)]
        added, removed = [], []
        turn = self.rng.random()
        if turn < 0.4 and reducible:
            line = self.rng.choice(reducible)
            line.left -= 1
            removed = [{"id": line.id, "delta": 1}]
        elif turn < 0.6 and len(removable) > 1:
            line = self.rng.choice(removable)
            removed = [{"id": line.id, "delta": line.left}]
            line.left = 0
        else:
            line = self.new_line(*self.choose()[0])
            self.lines.append(line)
            added = [{"id": line.id, "delta": line.quantity}]
        edit = {"id": next(self.market.things), "order_id": self.id, "committed_at": self.market.local(pen.now)}
        signal = {"order_edit": edit | {"line_items": {"additions": added, "removals": removed}, "staff_note": ""}}
        pen.say("orders/edited", dump(signal), self.entity, None, None)
        self._say("orders/updated")

    def _can_spare(self, line: Line, quantity: int) -> bool:
        return not self.goodwill or line.worth(quantity) < self.current_total

    def _ship(self) -> None:
        pen, rng = self.pen, self.rng
        ready = [line for line in self.lines if line.to_ship]
        part = len(ready) > 1 and not self.shop.shipped_is_delivered and pen.chance(0.4)
        chosen = ready[: rng.randrange(1, len(ready))] if part else ready
        number = f"59{rng.randrange(10**10):010d}"
        parcel = Parcel(
            next(self.market.things), [(line, line.to_ship) for line in chosen], number, rng.choice(_CARRIERS)
        )
        for line, quantity in parcel.lines:
            line.shipped += quantity
        self.parcels.append(parcel)
        pen.say("fulfillments/create", dump(self.parcel_body(parcel)), self.entity, None, None)
        self._say("orders/fulfilled" if self.wholly_shipped else "orders/partially_fulfilled", "orders/updated")

    def _arrive(self) -> None:
        """A parcel comes one step further. The order's own body may say so, now or never: carriers' words travel
        apart from it."""
        pen, rng = self.pen, self.rng
        parcel = rng.choice([one for one in self.parcels if not one.delivered])
        if pen.chance(0.3):
            self._carrier_says(parcel, rng.choice(("in_transit", "out_for_delivery")))
            return
        way = rng.random()
        if way < 0.35:
            parcel.delivered = True
            pen.say("fulfillments/update", dump(self.parcel_body(parcel)), self.entity, self._arrived(parcel), None)
            self._say("orders/updated")
        elif way < 0.6:
            told = self.parcel_body(parcel) | {"shipment_status": "delivered"}
            pen.say("fulfillments/update", dump(told), self.entity, self._arrived(parcel), None)
        else:
            self._carrier_says(parcel, "delivered")
            if pen.chance(0.4):
                pen.wait(MINUTE)
                parcel.delivered = True
                self._say("orders/updated")

    def _arrived(self, parcel: Parcel) -> ParcelDelivered:
        return ParcelDelivered(str(self.id), str(parcel.id))

    def _carrier_says(self, parcel: Parcel, status: str) -> None:
        body = {
            "id": next(self.market.things),
            "fulfillment_id": parcel.id,
            "order_id": self.id,
            "status": status,
            "message": None,
            "happened_at": self.market.local(self.pen.now),
            "created_at": self.market.local(self.pen.now),
            "updated_at": self.market.local(self.pen.now),
        }
        fact = self._arrived(parcel) if status == "delivered" else None
        self.pen.say("fulfillment_events/create", dump(body), self.entity, fact, None)

    def _refund_part(self) -> None:
        lines = [line for line in self.lines if line.left and line.divisible]
        self.touched = True
        line = self.rng.choice(lines) if lines else None
        many = sum(one.left for one in self.lines) > 1
        if line and many and line.worth(1) < self.current_total and self.pen.chance(0.7):
            line.left -= 1
            self._refund(line.worth(1), [(line, 1)])
        else:
            amount = max(self.market.step, self.current_total // 10 // 100 * 100)
            if amount >= self.current_total:
                return
            self.goodwill += amount
            self._refund(amount, [])
        self.financial = "partially_refunded"
        self._say("orders/updated")

    def _refund_all(self) -> None:
        self._refund(self.current_total, [(line, line.left) for line in self.lines if line.left])
        for line in self.lines:
            line.left = 0
        self.financial = "refunded"
        self._say("orders/updated")

    def _refund(self, amount: int, lines: list[tuple[Line, int]]) -> None:
        refund = Refund(next(self.market.things), self.market.local(self.pen.now), amount, lines)
        self.refunds.append(refund)
        self.pen.say("refunds/create", dump(self.refund_body(refund)), self.entity, None, None)

    def _cancel(self) -> None:
        self.cancelled_at = self.pen.second
        self.cancel_reason = self.rng.choice(("customer", "inventory", "fraud", "declined", "other"))
        if self.financial in ("paid", "partially_refunded"):
            self._refund(self.current_total, [(line, line.left) for line in self.lines if line.left])
            self.financial = "refunded"
            for line in self.lines:
                line.left = 0
        elif self.pen.chance(0.5):
            self.financial = "voided"
        self._say("orders/cancelled", "orders/updated")

    # -- what it means

    def _say(self, *topics: str) -> None:
        """Announce the order as it stands: one body and one version under several topics."""
        version: Version = (self.pen.second, self.rank())
        ignored = self.anonymous or self.too_old or (self.test and self.shop.ignore_test_orders)
        state = OrderState(
            str(self.id),
            version,
            None if ignored else self.status(),
            self._params(),
            None if ignored else self.person,
            tuple((str(parcel.id), parcel.delivered) for parcel in self.parcels),
            self.wholly_shipped,
        )
        meaning: Meaning = Bought(state, self.token) if self.token else state
        body = dump(self.body())
        for topic in topics:
            self.pen.say(topic, body, self.entity, meaning, version)

    def _params(self) -> dict[str, str]:
        person, now = self.person, self.current_total
        params = {
            "externalOrderId": str(self.id),
            "externalCustomerId": person.customer_id or person.key,
            "date": self.market.local(self.created_at),
            "currency": self.market.currency,
            "email": person.email,
            "phone": person.phone,
            "couponCode": self.coupon,
            "cancelReason": self.cancel_reason,
            "refundedAmount": money(sum(one.amount for one in self.refunds)) if self.refunds else None,
        }
        if len(self.parcels) == 1:
            parcel = self.parcels[0]
            params |= {"trackingNumber": parcel.number, "trackingUrl": parcel.url, "carrier": parcel.carrier}
        if not self.closed:
            taxes = sum(line.tax * line.left for line in self.lines)
            params |= {
                "totalCost": money(now),
                "items": self._items(),
                "shipping": money(self.shipping) if self.shipping else None,
                "taxes": money(taxes) if taxes else None,
            }
        elif now or not self.touched:
            # Of one that was edited before its money went back, the last body does not say what it cost then.
            params["totalCost"] = money(now or self.total)
        return {name: value for name, value in params.items() if value}

    def _items(self) -> str | None:
        items = [
            {
                "externalItemId": line.good.id(self.shop.item_id),
                "quantity": str(line.left),
                "cost": self.market.rounded(line.cost),
            }
            for line in self.lines
            if line.left
        ]
        return json.dumps(items, ensure_ascii=False) if items else None
