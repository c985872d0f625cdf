"""Makes a sample look as if it had just happened, with another id, other tokens, and dates that end now.

All other bytes stay as they are. The changes are made in the text of the body, so the platform's own spelling (escapes,
spaces, long numbers) is kept.
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

# Top-level fields that identify an entity. Checkouts and orders name their cart by its tokens.
_ID_FIELDS = ("id", "token", "cart_token", "checkout_token")

_DATE = re.compile(rb'(?<=")(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?=(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")')
# A smaller number may also be a price or a quantity, so it is replaced only in the id fields.
_MIN_UNIQUE_ID = 10**9


def refresh(body: bytes, now: int, number: int = 0) -> bytes:
    """Return the body with other ids and with its dates moved.

    Args:
        now: the new time of the body's last change, in UTC milliseconds. Milliseconds within the second are ignored.
        number: a number that is different for each body of the same moment.

    Raises:
        ValueError: the body is not a JSON object.
    """
    fields = from_json(body)
    if not isinstance(fields, dict):
        raise ValueError("the body is not a JSON object")
    return _replace_ids(_move_dates(body, fields, now), fields, f"{now}{number:03d}")


def _move_dates(body: bytes, fields: dict[str, Any], now: int) -> bytes:
    changed = changed_at(fields)
    if changed is None:
        return body
    offset = timedelta(seconds=now // 1000 - int(changed.timestamp()))

    def move(match: re.Match[bytes]) -> bytes:
        try:
            return (datetime.fromisoformat(match[1].decode()) + offset).isoformat().encode()
        except (ValueError, OverflowError):
            return match[0]

    return _DATE.sub(move, body)


def _replace_ids(body: bytes, fields: dict[str, Any], stamp: str) -> bytes:
    ids = [value for name in _ID_FIELDS if isinstance(value := fields.get(name), str | int)]
    for old in dict.fromkeys(ids):
        if isinstance(old, str):
            new = hashlib.sha256(f"{old}{stamp}".encode()).hexdigest()[:32]
            pattern, replacement = rf'"{re.escape(old)}"(?!\s*:)', f'"{new}"'
        elif abs(old) >= _MIN_UNIQUE_ID:
            pattern, replacement = rf"(?<![\w.-]){old}(?![\w.-])", stamp
        else:
            pattern, replacement = rf'("(?:id|order_id)"\s*:\s*){old}(?![\w.])', rf"\g<1>{stamp}"
        body = re.sub(pattern.encode(), replacement.encode(), body)
    return body


def sign_visit(body: bytes, shop: Shop) -> bytes:
    """Return a storefront body with the signature of its contact, as the shop's server would add it.

    A body without a contact, or one that cannot be read, is returned as it is.
    """
    try:
        visit = json.loads(body)
        ((kind, value),) = visit["contact"].items()
    except (ValueError, KeyError, TypeError, AttributeError):
        return body
    if shop.storefront_secret:
        visit["signature"] = sign_contact(shop.storefront_secret.get_secret_value(), kind, str(value))
    return json.dumps(visit, ensure_ascii=False).encode()
