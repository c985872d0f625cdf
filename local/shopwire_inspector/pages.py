"""The inspector's WSGI application: its routes, and the protection against other web pages.

Another web page can neither read from the inspector, because the Host header must name this machine (against DNS
rebinding), nor act on it, because the Origin of a POST must be the inspector itself. Content of webhooks comes from
outside and is shown as text: templates escape it, and the Content Security Policy allows only the static files of this
package to run or load.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from shopwire.environment import now
from shopwire.errors import MessageTooLarge, QueueUnavailable, SettingsUnavailable, TableUnavailable
from shopwire_inspector.charts import BAR_STEP, HEIGHT, WIDTH, Chart, make_charts
from shopwire_inspector.data_source import DataSource
from shopwire_inspector.journal import Filter, Journal
from shopwire_inspector.minutes import GROUPS
from shopwire_inspector.views import Views
from shopwire_inspector.words import OUTCOMES
from shopwire_testkit.fresh import NotRefreshable
from shopwire_wsgi import Environ, StartResponse, is_for_loopback, is_from_other_page, read_body, respond, respond_json

_HERE = Path(__file__).parent
_JAVASCRIPT = "text/javascript; charset=utf-8"
_STATIC_FILES = {
    "inspector.css": "text/css; charset=utf-8",
    "inspector.js": _JAVASCRIPT,
    "page.js": _JAVASCRIPT,
    "webhooks.js": _JAVASCRIPT,
    "parked.js": _JAVASCRIPT,
    "faults.js": _JAVASCRIPT,
    "icon.svg": "image/svg+xml",
}
"""File name -> content type."""
_KINDS = ("order", "cart", "contact", "view", "shop")
_GROUP_LABELS = {"unsent": "not sent"}
_FIRST_PAGE_ROWS = 100
_PAGE_ROWS = 1000
_QUEUE_COUNT_SECONDS = 10.0
"""How long the counts of a deployed stack's queue are kept."""
_MAX_FAULT_SECONDS = 1_000_000
# How often a page asks whether its content has changed. Behind a deployed stack's pages are paid AWS requests.
_DEV_POLL_MS, _STACK_POLL_MS = 700, 15_000

