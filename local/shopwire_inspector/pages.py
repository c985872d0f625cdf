"""The inspector's WSGI application: its routes, and the protection against other web pages.

Another web page can neither read from the inspector, because the Host header must name this machine (against DNS
rebinding), nor act on it, because the Origin of a POST must be the inspector itself. Content of webhooks comes from
outside and is shown as text: templates escape it, and the Content Security Policy allows only the static files of this
package to run or load.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from shopwire.errors import MessageTooLarge, QueueUnavailable, SettingsUnavailable, TableUnavailable
from shopwire_inspector.api_page import api_view, revision_of
from shopwire_inspector.data_source import Actions, DataSource
from shopwire_inspector.faults import PARTS, describe_faults
from shopwire_inspector.journal import Journal
from shopwire_inspector.list_page import ListPage, parse_filter
from shopwire_inspector.posts import Posts
from shopwire_inspector.recorded import RecordedWebhook
from shopwire_inspector.responses import HEADERS, HttpError, download, parse_number, render
from shopwire_inspector.rows import parked_row
from shopwire_inspector.views import Views
from shopwire_wsgi import Environ, StartResponse, is_for_loopback, is_from_other_page, read_body, respond, respond_json

_STATIC = Path(__file__).parent / "static"
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_STATIC_FILES = {path.name: path for path in _STATIC.iterdir() if path.suffix in _CONTENT_TYPES}
# How often a page asks whether its content has changed. Behind a deployed stack's pages are paid AWS requests.
_DEV_POLL_MS, _STACK_POLL_MS = 700, 15_000
_NOT_FOUND = "There is no such page."
_NOT_KEPT = "This webhook is not kept any more: the inspector keeps the last 20,000, and forgets them when it ends."
_NOT_PARKED = "This webhook is not parked any more: it was replayed, applied or removed."


class Pages:
    """The application. It serves "/" and everything below "/inspect/"."""

    def __init__(self, journal: Journal, source: DataSource) -> None:
        self._journal = journal
        self._source = source
        self._views = Views(journal, source)
        self._list = ListPage(journal, source)
        self._posts = Posts(journal, source, self._list, self._render)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._refuse_other_pages(environ)
            return self._serve(environ, start_response)
        except HttpError as error:
            status, text = error.status, error.text
        except (TableUnavailable, SettingsUnavailable, QueueUnavailable) as error:
            status, text = 503, f"{type(error).__name__}: {error}."
            if self._source.actions:
                text += " A fault may be active."
        except MessageTooLarge:
            status, text = 400, "The webhook is too large for the queue."
        return self.show_error(start_response, status, text)

    def show_error(self, start_response: StartResponse, status: int, text: str = _NOT_FOUND) -> Iterable[bytes]:
        """Respond with an error as a page."""
        return self._render(start_response, "error.html", {"status": status, "text": text}, status)

    def _refuse_other_pages(self, environ: Environ) -> None:
        if not is_for_loopback(environ):
            raise HttpError(403, "Use the host 127.0.0.1 or localhost.")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") and is_from_other_page(environ):
            raise HttpError(403, "Requests of other web pages are refused.")

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        path = environ["PATH_INFO"]
        if path != "/" and not f"{path}/".startswith("/inspect/"):
            raise HttpError(404, _NOT_FOUND)
        parts = path.removeprefix("/inspect").strip("/").split("/")
        if environ["REQUEST_METHOD"] == "POST":
            form = dict(parse_qsl(read_body(environ).decode("utf-8", "replace"), keep_blank_values=True))
            return self._posts.act(parts, form, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise HttpError(404, _NOT_FOUND)
        base_url = f"http://{environ.get('HTTP_HOST', '')}"
        match parts:
            case [""]:
                return self._render(start_response, "list.html", self._list.page(query))
            case ["rows"]:
                return respond_json(start_response, 200, self._list.rows(query), HEADERS)
            case ["export"]:
                return download(start_response, "webhooks.jsonl", self._list.export(query))
            case ["static", name] if name in _STATIC_FILES:
                file = _STATIC_FILES[name]
                content_type = {"Content-Type": _CONTENT_TYPES[file.suffix]}
                return respond(start_response, 200, file.read_bytes(), HEADERS | content_type)
            case ["webhooks", id, *rest]:
                return self._serve_webhook(self._find_webhook(id), rest, query, base_url, start_response)
            case ["entity"]:
                shop, entity = query.get("shop", ""), query.get("entity", "")
                view = {"shop": shop, "entity": entity, "timeline": self._views.timeline(shop, entity)}
                return self._render(start_response, "entity.html", view | {"entry": self._views.entry(shop, entity)})
            case ["parked", *rest]:
                return self._serve_parked(rest, query, base_url, start_response)
            case ["api", *rest] if actions := self._source.actions:
                return self._serve_api(actions, rest, query, start_response)
            case ["faults"] if actions := self._source.actions:
                parts_with_modes = {part: PARTS[part] for part in actions.modes}
                return self._render(start_response, "faults.html", {"parts_with_modes": parts_with_modes})
            case ["faults", "modes"] if actions := self._source.actions:
                return respond_json(start_response, 200, _fault_state(actions), HEADERS)
        raise HttpError(404, _NOT_FOUND)

    def _find_webhook(self, id: str) -> RecordedWebhook:
        webhook = self._journal.get(parse_number(id) or 0)
        if webhook is None:
            raise HttpError(404, _NOT_KEPT)
        return webhook

    def _serve_webhook(
        self,
        webhook: RecordedWebhook,
        parts: list[str],
        query: Mapping[str, str],
        base_url: str,
        start_response: StartResponse,
    ) -> Iterable[bytes]:
        wanted = parse_filter(query)
        request = webhook.request
        match parts:
            case []:
                view = {"webhook": self._views.webhook_page(webhook, wanted, base_url), "filter": wanted}
                return self._render(start_response, "webhook.html", view)
            case ["revision"]:
                return respond_json(start_response, 200, {"revision": webhook.revision}, HEADERS)
            case ["body"] if request and request.body is not None and not self._source.masked:
                name = f"{webhook.topic or 'webhook'}-{webhook.id}.json"
                return download(start_response, name, request.body)
            case ["resend"] if resend := self._views.resend_page(webhook):
                return self._render(start_response, "resend.html", {"webhook": resend, "filter": wanted})
        raise HttpError(404, _NOT_FOUND)

    def _serve_parked(
        self, parts: list[str], query: Mapping[str, str], base_url: str, start_response: StartResponse
    ) -> Iterable[bytes]:
        match parts:
            case []:
                return self._render(start_response, "parked.html", self._parked() | {"queued": "queued" in query})
            case ["rows"]:
                parked = self._parked()
                known = parked["revision"] == query.get("revision")
                return respond_json(start_response, 200, parked | ({"rows": None} if known else {}), HEADERS)
            case [id, "revision"]:
                row = self._source.environment.parked.get(id)
                return respond_json(start_response, 200, {"revision": row.tries if row else None}, HEADERS)
            case [id]:
                row = self._source.environment.parked.get(id)
                if row is None:
                    raise HttpError(404, _NOT_PARKED)
                view = self._views.parked_page(row, base_url)
                return self._render(start_response, "parked_webhook.html", {"parked": view})
        raise HttpError(404, _NOT_FOUND)

    def _serve_api(
        self, actions: Actions, parts: list[str], query: Mapping[str, str], start_response: StartResponse
    ) -> Iterable[bytes]:
        shop_ids = sorted(self._source.shop_ids())
        shop = self._source.find_shop(query.get("shop") or next(iter(shop_ids), ""))
        held = actions.holdings(shop) if shop else None
        if shop is None or held is None:
            raise HttpError(404, "Another API receives the requests, or there is no such shop.")
        match parts:
            case []:
                view = api_view(held, query.get("text", "").strip())
                return self._render(start_response, "api.html", view | {"shop": shop.id, "shops": shop_ids})
            case ["revision"]:
                return respond_json(start_response, 200, {"revision": revision_of(held)}, HEADERS)
        raise HttpError(404, _NOT_FOUND)

    def _parked(self) -> dict[str, Any]:
        """Return the rows of the parked list, and a hash of them as their revision."""
        rows = [parked_row(parked) for parked in self._source.list_parked()]
        return {"rows": rows, "revision": hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]}

    def _render(
        self, start_response: StartResponse, template: str, view: Mapping[str, Any], status: int = 200
    ) -> Iterable[bytes]:
        actions = self._source.actions
        modes = actions.modes if actions else {}
        common = {
            "title": self._source.title,
            "masked": self._source.masked,
            "has_actions": actions is not None,
            "has_emulator": "api" in modes,
            "poll_ms": _DEV_POLL_MS if actions else _STACK_POLL_MS,
            "modes": modes,
            "faults": describe_faults(modes),
        }
        return render(start_response, template, common | dict(view), status)


def _fault_state(actions: Actions) -> dict[str, Any]:
    modes = dict(actions.modes)
    limits = {
        part: {"seconds": limit.seconds, "requests": limit.requests} for part, limit in dict(actions.limits).items()
    }
    return {"modes": modes, "limits": limits, "faults": describe_faults(modes)}
