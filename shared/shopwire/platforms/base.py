"""What a platform is: the hooks that a file in this folder fills, the errors that it may raise, and what several need.

No platform's own words in here.
"""

import base64
import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, ValidationError

from shopwire.models import Delivery, Shop, Webhook
from shopwire.models.base import BadValue


class NotVerified(Exception):
    """The call is not proved to come from this shop: 401. The text names the fix and holds nothing of the body."""


class Unsigned(Exception):
    """A call that the platform sends unsigned and that means nothing (WooCommerce's ping): 200 `ignored`, unread."""


class Unreadable(Exception):
    """The verified body is not what the platform documents. The text names the field, never its value."""


class Body(BaseModel):
    """Base of a platform's own body models: unknown fields are skipped, numbers may stand where text is documented."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)


class Platform(ABC):
    """One shop platform. Stateless: one instance serves every shop."""

    name: str
    """As in shops.toml."""
    topics: tuple[str, ...]
    """The topics that are understood, in the platform's own words."""
    kept_headers: tuple[str, ...]
    """Prefixes (lower-case) of the headers that `read` needs: what waits in a queue keeps these and no others."""

    @abstractmethod
    def verify(self, webhook: Webhook, shop: Shop) -> None:
        """Prove that the call comes from this shop, by the raw bytes and in constant time.

        Raises:
            NotVerified: signature missing or wrong, or another store's webhook.
            Unsigned: a call that the platform never signs and that means nothing.
        """

    @abstractmethod
    def read(self, webhook: Webhook, shop: Shop) -> list[Delivery]:
        """The deliveries of a verified call: mostly one; an unknown topic is one of `Nothing`.

        Raises:
            Unreadable: the body is not JSON or lacks what the topic needs.
        """

    @abstractmethod
    def sign(self, topic: str, body: bytes, shop: Shop, now: int) -> dict[str, str]:
        """The headers with which the platform would send this body (UTC milliseconds `now`): for samples and tests."""


def hmac_sha256(secret: str | bytes, message: bytes) -> bytes:
    """HMAC-SHA256 of the message."""
    key = secret.encode() if isinstance(secret, str) else secret
    return hmac.digest(key, message, "sha256")


def base64_signature(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of the raw body in base64: how Shopify and WooCommerce sign."""
    return base64.b64encode(hmac_sha256(secret, body)).decode()


def same(given: str, *expected: str) -> bool:
    """Whether `given` is one of `expected`, in a time that tells nothing about either. Any text may be given."""
    offered = given.encode("utf-8", "surrogatepass")
    # No short cut: each candidate is compared, so that the time does not tell which of two secrets matched.
    return sum(hmac.compare_digest(offered, one.encode()) for one in expected) > 0


def short_hash(*parts: str | bytes) -> str:
    """16 hex digits that stand for the parts: for keys, not for secrets."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(4) + raw)
    return digest.hexdigest()[:16]


def unreadable(error: ValidationError | BadValue) -> Unreadable:
    """Our error of pydantic's and the models': where and what kind, without the value, which may be somebody's data."""
    if isinstance(error, BadValue):
        return Unreadable(str(error))
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return Unreadable(f"{where}: {first['type']}")


def one_line(parts: Iterable[str | None]) -> str | None:
    """An address as one line of text, of the parts that say something."""
    return ", ".join(text for one in parts if one and (text := one.strip())) or None
