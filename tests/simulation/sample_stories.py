"""Shops with many different settings, and stories of their customers, for the tests of workload and reference model."""

import random
from typing import Any

from shopwire.models import Shop
from shopwire_simulation.workload import make_stories
from shopwire_testkit.announcements import Story

START = 1_790_000_000_000


def _shop(id: str, platform: str, **settings: Any) -> Shop:
    keys: dict[str, Any] = {
        "secrets": ("secret",),
        "esputnik_key": f"key-{id}",
        "storefront_secret": "sample-storefront-secret",
    }
    return Shop(id=id, platform=platform, **keys, **settings)


SHOPS = [
    _shop("sim-shopify-0", "shopify", store="sim-0.myshopify.com", region="UA"),
    _shop("sim-shopify-1", "shopify", store="sim-1.myshopify.com", item_id="sku", shipped_is_delivered=True),
    _shop(
        "sim-shopify-2",
        "shopify",
        store="sim-2.myshopify.com",
        region="PL",
        item_id="product",
        ignore_test_orders=True,
        old_order_days=0,
        id_prefix="pl-",
    ),
    _shop("sim-woo-0", "woocommerce", region="UA"),
    _shop("sim-woo-1", "woocommerce", item_id="sku", statuses={"shipped": "DELIVERED"}),
    _shop(
        "sim-woo-2",
        "woocommerce",
        item_id="product",
        key_value="order",
        shipped_is_delivered=True,
        id_prefix="2:",
    ),
]


def sample_stories(seed: int, webhooks: int, shops: list[Shop] = SHOPS) -> list[Story]:
    """Return stories of the shops with at least this number of webhooks."""
    return make_stories(random.Random(seed), shops, webhooks, START)
