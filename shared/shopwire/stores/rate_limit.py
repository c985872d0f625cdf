"""The rate limit of the storefront URL, per shop, because anyone on the internet can call it.

Calls are counted in the table, so that the limit holds for all Lambda environments together. API Gateway's own
throttling cannot tell shops apart. One write per call would be a third of a visit's price, so each environment reserves
its calls in bundles.
"""

from dataclasses import dataclass

from shopwire.errors import TableUnavailable
from shopwire.observability import logger
from shopwire.stores.table import Key, Table

_WINDOW_MS = 10_000
_BUNDLE_SIZE = 10


@dataclass(slots=True)
class _Share:
    """The calls that this environment may still admit in a window, of all those that it reserved there.

    `spent`: the shop has none left in this window.
    """

    window: int
    left: int = 0
    reserved: int = 0
    spent: bool = False


class RateLimit:
    """Admits a number of calls per shop in each window of ten seconds, for all environments together.

    Calls that an environment reserved and did not need expire with the window. With many environments that are seldom
    called, the limit may therefore be lower by one bundle each. While the table is down, each environment counts alone.
    """

    def __init__(self, table: Table, per_second: int) -> None:
        self._table = table
        self._limit = per_second * _WINDOW_MS // 1000
        self._shares: dict[str, _Share] = {}

    def admits(self, shop: str, now: int) -> bool:
        """Return whether one more call is admitted now (UTC ms)."""
        window = now // _WINDOW_MS
        share = self._shares.get(shop)
        if share is None or share.window != window:
            share = self._shares[shop] = _Share(window)
        if not share.left and not share.spent:
            share.left = self._reserve(shop, share, now)
            share.reserved += share.left
            share.spent = not share.left
        if share.spent:
            return False
        share.left -= 1
        return True

    def _reserve(self, shop: str, share: _Share, now: int) -> int:
        try:
            before = self._table.update(
                Key(f"{shop}#visits#{share.window}"),
                {},
                once={"expires": (now + 60 * _WINDOW_MS) // 1000},
                add={"taken": _BUNDLE_SIZE},
            )
        except TableUnavailable:
            return max(0, min(_BUNDLE_SIZE, self._limit - share.reserved))
        left = max(0, min(_BUNDLE_SIZE, self._limit - int(before.get("taken", 0))))
        if not left:
            # Once per window and environment, not once per call, so that a flood does not fill the log.
            logger.warning("storefront rate limit exceeded", extra={"shop": shop, "outcome": "throttled"})
        return left
