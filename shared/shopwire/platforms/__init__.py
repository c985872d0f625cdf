"""The shop platforms, a file each (`base` says what one is): verify the call, name the delivery, parse it to a change.

Beside it stand the types of its bodies, and what would make the file too long to be read in one go.

Nothing in here knows AWS, v1/event, or what happens to a change afterwards. A platform is loaded when first named, or
with all others by `load`.
"""

from functools import cache
from importlib import import_module

from shopwire.platforms.base import NotVerified, Platform, Unreadable, Unsigned

# name in shops.toml -> module : class
_PLATFORMS = {
    "shopify": "shopify:Shopify",
    "woocommerce": "woocommerce:WooCommerce",
    "storefront": "storefront:Storefront",
}

NAMES = tuple(_PLATFORMS)
OF_SHOPS = tuple(name for name in NAMES if name != "storefront")
"""Those that a shop can be on: a storefront is what a shop of any of them has."""

__all__ = ["NAMES", "OF_SHOPS", "NotVerified", "Platform", "Unreadable", "Unsigned", "get", "load"]


@cache
def get(name: str) -> Platform:
    """The platform of that name.

    Raises:
        KeyError: no such platform.
    """
    module, _, cls = _PLATFORMS[name].partition(":")
    platform: Platform = getattr(import_module(f"shopwire.platforms.{module}"), cls)()
    return platform


def load(*names: str) -> None:
    """Load whatever a call may need: these platforms (by default all that a shop can be on), and the library that
    completes phone numbers.

    For a function's INIT, which has a whole processor. An invocation at 144 MB has a twelfth of one, and somebody waits
    for it: what is 10 ms here (a platform) or 20 (the library) is twelve times that there.
    """
    for name in names or OF_SHOPS:
        get(name)
    import_module("phonenumbers")
