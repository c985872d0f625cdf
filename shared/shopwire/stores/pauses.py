"""How each shop is served: paused until when and why, and when the API last took something of it.

A pause is the shop's, not the system's: one wrong key holds up nobody else. It ends by a probe: whoever first moves its
end a little on may try one message, the rest waits for what becomes of it.
"""

from dataclasses import dataclass

from shopwire.stores.table import ConditionFailed, Key, Table

_KEPT = 500 * 86_400
_FRESH = 5_000
_NOTE_EVERY = 60_000
LONGEST = 3_600_000
"""A pause's length at most, in milliseconds, unless the API asked for more."""
# As long as a message backs off in its first hour; this often it is an hour.
_PATIENT = 120_000
_PATIENTLY = 30
_LONG = 600_000
_OF_A_PAUSE = ("until", "reason", "pauses", "probed", "long")


@dataclass(frozen=True, slots=True)
class ShopState:
    """Times are UTC milliseconds. `until` is set while a pause is not proved to be over."""

    until: int | None = None
    reason: str = ""
    pauses: int = 0
    ok_at: int = 0
    redacted_at: int | None = None
    probed: bool = False
    """Somebody is trying whether the pause is over: `until` is when he must be done."""
    long: bool = False
    """It was meant to last so long that what waits for its end belongs in the outbox: all of it, so that of an entity
    nothing stays in the queue and overtakes what has left it."""


class Pauses:
    """The shops' states, read at most every few seconds. Times are UTC milliseconds. Every method may raise TableDown.

    Args:
        base: length of a first pause in milliseconds; each further one is twice as long, up to an hour.
    """

    def __init__(self, table: Table, base: int) -> None:
        self._table = table
        self._base = base
        self._seen: dict[str, tuple[int, ShopState]] = {}

    def state(self, shop: str, now: int) -> ShopState:
        """How the shop is served, a few seconds old at most."""
        read_at, state = self._seen.get(shop, (-_FRESH, ShopState()))
        if not 0 <= now - read_at < _FRESH or (state.until and state.until <= now):
            state = self._read(shop)
            self._seen[shop] = (now, state)
        return state

    def probe(self, shop: str, state: ShopState, now: int) -> bool:
        """Ask to be the one who tries whether the pause is over."""
        try:
            self._table.update(
                _key(shop),
                {"until": now + 3 * self._base, "probed": True},
                condition="until = :until",
                values={":until": state.until},
            )
        except ConditionFailed:
            self._seen.pop(shop, None)
            return False
        return True

    def pause(self, shop: str, reason: str, now: int, at_least: int = 0, *, passes: bool = False) -> int:
        """Pause the shop and answer until when.

        Args:
            at_least: milliseconds that the API asked for.
            passes: it may be over any moment (the API fails, or throttles): for the first hour tried every two minutes,
                so that what waits stays in the queue and is in soon afterwards.
        """
        state = self._read(shop)
        running = state.until if state.until and state.until > now and not state.probed else None
        if running and running >= now + at_least:
            return running  # whoever was calling when it began fails too: that is no news
        longest = _PATIENT if passes and state.pauses < _PATIENTLY else LONGEST
        length = at_least if running else max(min(self._base << min(state.pauses, 20), longest), at_least)
        until = now + length
        self._table.update(
            _key(shop),
            {
                "until": until,
                "reason": reason,
                "pauses": state.pauses + (not running),
                "probed": None,
                "long": length > _LONG or (running and state.long) or None,
                "expires": now // 1000 + _KEPT,
            },
        )
        self._seen.pop(shop, None)
        return until

    def served(self, shop: str, now: int) -> None:
        """The API took something of this shop: any pause is over. Noted at most once a minute."""
        _, state = self._seen.get(shop, (0, ShopState()))
        if state.until is None and now - state.ok_at < _NOTE_EVERY:
            return
        change = dict.fromkeys(_OF_A_PAUSE) | {"ok_at": now, "expires": now // 1000 + _KEPT}
        before = self._table.update(_key(shop), change)
        self._seen[shop] = (now, ShopState(ok_at=now, redacted_at=before.get("redacted_at")))

    def redact(self, shop: str, at: int) -> None:
        """Everything received of the shop until then is to be forgotten."""
        self._table.update(_key(shop), {"redacted_at": at, "expires": at // 1000 + _KEPT})
        self._seen.pop(shop, None)

    def _read(self, shop: str) -> ShopState:
        item = self._table.get(_key(shop)) or {}
        return ShopState(
            until=item.get("until"),
            reason=item.get("reason", ""),
            pauses=item.get("pauses", 0),
            ok_at=item.get("ok_at", 0),
            redacted_at=item.get("redacted_at"),
            probed=item.get("probed", False),
            long=item.get("long", False),
        )


def _key(shop: str) -> Key:
    return Key(f"{shop}#served")
