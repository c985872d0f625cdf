"""The scenarios of a WooCommerce shop (`shopwire_testkit.scenarios`)."""

from shopwire_testkit.scenarios import Step

CREATED = ("body.date_created_gmt", "body.date_created")
"""Fields that say when an order was made. The first one is in UTC, and the second one moves with it."""
_SAME_ORDER = {"id": 2107, "number": "2107"}
STEPS = {
    # WooCommerce knows no carrier: a completed order is a delivered one.
    "order-life": (
        Step("order.created"),
        Step("order.updated", second=1),
        Step("order.updated--own_status", fields=_SAME_ORDER, second=2),
        Step("order.updated--completed", second=3),
    ),
    # WooCommerce has no webhooks of carts. The browser sends them, and an empty cart when it is bought.
    "cart-to-order": (
        Step("product", platform="storefront"),
        Step("cart", platform="storefront"),
        Step("cart--empty", platform="storefront"),
        Step("order.created", fields={"billing.email": "Iryna.Bondar@example.com"}),
    ),
    "refund": (
        Step("order.updated", "order.created"),
        Step("order.updated--partly_refunded", fields=_SAME_ORDER, second=1),
        Step("order.updated--refunded", fields=_SAME_ORDER, second=2),
    ),
    "out-of-order": (
        Step("order.updated--completed", second=2),
        Step("order.updated", second=1),
        Step("order.created"),
    ),
    "twice-at-once": (Step("order.created", copies=2),),
}
