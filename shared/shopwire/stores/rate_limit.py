"""How many calls of the storefront's URL a shop may cause: anyone on the internet can make them.

Counted in the table, so that it holds however many environments Lambda runs, and apart for each shop: the gateway's own
throttling knows only all shops together. A write for each call would be a third of a visit's price, so each
environment takes its calls in bundles. What becomes of a call that may not pass is not decided here.
"""

from dataclasses import dataclass

from shopwire.observability import logger
from shopwire.stores.table import Key, Table, TableDown

_WINDOW = 10_000
_BUNDLE = 10


@dataclass(slots=True)
class _Share:
    """What this environment may still let pass within a window; `spent`: the shop's window has no more."""

    window: int
    left: int = 0
    spent: bool = False


class RateLimit:
    """So many calls of a shop within each ten seconds, by all environments together.

    What an environment took and did not need is gone with the window: with many of them, each seldom called, it may be
    a bundle less for each. While the table is down each environment counts for itself.
    """

    def __init__(self, table: Table, per_second: int) -> None:
        self._table = table
        self._limit = per_second * _WINDOW // 1000
        self._shares: dict[str, _Share] = {}

    def admits(self, shop: str, now: int) -> bool:
        """Whether one more call may pass now (UTC milliseconds)."""
        window = now // _WINDOW
        share = self._shares.get(shop)
        if share is None or share.window != window:
            share = self._shares[shop] = _Share(window)
        if not share.left and not share.spent:
            share.left = self._take(shop, window, now)
            share.spent = not share.left
        if share.spent:
            return False
        share.left -= 1
        return True

    def _take(self, shop: str, window: int, now: int) -> int:
        try:
            before = self._table.update(
                Key(f"{shop}#visits#{window}"),
                {},
                once={"expires": (now + 60 * _WINDOW) // 1000},
                add={"taken": _BUNDLE},
            )
        except TableDown:
            return min(_BUNDLE, self._limit)
        left = max(0, min(_BUNDLE, self._limit - int(before.get("taken", 0))))
        if not left:
            # Once a window and environment, not once a call: who floods us shall not fill the log.
            logger.warning("storefront limit", extra={"shop": shop, "outcome": "throttled"})
        return left
