"""One call of a webhook URL, as it came over the wire: nothing of it is read or believed here."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Webhook:
    """Header names are lower-case; `body` is the raw bytes that were signed; `received_at` is UTC milliseconds."""

    headers: Mapping[str, str]
    body: bytes
    received_at: int
    query: Mapping[str, str] = field(default_factory=dict)
