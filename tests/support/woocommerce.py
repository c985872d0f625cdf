"""A WooCommerce shop for tests, and its sample bodies by name. Nothing here says what shopwire should do."""

from typing import Any

from shopwire import platforms
from shopwire.models import Shop
from shopwire_testkit.samples import samples

WOO = platforms.get("woocommerce")
SECRET = "тихо & секретно"
BODIES = {sample.name: sample.body for sample in samples("woocommerce")}


def shop(**settings: Any) -> Shop:
    fields = {"id": "woo-shop", "platform": "woocommerce", "secrets": (SECRET,), "esputnik_key": "key", "region": "UA"}
    return Shop(**fields | settings)


SHOP = shop()
