"""Which webhooks the list shows: the filter, and its search in everything that is known of a webhook."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from shopwire_inspector.minutes import outcome_group
from shopwire_inspector.recorded import RecordedWebhook, entity_parts


@dataclass(frozen=True)
class Filter:
    """Selects webhooks. An empty field selects all. `outcome` is an outcome or a group of outcomes."""

    shop: str = ""
    outcome: str = ""
    kind: str = ""
    text: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The fields that select something, as an address has them."""
        fields = {"text": self.text, "shop": self.shop, "outcome": self.outcome, "kind": self.kind}
        return {name: value for name, value in fields.items() if value}

    @cached_property
    def _spellings(self) -> frozenset[bytes]:
        """The text as a body may contain it.

        Bytes have no case beyond ASCII, so there is a spelling for lower and upper case, each plain and JSON-escaped.
        """
        forms = {self.text.lower(), self.text.upper(), self.text.capitalize(), self.text}
        plain = {form.encode("utf-8", "replace").lower() for form in forms}
        return frozenset(plain | {json.dumps(form)[1:-1].encode().lower() for form in forms})

    def matches(self, webhook: RecordedWebhook) -> bool:
        return (
            self.shop in ("", webhook.shop)
            and self.outcome in ("", webhook.outcome, outcome_group(webhook.outcome))
            and (not self.kind or any(_kind(delivery.entity) == self.kind for delivery in webhook.deliveries))
            and (not self.text or _contains_any(webhook, self._spellings))
        )


def _kind(entity: str | None) -> str:
    return entity_parts(entity or "")[0]


def _contains_any(webhook: RecordedWebhook, spellings: Iterable[bytes]) -> bool:
    """Return True if something of the webhook contains one of the lower-case spellings."""
    return any(spelling in text for text in _texts(webhook) for spelling in spellings)


def _texts(webhook: RecordedWebhook) -> Iterator[bytes]:
    """Yield what is searched, in lower case: the row, the body, and the requests to the API.

    The search compares bytes, because decoding all bodies takes seconds and this takes a tenth of a second.
    """
    parts = [webhook.shop, webhook.outcome, webhook.refusal or ""]
    for delivery in webhook.deliveries:
        parts += (delivery.topic, delivery.entity or "", delivery.key)
    for attempt in webhook.attempts:
        parts += (attempt.reason or "", *attempt.sent)
    yield "\n".join([*parts, webhook.reason or ""]).encode("utf-8", "replace").lower()
    if webhook.request and webhook.request.body:
        yield webhook.request.body.lower()
    for exchange in webhook.exchanges:
        yield f"{exchange.method} {exchange.path} {exchange.name}".lower().encode("utf-8", "replace")
        yield exchange.body.lower()
        if exchange.emulator_result:
            yield exchange.emulator_result.lower().encode("utf-8", "replace")
