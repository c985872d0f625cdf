"""The scenarios of a shop that sends our own format (`shopwire_testkit.scenarios`)."""

from typing import Any

from shopwire_testkit.scenarios import Step

CREATED = ("created_at",)
"""Fields that say when an order was made."""
_PAID = {"status": "IN_PROGRESS", "status_text": "Оплачено"}
_SHIPPED: dict[str, Any] = {
    "status": "IN_PROGRESS",
    "status_text": "Відправлено",
    "parcels": [{"id": "20450000000001", "tracking_number": "20450000000001", "carrier": "Нова пошта"}],
    "shipped": True,
}
_DELIVERED = {"status": "DELIVERED", "status_text": "Виконано"}
STEPS = {
    "order-life": (
        Step("order"),
        Step("order", fields=_PAID, second=1),
        Step("order", fields=_SHIPPED, second=2),
        Step("parcel_delivered", fields={"order_id": "1042"}, second=3),
    ),
    "cart-to-order": (
        Step("cart--anonymous", fields={"token": "c-8f14e45fceea167a"}),
        Step("cart", second=1),
        Step("order", second=2),
        Step("cart--empty", fields={"token": "c-8f14e45fceea167a"}, second=3),
    ),
    "refund": (
        Step("order", fields=_PAID),
        Step("order", fields=_DELIVERED, second=1),
        Step("order", fields=_DELIVERED | {"refunded": "300.00"}, second=2),
    ),
    "out-of-order": (
        Step("order", fields=_DELIVERED, second=2),
        Step("order", fields=_PAID, second=1),
        Step("order"),
    ),
    "twice-at-once": (Step("order", copies=2),),
}
