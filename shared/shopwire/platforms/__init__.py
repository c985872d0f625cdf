"""The shop platforms, one folder each: verify a call, name its deliveries, parse its body into changes.

`base` says what a platform is. Nothing here knows AWS, v1/event, or what happens to a change afterwards. A platform is
imported when it is first named, or by `load`, so that the names alone cost nothing.
"""

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shopwire.platforms.base import Platform

CLASSES = {
    "shopify": "Shopify",
    "woocommerce": "WooCommerce",
    "generic": "Generic",
    "bigcommerce": "BigCommerce",
    "storefront": "Storefront",
}
"""The class of each platform, by its name in shops.toml. The class is in the package of that name."""

_INTERNAL = {"by_hand": "ByHand"}
"""What is read like a platform's webhooks, but comes from no platform."""

NAMES = tuple(CLASSES)
OF_SHOPS = tuple(name for name in NAMES if name != "storefront")
"""The platforms that a shop can run on. The storefront is no such platform: a shop of any platform has one."""


@cache
def get(name: str) -> "Platform":
    """Return the platform of this name.

    Raises:
        KeyError: there is no such platform.
    """
    name_of_class = _INTERNAL.get(name) or CLASSES[name]
    platform: Platform = getattr(import_module(f"shopwire.platforms.{name}"), name_of_class)()
    return platform


_ON_DEMAND = frozenset({"generic"})
"""Platforms that `load` leaves out. Their first call in an environment imports them, and no other shop pays for it."""


def load(*names: str) -> None:
    """Import what a call may need: these platforms (by default those of most shops) and the phone library.

    A function does this at INIT, where it has a whole processor. An invocation at 144 MB has a twelfth of one, and the
    platform waits for the answer: 10 ms of import at INIT would take 120 ms there.
    """
    for name in names or (name for name in OF_SHOPS if name not in _ON_DEMAND):
        get(name)
    import_module("phonenumbers")
