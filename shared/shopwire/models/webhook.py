"""One call of a webhook URL, as it arrived. Nothing in it is verified or read here."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Webhook:
    """The call. Header names are lower case, `body` is the raw bytes that were signed, `received_at` UTC ms."""

    headers: Mapping[str, str]
    body: bytes
    received_at: int
    query: Mapping[str, str] = field(default_factory=dict)
