"""Notes of customers that bring the events of their orders close to the 20,000 bytes that the API accepts.

All choices come from the random numbers of the caller. Nothing here knows shopwire or the words of a platform.
"""

import json
import random
from collections.abc import Mapping

# Quotes and backslashes take two bytes each in JSON, letters beyond ASCII two in UTF-8.
_PIECE = 'Подзвоніть за годину, "домофон" не працює, код 7\\7. '
_MAX_BODY_BYTES = 20_000
_PARAM_BYTES = len('{"name":"","value":""},')
_OTHER_BYTES = 120
"""About what an event has beside the params that the caller knows."""
_SPREAD_BYTES = 160
_LINE_BYTES = 45
"""About what an order's line has beside the fields that the caller knows."""
_EVERY = 20


def has_long_note(order: int) -> bool:
    """Return True for one of 20 orders, by their numbers."""
    return order % _EVERY == 0


def write_long_note(rng: random.Random, params: Mapping[str, str], lines: int) -> str:
    """Return a note with which the event of an order has about as many bytes as the API accepts.

    Args:
        params: the other params of the event, as far as they are known.
        lines: how many lines the order has.
    """
    known = sum(_json_bytes(name) + _json_bytes(value) + _PARAM_BYTES for name, value in params.items())
    left = _MAX_BODY_BYTES - known - lines * _LINE_BYTES - _OTHER_BYTES + rng.randrange(-_SPREAD_BYTES, _SPREAD_BYTES)
    pieces, rest = divmod(left, _json_bytes(_PIECE))
    return _PIECE * pieces + "x" * rest


def _json_bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode()) - 2
