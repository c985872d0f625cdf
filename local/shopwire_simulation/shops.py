"""The simulated shops and their settings."""

from collections.abc import Collection, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from shopwire import platforms
from shopwire.models import Shop
from shopwire_testkit.announcements import Story
from shopwire_testkit.story_recorder import StoryRecorder

REFERENCE_PLATFORMS = ("shopify", "woocommerce")
"""The platforms on which the simulation itself and its planted bugs are tested. A later platform changes neither.

Together they have every kind of topic, and carts in webhooks and in the browser.
"""


ONLY_IF_NAMED = frozenset({"bigcommerce"})
"""Platforms that are simulated only if they are named. CI simulates them in a run of their own."""


class SimulatedPlatform(Protocol):
    """What the module `shopwire_testkit.<platform>.simulated_shop` defines. A platform may have none."""

    SHOPS: tuple[dict[str, Any], ...]
    """Settings of the simulated shops: one shop for each."""

    def signed_headers(
        self, topic: str, body: bytes, secret: str, shop: str, store: str, at: int, number: int
    ) -> Mapping[str, str]:
        """Return the headers with which the platform calls, as its documentation describes them.

        Args:
            shop: the id of the shop.
            store: the platform's own name of the shop, or "" for a shop that has none in its settings.
            at: when the call is made (UTC milliseconds).
            number: stands for the webhook, of which there may be several calls.
        """

    def simulate_customer(self, recorder: StoryRecorder, serial: int) -> Story:
        """Return the story of one customer of a shop."""


@cache
def simulated_platforms() -> dict[str, SimulatedPlatform]:
    """Return the platforms that have a simulated shop, by name."""
    modules = {name: f"shopwire_testkit.{name}.simulated_shop" for name in platforms.OF_SHOPS}
    return {
        name: cast(SimulatedPlatform, import_module(module))
        for name, module in modules.items()
        if find_spec(module) is not None
    }


def simulated_shops(names: Collection[str] | None = None) -> dict[str, Shop]:
    """Return the simulated shops by their ids: the first shop of each platform, then the second of each, and so on.

    Args:
        names: names of platforms with a simulated shop. None: all of them but ONLY_IF_NAMED.
    """
    numbered = sorted(
        (number, order, name, settings)
        for order, (name, platform) in enumerate(simulated_platforms().items())
        if (name not in ONLY_IF_NAMED if names is None else name in names)
        for number, settings in enumerate(platform.SHOPS)
    )
    return {
        id: Shop(
            id=id,
            platform=name,
            secrets=(f"{id}-secret",),
            storefront_secret=(f"{id}-storefront", f"{id}-next-storefront"),
            origins=("https://sim.example",),
            **{"esputnik_key": f"{id}-key", "region": "UA"} | settings,
        )
        for number, _, name, settings in numbered
        for id in (f"sim-{name}-{number}",)
    }


def accounts_of(shops: Mapping[str, Shop]) -> dict[str, str]:
    """Return the account of the API that each shop uses, by the shop's id.

    Shops with the same API key use one account. An account is named after the first of its shops.
    """
    first: dict[str, str] = {}
    return {id: first.setdefault(shop.esputnik_key.get_secret_value(), id) for id, shop in shops.items()}


def shop_parameter(shop: Shop) -> dict[str, Any]:
    """Return the content of a shop's parameter in SSM, with its secrets in plain text."""
    settings = shop.model_dump(mode="json", exclude={"id"}, exclude_defaults=True)
    settings["secrets"] = [secret.get_secret_value() for secret in shop.secrets]
    settings["esputnik_key"] = shop.esputnik_key.get_secret_value()
    settings["storefront_secret"] = [secret.get_secret_value() for secret in shop.storefront_secret]
    return settings


def with_settings(shop: Shop, **settings: Any) -> Shop:
    """Return the shop with some settings replaced, and validated."""
    return Shop(**{name: getattr(shop, name) for name in type(shop).model_fields} | settings)
