"""The content of the pages about one webhook, one entity and one parked webhook, as plain values for the templates."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from shopwire import platforms
from shopwire.delivery.reasons import describe
from shopwire.environment import now
from shopwire.errors import TableUnavailable
from shopwire.models import Delivery
from shopwire.stores.entry import Entry
from shopwire.stores.parked import Parked
from shopwire_inspector.curl import MAX_BODY_BYTES, webhook_command
from shopwire_inspector.data_source import DataSource
from shopwire_inspector.exchanges import exchange_view, json_text
from shopwire_inspector.journal import Journal
from shopwire_inspector.json_text import indent_json, parse_json
from shopwire_inspector.ledger_words import LEDGER_FIELDS, MOMENTS
from shopwire_inspector.masking import MASK, mask
from shopwire_inspector.minutes import outcome_group
from shopwire_inspector.recorded import Attempt, Exchange, ReceivedRequest, RecordedWebhook
from shopwire_inspector.resend import destruction, diff_of, preview_view, resendable, topic_of
from shopwire_inspector.rows import parked_row, webhook_row
from shopwire_inspector.search import Filter
from shopwire_inspector.times import format_moment, format_time
from shopwire_inspector.words import explain

View = dict[str, Any]

# Other headers of a deployed stack contain signatures and tokens, or reveal where people are.
_VISIBLE_HEADERS = (
    "content-",
    "user-agent",
    *(prefix for name in platforms.NAMES for prefix in platforms.get(name).shown_headers),
)


@dataclass(frozen=True, slots=True)
class Views:
    """Builds the content of the pages."""

    journal: Journal
    source: DataSource

    def webhook_page(self, webhook: RecordedWebhook, wanted: Filter, base_url: str) -> View:
        """Return the page of one webhook.

        Args:
            wanted: the filter of the list from which the reader came.
            base_url: the address of the inspector.
        """
        newer, older = self.journal.neighbours(webhook.id, wanted)
        reason = webhook.last_reason or webhook.refusal
        return webhook_row(webhook, now()) | {
            "reason": reason,
            "newer": newer,
            "older": older,
            "status": webhook.status,
            "revision": webhook.revision,
            "waits": webhook.waits,
            "due": self._due(webhook),
            "parked_id": self.source.find_parked_id(webhook) if webhook.outcome == "parked" else None,
            "sentences": explain(webhook.outcome, webhook.last_reason),
            "deliveries": [
                {
                    "topic": delivery.topic,
                    "entity": delivery.entity,
                    "key": delivery.key,
                    "attempts": [self._attempt(attempt) for attempt in delivery.attempts],
                }
                for delivery in webhook.deliveries
            ],
            "request": self._request(webhook.request, base_url) if webhook.request else None,
            "resend": self._resend(webhook),
            "parsed": self._parsed(webhook),
            "entries": [
                (delivery.entity, self.entry(webhook.shop, delivery.entity))
                for delivery in webhook.deliveries
                if delivery.entity
            ],
        }

    def resend_page(self, webhook: RecordedWebhook) -> View | None:
        """Return the page on which a webhook is changed and sent again; None if it cannot be."""
        found = resendable(self.source, webhook)
        if found is None or webhook.request is None or webhook.request.body is None:
            return None
        shop, platform = found
        topic, body = topic_of(platform, webhook), webhook.request.body
        return {
            "id": webhook.id,
            "shop": shop.id,
            "topic": topic,
            "topics": platform.topic_names(),
            "body": indent_json(body) or body.decode("utf-8", "replace"),
            "preview": preview_view(self.source, shop, platform, topic, body, last_exchanges(webhook)),
        }

    def entry(self, shop: str, entity: str) -> list[tuple[str, str, str]] | str:
        """Return (name, value, meaning) of each field of an entity's ledger entry, or why there are none."""
        try:
            entry = self.source.read_entry(shop, entity)
        except TableUnavailable as error:
            return f"The ledger does not respond ({error})."
        empty = Entry()
        if entry == empty:
            return "The ledger has no entry for it."
        return [
            (field.name, self._entry_value(field.name, getattr(entry, field.name)), LEDGER_FIELDS[field.name])
            for field in fields(Entry)
            if getattr(entry, field.name) != getattr(empty, field.name)
        ]

    def timeline(self, shop: str, entity: str) -> list[View]:
        """Return the webhooks about an entity and the attempts that followed, oldest first."""
        items: list[tuple[int, View]] = []
        at = now()
        for webhook in self.journal.find_by_entity(shop, entity):
            items.append((webhook.received_at, {"side": "left", "webhook": webhook_row(webhook, at)}))
            for delivery in webhook.deliveries:
                if delivery.entity != entity:
                    continue
                for number, attempt in enumerate(delivery.attempts):
                    # A first attempt that sent nothing has no item of its own. The webhook's item shows its outcome.
                    if number or attempt.exchanges or attempt.outcome == "delivered":
                        began = attempt.exchanges[0].at if attempt.exchanges else attempt.at
                        items.append((began, {"side": "right", "id": webhook.id, **self._attempt(attempt)}))
        return [item for _, item in sorted(items, key=lambda item: item[0])]

    def parked_page(self, parked: Parked, base_url: str) -> View:
        """Return the page of a parked webhook, with its last requests and with what a replay would send."""
        view = parked_row(parked) | {
            "reason": describe(parked.reason, parked.details),
            "sentences": explain("parked", parked.reason),
            "problem": None,
        }
        try:
            message = parked.message
            result = self.source.dry_run(parked.shop, message)
        except (TableUnavailable, ValueError) as error:
            return view | {"problem": f"The dry run failed: {error}", "dry_run": None, "webhook": None}
        webhook = self.journal.find_by_time(parked.shop, message.received_at)
        sent = last_exchanges(webhook)
        requests = result.requests if result else []
        planned = [Exchange(0, request.method, request.path, request.body) for request in requests]
        diff = diff_of(sent, planned, masked=self.source.masked)
        request = ReceivedRequest("", message.webhook.query, message.webhook.headers, message.webhook.body)
        return view | {
            "webhook": webhook.id if webhook else None,
            "request": self._request(request, base_url),
            "last_requests": [self._exchange(exchange) for exchange in sent],
            "dry_run": None
            if result is None
            else {
                "outcome": result.outcome,
                "group": outcome_group(result.outcome),
                "reason": describe(result.reason, result.details),
                "sentences": explain(result.outcome, result.reason),
                "count": len(result.requests),
                "diff": diff,
                "same": all(sign == " " for sign, _ in diff),
            },
        }

    def _due(self, webhook: RecordedWebhook) -> View | None:
        """Return when the next try is due, with the milliseconds until then; None if nothing waits or says so."""
        if not webhook.waits:
            return None
        times = [at for at in (webhook.due, self.source.pause_of(webhook.shop)) if at is not None]
        if not times:
            return None
        at = max(times)
        return {"at": at, "moment": format_moment(at), "is_pause": at != webhook.due, "left_ms": at - now()}

    def _resend(self, webhook: RecordedWebhook) -> View | None:
        """Return what the webhook would send if it were sent again now; None if it cannot be."""
        found = resendable(self.source, webhook)
        if found is None or webhook.request is None or webhook.request.body is None:
            return None
        shop, platform = found
        topic = topic_of(platform, webhook)
        preview = preview_view(self.source, shop, platform, topic, webhook.request.body, ())
        return {"preview": preview, "question": destruction(platform.name, topic)}

    def _attempt(self, attempt: Attempt) -> View:
        return {
            "time": format_time(attempt.at),
            "moment": format_moment(attempt.at),
            "made_by": attempt.made_by,
            "outcome": attempt.outcome,
            "group": outcome_group(attempt.outcome),
            "reason": describe(attempt.reason, attempt.details),
            "duration_ms": attempt.duration_ms,
            "exchanges": [self._exchange(exchange) for exchange in attempt.exchanges],
        }

    def _exchange(self, exchange: Exchange) -> View:
        return exchange_view(exchange, masked=self.source.masked, api_url=self.source.settings.esputnik_url)

    def _request(self, request: ReceivedRequest, base_url: str) -> View:
        headers = sorted(request.headers.items())
        body = request.body
        has_command = not self.source.masked and request.path and body is not None and len(body) <= MAX_BODY_BYTES
        return {
            "path": request.path,
            "query": dict(request.query),
            "headers": [(name, self._header(name, value)) for name, value in headers],
            "response_body": request.response_body,
            "curl": webhook_command(base_url + request.target, request.headers, body or b"") if has_command else "",
            **self._body(body),
        }

    def _header(self, name: str, value: str) -> str:
        return value if not self.source.masked or name.startswith(_VISIBLE_HEADERS) else MASK

    def _body(self, body: bytes | None) -> View:
        if body is None:
            return {"size": None, "raw": None, "indented": None}
        if self.source.masked:
            value = parse_json(body)
            indented = None if value is None else json_text(value, masked=True)
            return {"size": len(body), "raw": MASK, "indented": indented}
        return {"size": len(body), "raw": body.decode("utf-8", "backslashreplace"), "indented": indent_json(body)}

    def _parsed(self, webhook: RecordedWebhook) -> list[View] | str:
        parsed = self.source.parse(webhook)
        if isinstance(parsed, str):
            return parsed
        return [
            {
                "kind": type(delivery.change).__name__,
                "text": json_text(_delivery_fields(delivery), masked=self.source.masked),
            }
            for delivery in parsed
        ]

    def _entry_value(self, name: str, value: Any) -> str:
        if name in ("version", "attempted_version"):
            # One number holds milliseconds and rank, see OrderChange.version.
            return f"{format_moment(value // 10)}, rank {value % 10} ({value})"
        if name in MOMENTS:
            return format_moment(value)
        plain = to_jsonable_python(value)
        if not isinstance(plain, dict):
            return ", ".join(map(str, plain)) or "none" if isinstance(plain, list) else str(plain)
        if "until" in plain:
            plain["until"] = format_moment(plain["until"])
        if name == "order_reference" and self.source.masked:
            plain = mask(plain)
        return ", ".join(f"{key}: {element}" for key, element in plain.items())


def last_exchanges(webhook: RecordedWebhook | None) -> list[Exchange]:
    """Return the requests of the webhook's last attempt that sent any."""
    attempts = list(webhook.attempts) if webhook else []
    return next((attempt.exchanges for attempt in reversed(attempts) if attempt.exchanges), [])


def _delivery_fields(delivery: Delivery) -> Mapping[str, Any]:
    return {"topic": delivery.topic, "key": delivery.key, **_change_fields(delivery.change)}


def _change_fields(change: Any) -> dict[str, Any]:
    """Return the fields of a change that are not None."""
    assert is_dataclass(change)
    values = {field.name: getattr(change, field.name) for field in fields(change)}
    return {
        name: value.model_dump(mode="json", exclude_defaults=True)
        if isinstance(value, BaseModel)
        else to_jsonable_python(value)
        for name, value in values.items()
        if value is not None
    }
