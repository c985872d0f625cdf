"""The scenarios of a BigCommerce store (`shopwire_testkit.scenarios`).

A webhook has only the id of an order, so each step is also what BigCommerce's API answers from then on.
"""

from typing import Any

from shopwire_testkit.scenarios import Step

CREATED = ("answers.order.date_created", "answers.cart.data.created_time")
"""Fields that say when an order or cart was made."""
_CART_ID = "0f2f4c1e-6a55-4f0e-9a3d-6a1f0a7c5b21"
_CART: dict[str, Any] = {"body.data.id": _CART_ID, "answers.cart.data.id": _CART_ID}
_AWAITING_PAYMENT = {"answers.order.status_id": 7, "answers.order.status": "Awaiting Payment"}
STEPS = {
    "order-life": (
        Step("store/order/created", fields=_AWAITING_PAYMENT),
        Step("store/order/updated", "store/order/statusUpdated", second=1),
        Step("store/order/updated--shipped", second=2),
        # BigCommerce knows no carrier: a completed order is a delivered one.
        Step("store/order/statusUpdated", second=3),
    ),
    "cart-to-order": (
        Step("store/cart/created", fields=_CART),
        Step("store/cart/updated", fields=_CART, second=1),
        Step("store/order/created", second=2),
        Step("store/cart/converted", second=2),
    ),
    "refund": (
        Step("store/order/created"),
        Step("store/order/refund/created", second=1),
        Step("store/order/refund/created--wholly", second=2),
    ),
    # Whatever arrives first, the API has the last state already.
    "out-of-order": (
        Step("store/order/updated--shipped"),
        Step("store/order/updated--shipped", "store/order/statusUpdated"),
        Step("store/order/updated--shipped", "store/order/created"),
    ),
    "twice-at-once": (Step("store/order/created", copies=2),),
}
