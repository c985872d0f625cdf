"""A sample as if it had happened just now: other id and tokens, dates of today. Everything else stays byte for byte.

Textual, so that the platform's own spelling (escapes, spaces, long numbers) survives.
"""

import hashlib
import json
import re
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import from_json

from shopwire.models import Shop
from shopwire.platforms.storefront import sign_contact
from shopwire_testkit.samples import changed_at

# What names an entity at the top of the bodies; a cart's tokens name it in checkouts and orders too.
_NAMES = ("id", "token", "cart_token", "checkout_token")

_MOMENT = re.compile(rb'(?<=")(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?=(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")')
# A shorter number may stand anywhere, as a price or a quantity.
_LONG = 10**9


def refreshed(body: bytes, now: int, number: int = 0) -> bytes:
    """The body with other names and with its dates moved.

    Args:
        now: UTC milliseconds; to what the body's last change is moved, in whole seconds.
        number: another one for each body of one moment.

    Raises:
        ValueError: the body is not a JSON object.
    """
    fields = from_json(body)
    if not isinstance(fields, dict):
        raise ValueError("no JSON object")
    return _renamed(_moved(body, fields, now), fields, f"{now}{number:03d}")


def _moved(body: bytes, fields: dict[str, Any], now: int) -> bytes:
    changed = changed_at(fields)
    if changed is None:
        return body
    by = timedelta(seconds=now // 1000 - int(changed.timestamp()))

    def later(match: re.Match[bytes]) -> bytes:
        try:
            return (datetime.fromisoformat(match[1].decode()) + by).isoformat().encode()
        except (ValueError, OverflowError):
            return match[0]

    return _MOMENT.sub(later, body)


def _renamed(body: bytes, fields: dict[str, Any], stamp: str) -> bytes:
    named = [value for name in _NAMES if isinstance(value := fields.get(name), str | int)]
    for old in dict.fromkeys(named):
        if isinstance(old, str):
            new = hashlib.sha256(f"{old}{stamp}".encode()).hexdigest()[:32]
            pattern, put = rf'"{re.escape(old)}"(?!\s*:)', f'"{new}"'
        elif abs(old) >= _LONG:
            pattern, put = rf"(?<![\w.-]){old}(?![\w.-])", stamp
        else:
            pattern, put = rf'("(?:id|order_id)"\s*:\s*){old}(?![\w.])', rf"\g<1>{stamp}"
        body = re.sub(pattern.encode(), put.encode(), body)
    return body


def proved(body: bytes, shop: Shop) -> bytes:
    """A visit with its person signed as the shop's server would: the signature stands in the body."""
    try:
        visit = json.loads(body)
        ((kind, value),) = visit["contact"].items()
    except (ValueError, KeyError, TypeError, AttributeError):
        return body  # it names nobody, or is sent for what is wrong with it
    if shop.storefront_secret:
        visit["signature"] = sign_contact(shop.storefront_secret.get_secret_value(), kind, str(value))
    return json.dumps(visit, ensure_ascii=False).encode()
