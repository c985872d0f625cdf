"""What each page shows, as plain values for its template. Reads the journal and the installation, writes nothing."""

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from pydantic_core import from_json, to_jsonable_python

from shopwire.errors import TableUnavailable
from shopwire.models import Delivery as Parsed
from shopwire.stores.entry import Entry
from shopwire.stores.parked import Parked
from shopwire_inspector.installation import Installation
from shopwire_inspector.journal import Exchange, Journal, Request, Try, Webhook
from shopwire_inspector.masking import COVERED, masked
from shopwire_inspector.minutes import group
from shopwire_inspector.words import explain

Shown = dict[str, Any]

# Signatures and tokens of a call prove who sent it; the rest of a deployed stack's headers say where people are.
_OWN_HEADERS = ("x-shopify-", "x-wc-", "content-", "user-agent")


@dataclass(frozen=True, slots=True)
class Views:
    """The pages' content."""

    journal: Journal
    installation: Installation

    def row(self, webhook: Webhook) -> Shown:
        """A line of the list."""
        return {
            "id": webhook.id,
            "time": clock_time(webhook.at),
            "moment": moment(webhook.at),
            "shop": webhook.shop,
            "topic": webhook.topic or "(not read)",
            "entity": webhook.entity or "",
            "outcome": webhook.outcome,
            "group": group(webhook.outcome),
            "reason": webhook.last_reason or "",
            "tries": webhook.tries,
            "milliseconds": webhook.milliseconds,
        }

    def webhook(self, webhook: Webhook) -> Shown:
        """One webhook's page."""
        request = webhook.request
        return self.row(webhook) | {
            "status": webhook.status,
            "changed": webhook.changed,
            "waits": webhook.waits,
            "parked": self.installation.parked_as(webhook) if webhook.outcome == "parked" else None,
            "words": explain(webhook.outcome, webhook.last_reason),
            "deliveries": [
                {
                    "topic": one.topic,
                    "entity": one.entity,
                    "key": one.key,
                    "tries": [self.try_(done) for done in one.tries],
                }
                for one in webhook.deliveries
            ],
            "request": self.request(request) if request else None,
            "parsed": self._parsed(webhook),
            "entries": [(one.entity, self.entry(webhook.shop, one.entity)) for one in webhook.deliveries if one.entity],
        }

    def try_(self, done: Try) -> Shown:
        """One try with its requests."""
        return {
            "time": clock_time(done.at),
            "moment": moment(done.at),
            "place": done.place,
            "outcome": done.outcome,
            "group": group(done.outcome),
            "reason": done.reason,
            "milliseconds": done.milliseconds,
            "exchanges": [self.exchange(one) for one in done.exchanges],
        }

    def exchange(self, one: Exchange) -> Shown:
        """One request to the API with its answer."""
        body = _value(one.body)
        event = body.get("eventTypeKey") if isinstance(body, dict) else None
        said = _value((one.said or "").encode())
        ignored = isinstance(said, dict) and said.get("saved") is False
        return {
            "time": clock_time(one.at),
            "moment": moment(one.at),
            "method": one.method,
            "path": one.path if not self.installation.masked else one.path.partition("?")[0],
            "what": event or ("contact" if one.path.startswith("v1/contact") else ""),
            "body": self.text(request_body(one.body)),
            "answered": one.status is not None,
            "status": one.status,
            "good": one.status is not None and 200 <= one.status < 300 and not ignored,
            "said": _said(said),
            "milliseconds": one.milliseconds,
        }

    def request(self, request: Request) -> Shown:
        """The call as it came."""
        headers = sorted(request.headers.items())
        return {
            "path": request.path,
            "query": dict(request.query),
            "headers": [(name, self._header(name, value)) for name, value in headers],
            "answer": request.answer,
            **self._body(request.body),
        }

    def entry(self, shop: str, entity: str) -> list[tuple[str, str]] | str:
        """The ledger's entry, field by field; or why it cannot be shown."""
        try:
            found = self.installation.entry(shop, entity)
        except TableUnavailable as error:
            return f"The ledger does not answer ({error})."
        if found == Entry():
            return "The ledger has no entry of it."
        empty = Entry()
        return [
            (one.name, self._entry_value(one.name, getattr(found, one.name)))
            for one in fields(Entry)
            if getattr(found, one.name) != getattr(empty, one.name)
        ]

    def story(self, shop: str, entity: str) -> list[Shown]:
        """Everything that came and was sent about an entity, in its order."""
        told: list[tuple[int, Shown]] = []
        for webhook in self.journal.of_entity(shop, entity):
            told.append((webhook.at, {"side": "left", "webhook": self.row(webhook)}))
            for delivery in webhook.deliveries:
                if delivery.entity != entity:
                    continue
                for number, done in enumerate(delivery.tries):
                    exchanges = [self.exchange(one) for one in done.exchanges]
                    if number or exchanges or done.outcome == "delivered":
                        at = done.exchanges[0].at if done.exchanges else done.at
                        told.append(
                            (at, {"side": "right", "id": webhook.id, **self.try_(done), "exchanges": exchanges})
                        )
        return [one for _, one in sorted(told, key=lambda one: one[0])]

    def parked_row(self, one: Parked) -> Shown:
        """A line of the parked list."""
        times = f"{one.tries} {'time' if one.tries == 1 else 'times'}"
        return one.summary | {"time": moment(one.last), "first_time": moment(one.first), "times": times}

    def parked(self, one: Parked) -> Shown:
        """A parked webhook's page: it, what was last tried, and what a replay would send."""
        shown = self.parked_row(one)
        shown |= {"words": explain("parked", one.reason), "problem": None}
        try:
            message = one.message
            rehearsed = self.installation.rehearse(one.shop, message)
        except (TableUnavailable, ValueError) as error:
            return shown | {"problem": f"What it would send cannot be told: {error}", "now": None, "webhook": None}
        known = self.journal.at(one.shop, message.received_at)
        tried = _last_exchanges(known)
        diff = self._diff(tried, rehearsed.exchanges) if rehearsed else []
        return shown | {
            "webhook": known.id if known else None,
            "request": self.request(Request("", message.webhook.query, message.webhook.headers, message.webhook.body)),
            "tried": [self.exchange(exchange) for exchange in tried],
            "known": known is not None,
            "now": None
            if rehearsed is None
            else {
                "outcome": rehearsed.outcome,
                "group": group(rehearsed.outcome),
                "reason": rehearsed.reason,
                "words": explain(rehearsed.outcome, rehearsed.reason),
                "count": len(rehearsed.exchanges),
                "diff": diff,
                "same": all(sign == " " for sign, _ in diff),
            },
        }

    def text(self, value: Any) -> str:
        """A JSON value to be read by people, masked where its people are real."""
        return json.dumps(masked(value) if self.installation.masked else value, ensure_ascii=False, indent=2)

    def _diff(self, before: Iterable[Exchange], after: Iterable[Exchange]) -> list[tuple[str, str]]:
        old, new = ([line for one in side for line in self._lines(one)] for side in (before, after))
        return [(line[0], line[2:]) for line in difflib.ndiff(old, new) if line[0] != "?"]

    def _lines(self, one: Exchange) -> list[str]:
        return [f"{one.method} {self.exchange(one)['path']}", *self.text(request_body(one.body)).splitlines(), ""]

    def _parsed(self, webhook: Webhook) -> list[Shown] | str:
        parsed = self.installation.parse(webhook)
        if isinstance(parsed, str):
            return parsed
        return [{"kind": type(one.change).__name__, "text": self.text(_model(one))} for one in parsed]

    def _entry_value(self, name: str, value: Any) -> str:
        if name in ("version", "attempted_version"):
            # (milliseconds, rank) in one number: see OrderChange.version.
            return f"{moment(value // 10)}, rank {value % 10} ({value})"
        if name == "deleted_at":
            return moment(value)
        plain = to_jsonable_python(value)
        if not isinstance(plain, dict):
            return ", ".join(map(str, plain)) or "none" if isinstance(plain, list) else str(plain)
        if "until" in plain:
            plain["until"] = moment(plain["until"])
        if name == "reference" and self.installation.masked:
            plain = masked(plain)
        return ", ".join(f"{name}: {one}" for name, one in plain.items())

    def _header(self, name: str, value: str) -> str:
        return value if not self.installation.masked or name.startswith(_OWN_HEADERS) else COVERED

    def _body(self, body: bytes | None) -> Shown:
        if body is None:
            return {"size": None, "raw": None, "indented": None}
        value = _value(body)
        return {
            "size": len(body),
            "raw": COVERED if self.installation.masked else body.decode("utf-8", "backslashreplace"),
            "indented": self.text(value) if value is not None else None,
        }


