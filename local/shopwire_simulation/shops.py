"""The simulated shops and their settings."""

from typing import Any

from shopwire.models import Shop

# The settings in which the simulated shops differ.
_SHOPS: tuple[dict[str, Any], ...] = (
    {"id": "sim-shopify-0", "platform": "shopify"},
    {"id": "sim-woocommerce-0", "platform": "woocommerce"},
    {"id": "sim-shopify-1", "platform": "shopify", "item_id": "sku", "key_value": "order"},
    {"id": "sim-woocommerce-1", "platform": "woocommerce", "statuses": {"shipped": "DELIVERED"}},
    {"id": "sim-shopify-2", "platform": "shopify", "shipped_is_delivered": True},
)


def simulated_shops() -> dict[str, Shop]:
    """Return the simulated shops by their ids."""
    return {
        settings["id"]: Shop(
            secrets=(f"{settings['id']}-secret",),
            esputnik_key=f"{settings['id']}-key",
            region="UA",
            storefront_secret=f"{settings['id']}-storefront",
            origins=("https://sim.example",),
            **settings,
        )
        for settings in _SHOPS
    }


def shop_parameter(shop: Shop) -> dict[str, Any]:
    """Return the content of a shop's parameter in SSM, with its secrets in plain text."""
    settings = shop.model_dump(mode="json", exclude={"id"}, exclude_defaults=True)
    settings["secrets"] = [secret.get_secret_value() for secret in shop.secrets]
    settings["esputnik_key"] = shop.esputnik_key.get_secret_value()
    if shop.storefront_secret:
        settings["storefront_secret"] = shop.storefront_secret.get_secret_value()
    return settings


def with_settings(shop: Shop, **settings: Any) -> Shop:
    """Return the shop with some settings replaced, and validated."""
    return Shop(**{name: getattr(shop, name) for name in type(shop).model_fields} | settings)