API_MODES = {
    "ok": "works",
    "down": "breaks every connection",
    "error": "responds with 500",
    "throttle": "responds with 429",
    "unauthorized": "responds with 401",
    "bad_request": "responds with 400",
    "repeated": "responds with 409, as to a repeated request",
    "slow": "responds after 30 s",
    "lost_answer": "processes the request, then breaks the connection",
}
PART_MODES = {"ok": "works", "down": "responds with 503", "hang": "does not respond"}
PARTS = {
    "api": ("The API", API_MODES),
    "queue": ("Queue (SQS)", PART_MODES),
    "ledger": ("Ledger (DynamoDB)", PART_MODES),
    "settings": ("Settings (SSM)", PART_MODES),
}
"""Part -> (title, fault mode -> what the part does in this mode)."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class _HttpError(Exception):
    """An error page instead of the requested page. The arguments are the status and the text."""


class Pages:
    """The application. It serves "/" and everything below "/inspect/"."""

    def __init__(self, journal: Journal, source: DataSource) -> None:
        self._journal = journal
        self._source = source
        self._views = Views(journal, source)
        self._queue_text: tuple[float, str] = (0.0, "")
        """When the queue was counted (monotonic seconds), and the text."""

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._refuse_other_pages(environ)
            return self._serve(environ, start_response)
        except _HttpError as error:
            status, text = error.args
        except (TableUnavailable, SettingsUnavailable, QueueUnavailable) as error:
            status, text = 503, f"{type(error).__name__}: {error}."
            if self._source.actions:
                text += " A fault may be active."
        except MessageTooLarge:
            status, text = 400, "The webhook is too large for the queue."
        return self._render(start_response, "error.html", {"status": status, "text": text}, status)

    def _refuse_other_pages(self, environ: Environ) -> None:
        if not is_for_loopback(environ):
            raise _HttpError(403, "Use the host 127.0.0.1 or localhost.")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") and is_from_other_page(environ):
            raise _HttpError(403, "Requests of other web pages are refused.")

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method = "GET" if environ["REQUEST_METHOD"] == "HEAD" else environ["REQUEST_METHOD"]
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        parts = environ["PATH_INFO"].removeprefix("/inspect").strip("/").split("/")
        match method, *parts:
            case "GET", "":
                return self._render(start_response, "list.html", self._list(query))
            case "GET", "rows":
                return respond_json(start_response, 200, self._rows(query), HEADERS)
            case "GET", "static", name if name in _STATIC_FILES:
                body = (_HERE / "static" / name).read_bytes()
                return respond(start_response, 200, body, HEADERS | {"Content-Type": _STATIC_FILES[name]})
            case "GET", "webhooks", id if webhook := self._journal.get(_parse_number(id) or 0):
                return self._render(start_response, "webhook.html", {"webhook": self._views.webhook_page(webhook)})
            case "GET", "webhooks", id, "revision" if webhook := self._journal.get(_parse_number(id) or 0):
                return respond_json(start_response, 200, {"revision": webhook.revision}, HEADERS)
            case "GET", "entity":
                shop, entity = query.get("shop", ""), query.get("entity", "")
                view = {"shop": shop, "entity": entity, "timeline": self._views.timeline(shop, entity)}
                return self._render(start_response, "entity.html", view | {"entry": self._views.entry(shop, entity)})
            case "GET", "parked":
                return self._render(start_response, "parked.html", self._parked() | {"queued": "queued" in query})
            case "GET", "parked", "rows":
                parked = self._parked()
                known = parked["revision"] == query.get("revision")
                return respond_json(start_response, 200, parked | ({"rows": None} if known else {}), HEADERS)
            case "GET", "parked", id if row := self._source.environment.parked.get(id):
                return self._render(start_response, "parked_webhook.html", {"parked": self._views.parked_page(row)})
            case "GET", "parked", id, "revision":
                row = self._source.environment.parked.get(id)
                return respond_json(start_response, 200, {"revision": row.tries if row else None}, HEADERS)
            case "GET", "faults" if actions := self._source.actions:
                return self._render(
                    start_response, "faults.html", {"parts_with_modes": {part: PARTS[part] for part in actions.modes}}
                )
            case "GET", "faults", "modes" if actions := self._source.actions:
                modes = actions.modes
                return respond_json(start_response, 200, {"modes": modes, "faults": _describe_faults(modes)}, HEADERS)
            case "POST", *_:
                return self._act(parts, dict(parse_qsl(read_body(environ).decode("utf-8", "replace"))), start_response)
        raise _HttpError(404, "This page does not exist, or its webhook is not kept any more.")

    def _act(self, parts: list[str], form: Mapping[str, str], start_response: StartResponse) -> Iterable[bytes]:
        actions = self._source.actions
        if actions is None:
            raise _HttpError(
                403, "The inspector of a deployed stack is read-only. Use `shopwire parked replay --stack` to replay."
            )
        match parts:
            case ["send"]:
                try:
                    status, body = actions.send(form.get("sample", ""), fresh="fresh" in form)
                except KeyError:
                    raise _HttpError(400, "There is no such sample.") from None
                except NotRefreshable as error:
                    raise _HttpError(400, f"Send the sample as it is: {error}.") from None
                if "json" in form:
                    return respond_json(start_response, 200, {"status": status, "body": body}, HEADERS)
                return _redirect(start_response, "/")
            case ["faults"]:
                part, mode = form.get("part", ""), form.get("mode", "")
                seconds = _parse_number(form.get("seconds", ""))
                if part not in actions.modes or mode not in PARTS[part][1]:
                    raise _HttpError(400, "There is no such part or fault mode.")
                if seconds is not None and seconds > _MAX_FAULT_SECONDS:
                    raise _HttpError(400, f"A fault lasts at most {_MAX_FAULT_SECONDS} seconds.")
                actions.set_fault(part, mode, seconds)
                return _redirect(start_response, "/inspect/faults")
            case ["faults", "clear"]:
                for part in actions.modes:
                    actions.set_fault(part, "ok", None)
                return _redirect(start_response, "/inspect/faults")
            case ["parked", id, "replay"] if actions.replay(id):
                shop, _, rest = id.partition(".")
                webhook = self._journal.find_by_time(shop, _parse_number(rest.partition(".")[0]) or 0)
                target = f"/inspect/webhooks/{webhook.id}" if webhook else "/inspect/parked?queued="
                return _redirect(start_response, target)
        raise _HttpError(404, "There is no such action, or the webhook is not parked any more.")

    def _list(self, query: Mapping[str, str]) -> dict[str, Any]:
        wanted = _parse_filter(query)
        actions = self._source.actions
        webhooks, _ = self._journal.find_page(wanted, before=None, limit=_FIRST_PAGE_ROWS)
        samples: dict[str, list[str]] = {}
        for sample in actions.samples() if actions else ():
            samples.setdefault(sample.platform, []).append(sample.name)
        return {
            "filter": wanted,
            "rows": [self._views.webhook_row(webhook) for webhook in webhooks],
            "shops": sorted({*self._shop_ids(), *self._journal.shops()}),
            "outcomes": {name: _GROUP_LABELS.get(name, name) for name in dict.fromkeys((*GROUPS, *OUTCOMES))},
            "kinds": _KINDS,
            "samples": samples,
            "charts": self._charts(),
            "chart_size": {"width": WIDTH, "height": HEIGHT, "step": BAR_STEP},
            "counters": self._counters(),
            "queue": self._queue(),
        }

    def _rows(self, query: Mapping[str, str]) -> dict[str, Any]:
        wanted = _parse_filter(query)
        after, before = _parse_number(query.get("after", "")), _parse_number(query.get("before", ""))
        cursor = self._journal.cursor
        more: dict[str, Any]
        if after is not None:
            changed = self._journal.changed_since(after)
            webhooks = [webhook for webhook in changed if wanted.matches(webhook)]
            more = {"removed": [webhook.id for webhook in changed if not wanted.matches(webhook)]}
        else:
            limit = _FIRST_PAGE_ROWS if before is None else _PAGE_ROWS
            webhooks, total = self._journal.find_page(wanted, before=before, limit=limit)
            more = {"total": total}
        actions = self._source.actions
        return more | {
            "cursor": cursor,
            "rows": [self._views.webhook_row(webhook) for webhook in webhooks],
            "counters": self._counters(),
            "queue": self._queue(),
            "charts": [asdict(chart) for chart in self._charts()],
            "faults": _describe_faults(actions.modes) if actions else [],
        }

    def _parked(self) -> dict[str, Any]:
        """Return the rows of the parked list, and a hash of them as their revision."""
        rows = [self._views.parked_row(parked) for parked in self._source.list_parked()]
        return {"rows": rows, "revision": hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]}

    def _counters(self) -> list[tuple[str, str, int]]:
        """Return (label, group to filter by, count) for each group. All groups are always there, so nothing moves."""
        counts = self._journal.count_by_group()
        groups = ((_GROUP_LABELS.get(group, group), group, counts[group]) for group in GROUPS)
        return [("webhooks", "", counts.total()), *groups]

    def _charts(self) -> list[Chart]:
        at = now()
        waiting, since = self._journal.waiting()
        return make_charts(self._journal.last_minutes(at), waiting, 0 if since is None else max(at - since, 0))

    def _queue(self) -> str:
        """Return the counts of a deployed stack's queue as text. The journal knows only the webhooks in recent logs."""
        if self._source.actions:
            return ""
        counted_at, text = self._queue_text
        if time.monotonic() - counted_at > _QUEUE_COUNT_SECONDS:
            counts = self._source.count_queue()
            text = "does not respond" if counts is None else ", ".join(f"{n} {state}" for state, n in counts.items())
            self._queue_text = (time.monotonic(), text := f"Retry queue: {text}")
        return text

    def _shop_ids(self) -> Iterable[str]:
        try:
            return self._source.shop_ids()
        except SettingsUnavailable:
            return ()

    def _render(
        self, start_response: StartResponse, template: str, view: Mapping[str, Any], status: int = 200
    ) -> Iterable[bytes]:
        actions = self._source.actions
        page = _templates().get_template(template)
        text = page.render(
            view,
            title=self._source.title,
            masked=self._source.masked,
            has_actions=actions is not None,
            poll_ms=_DEV_POLL_MS if actions else _STACK_POLL_MS,
            modes=actions.modes if actions else {},
            faults=_describe_faults(actions.modes) if actions else [],
        )
        return respond(start_response, status, text.encode(), HEADERS | {"Content-Type": "text/html; charset=utf-8"})


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # loaded when the first page opens

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["query"] = urlencode
    return environment


def _parse_filter(query: Mapping[str, str]) -> Filter:
    return Filter(query.get("shop", ""), query.get("outcome", ""), query.get("kind", ""), query.get("text", "").strip())


def _describe_faults(modes: Mapping[str, str]) -> list[str]:
    """Return a sentence for each active fault."""
    return [f"{PARTS[part][0]} {PARTS[part][1][mode]}" for part, mode in modes.items() if mode != "ok"]


def _parse_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _redirect(start_response: StartResponse, location: str) -> Iterable[bytes]:
    return respond(start_response, 303, b"", HEADERS | {"Location": location})