def request_body(body: bytes) -> Any:
    """A request's body with v1/event's params as a table of name and value, and what is JSON within them as such."""
    value = _value(body)
    if not isinstance(value, dict) or not isinstance(value.get("params"), list):
        return value if value is not None else body.decode("utf-8", "replace")
    params = {one["name"]: _nested(one["value"]) for one in value["params"]}
    return value | {"params": params}


def moment(at: int) -> str:
    """UTC milliseconds as a date and time of this machine's zone."""
    return _local(at).strftime("%Y-%m-%d %H:%M:%S")


def clock_time(at: int) -> str:
    """UTC milliseconds as the time of day."""
    return _local(at).strftime("%H:%M:%S")


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone()


def _value(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        return None


def _nested(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("[", "{"):
        found = _value(value.encode())
        return value if found is None else found
    return value


def _said(said: Any) -> str:
    if not isinstance(said, dict):
        return ""
    if "saved" in said:
        return "saved" if said["saved"] else f"not saved: {said['reason']}"
    return ", ".join(f"{name}: {value}" for name, value in said.items())


def _model(parsed: Parsed) -> Mapping[str, Any]:
    return {"topic": parsed.topic, "key": parsed.key, **_told(parsed.change)}


def _told(change: Any) -> dict[str, Any]:
    """A change without the fields that say nothing."""
    assert is_dataclass(change)
    told = {one.name: getattr(change, one.name) for one in fields(change)}
    return {
        name: value.model_dump(mode="json", exclude_defaults=True)
        if isinstance(value, BaseModel)
        else to_jsonable_python(value)
        for name, value in told.items()
        if value is not None
    }


def _last_exchanges(webhook: Webhook | None) -> list[Exchange]:
    tries = [done for one in webhook.deliveries for done in one.tries] if webhook else []
    return next((done.exchanges for done in reversed(tries) if done.exchanges), [])
