"""The functions' caches of shops' settings and pauses, so that `shopwire dev` can let them forget a shop.

In AWS, settings are read again after an hour (`shopwire.shops`) and pauses after some seconds (`stores.pauses`). A user
who tries something locally should not wait.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import shopwire.environment

# Each function's app.py creates its own Environment, and these names are the only ones with which that creates them.
_FACTORIES = ("Shops", "Pauses")


class _Cache(Protocol):
    def forget(self, shop: str) -> None: ...


class FunctionCaches:
    """All caches that are created while `collect` is active."""

    def __init__(self) -> None:
        self._caches: list[_Cache] = []

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Note each cache that is created from now on."""
        before = {name: getattr(shopwire.environment, name) for name in _FACTORIES}
        for name, make in before.items():
            setattr(shopwire.environment, name, self._noting(make))
        try:
            yield
        finally:
            for name, make in before.items():
                setattr(shopwire.environment, name, make)

    def forget(self, id: str) -> None:
        """Let every cache read the shop again."""
        for cache in list(self._caches):
            cache.forget(id)

    def _noting(self, make: Any) -> Any:
        def make_and_note(*arguments: Any) -> _Cache:
            cache: _Cache = make(*arguments)
            self._caches.append(cache)
            return cache

        return make_and_note
