"""The content of each page as plain values for its template, read from the journal and the data source."""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json, to_jsonable_python

from shopwire import platforms
from shopwire.delivery.reasons import describe
from shopwire.errors import TableUnavailable
from shopwire.models import Delivery
from shopwire.stores.entry import Entry
from shopwire.stores.parked import Parked
from shopwire_inspector.data_source import DataSource
from shopwire_inspector.journal import Attempt, Exchange, Journal, ReceivedRequest, RecordedWebhook
from shopwire_inspector.masking import MASK, mask
from shopwire_inspector.minutes import outcome_group
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

    def webhook_row(self, webhook: RecordedWebhook) -> View:
        """Return a row of the list of webhooks."""
        return {
            "id": webhook.id,
            "time": format_time(webhook.received_at),
            "moment": format_moment(webhook.received_at),
            "shop": webhook.shop,
            "topic": webhook.topic or "(not read)",
            "entity": webhook.entity or "",
            "outcome": webhook.outcome,
            "group": outcome_group(webhook.outcome),
            "reason": webhook.last_reason or "",
            "attempts": webhook.attempt_count,
            "duration_ms": webhook.duration_ms,
        }

    def webhook_page(self, webhook: RecordedWebhook) -> View:
        """Return the page of one webhook."""
        request = webhook.request
        return self.webhook_row(webhook) | {
            "status": webhook.status,
            "revision": webhook.revision,
            "waits": webhook.waits,
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
            "request": self._request(request) if request else None,
            "parsed": self._parsed(webhook),
            "entries": [
                (delivery.entity, self.entry(webhook.shop, delivery.entity))
                for delivery in webhook.deliveries
                if delivery.entity
            ],
        }

    def entry(self, shop: str, entity: str) -> list[tuple[str, str]] | str:
        """Return the fields of an entity's ledger entry, or a sentence that says why there are none."""
        try:
            entry = self.source.read_entry(shop, entity)
        except TableUnavailable as error:
            return f"The ledger does not respond ({error})."
        empty = Entry()
        if entry == empty:
            return "The ledger has no entry for it."
        return [
            (field.name, self._entry_value(field.name, getattr(entry, field.name)))
            for field in fields(Entry)
            if getattr(entry, field.name) != getattr(empty, field.name)
        ]

    def timeline(self, shop: str, entity: str) -> list[View]:
        """Return the webhooks about an entity and the attempts that followed, oldest first."""
        items: list[tuple[int, View]] = []
        for webhook in self.journal.find_by_entity(shop, entity):
            items.append((webhook.received_at, {"side": "left", "webhook": self.webhook_row(webhook)}))
            for delivery in webhook.deliveries:
                if delivery.entity != entity:
                    continue
                for number, attempt in enumerate(delivery.attempts):
                    # A first attempt that sent nothing has no item of its own. The webhook's item shows its outcome.
                    if number or attempt.exchanges or attempt.outcome == "delivered":
                        at = attempt.exchanges[0].at if attempt.exchanges else attempt.at
                        items.append((at, {"side": "right", "id": webhook.id, **self._attempt(attempt)}))
        return [item for _, item in sorted(items, key=lambda item: item[0])]

    def parked_row(self, parked: Parked) -> View:
        """Return a row of the list of parked webhooks."""
        times = f"{parked.tries} {'time' if parked.tries == 1 else 'times'}"
        return parked.summary | {
            "time": format_moment(parked.last),
            "first_time": format_moment(parked.first),
            "times": times,
        }

    def parked_page(self, parked: Parked) -> View:
        """Return the page of a parked webhook, with its last requests and with what a replay would send."""
        view = self.parked_row(parked) | {
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
        sent = _last_exchanges(webhook)
        requests = result.requests if result else []
        planned = [Exchange(0, request.method, request.path, request.body) for request in requests]
        diff = self._diff(sent, planned)
        request = ReceivedRequest("", message.webhook.query, message.webhook.headers, message.webhook.body)
        return view | {
            "webhook": webhook.id if webhook else None,
            "request": self._request(request),
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
        body = _parse_json(exchange.body)
        event = body.get("eventTypeKey") if isinstance(body, dict) else None
        kinds = (("v1/contact", "contact"), ("v1/orders", "order"))
        result = _parse_json((exchange.emulator_result or "").encode())
        ignored = isinstance(result, dict) and result.get("saved") is False
        return {
            "time": format_time(exchange.at),
            "moment": format_moment(exchange.at),
            "method": exchange.method,
            "path": self._path(exchange),
            "title": event or next((kind for path, kind in kinds if exchange.path.startswith(path)), ""),
            "body": self._text(request_body(exchange.body)),
            "has_response": exchange.status is not None,
            "status": exchange.status,
            "good": exchange.status is not None and 200 <= exchange.status < 300 and not ignored,
            "result": _format_result(result),
            "duration_ms": exchange.duration_ms,
        }

    def _path(self, exchange: Exchange) -> str:
        return exchange.path.partition("?")[0] if self.source.masked else exchange.path

    def _request(self, request: ReceivedRequest) -> View:
        headers = sorted(request.headers.items())
        return {
            "path": request.path,
            "query": dict(request.query),
            "headers": [(name, self._header(name, value)) for name, value in headers],
            "response_body": request.response_body,
            **self._body(request.body),
        }

    def _header(self, name: str, value: str) -> str:
        return value if not self.source.masked or name.startswith(_VISIBLE_HEADERS) else MASK

    def _body(self, body: bytes | None) -> View:
        if body is None:
            return {"size": None, "raw": None, "indented": None}
        value = _parse_json(body)
        return {
            "size": len(body),
            "raw": MASK if self.source.masked else body.decode("utf-8", "backslashreplace"),
            "indented": self._text(value) if value is not None else None,
        }

    def _parsed(self, webhook: RecordedWebhook) -> list[View] | str:
        parsed = self.source.parse(webhook)
        if isinstance(parsed, str):
            return parsed
        return [
            {"kind": type(delivery.change).__name__, "text": self._text(_delivery_fields(delivery))}
            for delivery in parsed
        ]

    def _entry_value(self, name: str, value: Any) -> str:
        if name in ("version", "attempted_version"):
            # One number holds milliseconds and rank, see OrderChange.version.
            return f"{format_moment(value // 10)}, rank {value % 10} ({value})"
        if name == "deleted_at":
            return format_moment(value)
        plain = to_jsonable_python(value)
        if not isinstance(plain, dict):
            return ", ".join(map(str, plain)) or "none" if isinstance(plain, list) else str(plain)
        if "until" in plain:
            plain["until"] = format_moment(plain["until"])
        if name == "reference" and self.source.masked:
            plain = mask(plain)
        return ", ".join(f"{key}: {element}" for key, element in plain.items())

    def _text(self, value: Any) -> str:
        """Return a JSON value as indented text, masked if personal data must be hidden."""
        return json.dumps(mask(value) if self.source.masked else value, ensure_ascii=False, indent=2)

    def _diff(self, old: Iterable[Exchange], new: Iterable[Exchange]) -> list[tuple[str, str]]:
        """Return a (sign, line) for each line: "-" is only in the old requests, "+" only in the new ones."""
        old_lines, new_lines = ([line for exchange in side for line in self._lines(exchange)] for side in (old, new))
        return [(line[0], line[2:]) for line in difflib.ndiff(old_lines, new_lines) if line[0] != "?"]

    def _lines(self, exchange: Exchange) -> list[str]:
        request_line = f"{exchange.method} {self._path(exchange)}"
        return [request_line, *self._text(request_body(exchange.body)).splitlines(), ""]


def request_body(body: bytes) -> Any:
    """Return the JSON of a request's body, or its text.

    The params of v1/event become an object of names and values, and JSON in a param's value is parsed.
    """
    value = _parse_json(body)
    if not isinstance(value, dict) or not isinstance(value.get("params"), list):
        return value if value is not None else body.decode("utf-8", "replace")
    params = {param["name"]: _parse_nested(param["value"]) for param in value["params"]}
    return value | {"params": params}


def format_moment(at: int) -> str:
    """Return UTC milliseconds as a date and time in the local time zone."""
    return _local(at).strftime("%Y-%m-%d %H:%M:%S")


def format_time(at: int) -> str:
    """Return UTC milliseconds as a time of day in the local time zone."""
    return _local(at).strftime("%H:%M:%S")


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone()


def _parse_json(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        return None


def _parse_nested(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        parsed = _parse_json(value.encode())
        return value if parsed is None else parsed
    return value


def _format_result(result: Any) -> str:
    """Return what the emulator says about a request as text."""
    if not isinstance(result, dict):
        return ""
    if "saved" in result:
        return "saved" if result["saved"] else f"not saved: {result['reason']}"
    return ", ".join(f"{name}: {value}" for name, value in result.items())


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


def _last_exchanges(webhook: RecordedWebhook | None) -> list[Exchange]:
    """Return the requests of the webhook's last attempt that sent any."""
    attempts = [attempt for delivery in webhook.deliveries for attempt in delivery.attempts] if webhook else []
    return next((attempt.exchanges for attempt in reversed(attempts) if attempt.exchanges), [])
