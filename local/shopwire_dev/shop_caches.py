"""The functions' caches of shops' settings, so that `shopwire dev` can let them forget a shop that was changed.

In AWS, settings are read again after an hour (`shopwire.shops`). A user who tries settings locally should not wait.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import shopwire.environment
from shopwire.shops import Shops

# Each function's app.py creates its own Environment, and this name is the only one with which that creates its cache.
_FACTORY = "Shops"


class ShopCaches:
    """All caches that are created while `collect` is active."""

    def __init__(self) -> None:
        self._caches: list[Shops] = []

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Note each cache that is created from now on."""
        make: Any = getattr(shopwire.environment, _FACTORY)

        def make_and_note(*arguments: Any) -> Shops:
            shops: Shops = make(*arguments)
            self._caches.append(shops)
            return shops

        setattr(shopwire.environment, _FACTORY, make_and_note)
        try:
            yield
        finally:
            setattr(shopwire.environment, _FACTORY, make)

    def forget(self, id: str) -> None:
        """Let every cache read the shop's settings again."""
        for shops in list(self._caches):
            shops.forget(id)
