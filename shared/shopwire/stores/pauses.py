"""The state of each shop: until when and why it is paused, and when the API last accepted a request of it. The API of a
shop's platform, from which thin webhooks are completed, has a state of its own.

A pause is an open circuit breaker for one shop, so that one wrong key delays no other shop. It ends with a probe: the
first invocation that moves the end of the pause by a little may try one message, and the rest waits for the result.
"""

from contextlib import suppress
from dataclasses import dataclass

from shopwire.errors import ConditionFailed
from shopwire.stores.table import Key, Table

RETENTION_SECONDS = 500 * 86_400
CACHE_MS = 5_000
_RECORD_SUCCESS_EVERY_MS = 240_000
MAX_PAUSE_MS = 3_600_000
"""The longest pause, unless the API asks for more."""
FIRST_HOUR_PAUSE_MAX_MS = 120_000
"""The longest pause in the first hour of an outage: as long as the longest backoff of a message in its first hour."""
FIRST_HOUR_PAUSES = 30
"""The number of two-minute pauses in an hour."""
OUTBOX_PAUSE_MS = 600_000
"""During a pause that is longer than this, what waits is moved to the outbox."""
_PAUSE_ATTRIBUTES = ("until", "reason", "pauses", "probed", "uses_outbox")


@dataclass(frozen=True, slots=True)
class ShopState:
    """The state of a shop. Times are UTC milliseconds.

    Args:
        until: the end of the pause. It is set until a probe succeeds.
        reason: why the shop is paused, as a code.
        pauses: how many pauses there were in a row.
        ok_at: when the API last accepted a request of the shop.
        erased_at: everything that was received until then was erased.
        probed: a probe is running; `until` is when it must be finished.
        uses_outbox: the pause was meant to last so long that everything that waits belongs in the outbox, so that of an
            entity nothing stays in the queue and overtakes what was moved out of it.
    """

    until: int | None = None
    reason: str = ""
    pauses: int = 0
    ok_at: int = 0
    erased_at: int | None = None
    probed: bool = False
    uses_outbox: bool = False


def platform_of(shop: str) -> str:
    """Return the name under which the API of a shop's platform has a state of its own."""
    return f"{shop}#platform"


class Pauses:
    """Reads and writes the shops' states. Times are UTC milliseconds. Every method may raise TableUnavailable.

    Args:
        base_ms: the length of the first pause. Each further one is twice as long, up to an hour.
    """

    def __init__(self, table: Table, base_ms: int) -> None:
        self._table = table
        self._base_ms = base_ms
        self._cache: dict[str, tuple[int, ShopState]] = {}

    def state(self, shop: str, now: int) -> ShopState:
        """Return the shop's state, at most a few seconds old."""
        read_at, state = self._cache.get(shop, (-CACHE_MS, ShopState()))
        if not 0 <= now - read_at < CACHE_MS or (state.until and state.until <= now):
            state = self._read(shop)
            self._cache[shop] = (now, state)
        return state

    def forget(self, shop: str) -> None:
        """Let the next call of `state` read the table."""
        self._cache.pop(shop, None)

    def end(self, shop: str) -> None:
        """End a pause by hand, so that everything that waits is tried."""
        self._table.update(self.key(shop), dict.fromkeys(_PAUSE_ATTRIBUTES))
        self.forget(shop)

    def probe(self, shop: str, state: ShopState, now: int) -> bool:
        """Return whether this invocation may probe whether the pause is over. Only one invocation may."""
        try:
            self._table.update(
                self.key(shop),
                {"until": self._probed_until(now), "probed": True},
                condition="until = :until",
                values={":until": state.until},
            )
        except ConditionFailed:
            self._cache.pop(shop, None)
            return False
        return True

    def release(self, shop: str, probed_at: int) -> None:
        """Let another message probe at once, because the one that was chosen at `probed_at` caused no request."""
        with suppress(ConditionFailed):  # the pause has ended, or another one began
            self._table.update(
                self.key(shop),
                {"until": probed_at, "probed": None},
                condition="until = :until",
                values={":until": self._probed_until(probed_at)},
            )
        self.forget(shop)

    def _probed_until(self, now: int) -> int:
        return now + 3 * self._base_ms

    def pause(self, shop: str, reason: str, now: int, asked_ms: int = 0, *, may_end_soon: bool = False) -> int:
        """Pause the shop. Return the end of the pause.

        Args:
            reason: why, as a code.
            asked_ms: what the API asked for. The pause lasts exactly so long; 0: the API asked for nothing.
            may_end_soon: the API fails or throttles, so it may recover at any moment. For the first hour the pauses are
                at most two minutes long then, so that what waits stays in the queue and is delivered soon afterwards.
        """
        state = self._read(shop)
        running = state.until if state.until and state.until > now and not state.probed else None
        if running and running >= now + asked_ms:
            return running  # an invocation that was sending when the pause began fails too; that changes nothing
        longest = FIRST_HOUR_PAUSE_MAX_MS if may_end_soon and state.pauses < FIRST_HOUR_PAUSES else MAX_PAUSE_MS
        length = asked_ms or min(self._base_ms << min(state.pauses, 20), longest)
        until = now + length
        self._table.update(
            self.key(shop),
            {
                "until": until,
                "reason": reason,
                "pauses": state.pauses + (not running),
                "probed": None,
                "uses_outbox": length > OUTBOX_PAUSE_MS or (running and state.uses_outbox) or None,
                "expires": now // 1000 + RETENTION_SECONDS,
            },
        )
        self._cache.pop(shop, None)
        return until

    def record_success(self, shop: str, now: int) -> None:
        """Record that the API accepted a request of the shop, which ends any pause.

        If there was no pause, it is written at most once in four minutes. What reads it asks for the last ten.
        """
        _, state = self._cache.get(shop, (0, ShopState()))
        if state.until is None and now - state.ok_at < _RECORD_SUCCESS_EVERY_MS:
            return
        change = dict.fromkeys(_PAUSE_ATTRIBUTES) | {"ok_at": now, "expires": now // 1000 + RETENTION_SECONDS}
        before = self._table.update(self.key(shop), change)
        self._cache[shop] = (now, ShopState(ok_at=now, erased_at=before.get("erased_at")))

    def erase(self, shop: str, at: int) -> None:
        """Record that everything that was received of the shop until `at` must be erased."""
        self._table.update(self.key(shop), {"erased_at": at, "expires": at // 1000 + RETENTION_SECONDS})
        self._cache.pop(shop, None)

    def latest(self, shop: str, now: int) -> ShopState:
        """Return the shop's state, or that of its platform's API if that pause ends later."""
        return max(self.state(shop, now), self.state(platform_of(shop), now), key=lambda state: state.until or 0)

    @staticmethod
    def key(shop: str) -> Key:
        """Return the key of the shop's item."""
        return Key(f"{shop}#state")

    def _read(self, shop: str) -> ShopState:
        item = self._table.get(self.key(shop)) or {}
        return ShopState(
            until=item.get("until"),
            reason=item.get("reason", ""),
            pauses=item.get("pauses", 0),
            ok_at=item.get("ok_at", 0),
            erased_at=item.get("erased_at"),
            probed=item.get("probed", False),
            uses_outbox=item.get("uses_outbox", False),
        )
