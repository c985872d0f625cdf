"""The scenarios of a Shopify shop (`shopwire_testkit.scenarios`)."""

from typing import Any

from shopwire_testkit.scenarios import Step

CREATED = ("body.created_at", "body.processed_at")
"""Fields that say when an order or cart was made."""
_NOT_REFUNDED: dict[str, Any] = {
    "financial_status": "paid",
    "refunds": [],
    "current_subtotal_price": "2259.00",
    "current_total_price": "2339.00",
    "line_items.1.current_quantity": 3,
}
STEPS = {
    "order-life": (
        Step("orders/create"),
        Step("orders/paid", second=1),
        Step("orders/fulfilled", second=2),
        Step("fulfillment_events/create--delivered", second=3),
    ),
    "cart-to-order": (
        Step("carts/create"),
        Step("carts/update", second=1),
        Step("checkouts/create", second=2),
        Step("orders/create", second=3),
        Step("carts/update--empty", second=4),
    ),
    "refund": (
        Step("orders/updated--partly_refunded", "orders/create", fields=_NOT_REFUNDED),
        Step("refunds/create", fields={"order_id": 6120431592000}, second=1),
        Step("orders/updated--partly_refunded", second=1),
    ),
    "out-of-order": (
        Step("fulfillment_events/create--delivered", second=3),
        Step("orders/fulfilled", second=2),
        Step("orders/paid", second=1),
        Step("orders/create"),
    ),
    "twice-at-once": (Step("orders/create", copies=2),),
}
