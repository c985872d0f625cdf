"""The inspector's WSGI application: which address shows what, and what no browser may be tricked into.

Another page may neither read here (the Host must be this machine's: DNS rebinding) nor act here (a POST's Origin must
be the very page asked). What is shown came from outside and is text: templates escape everything, and the Content
Security Policy lets nothing run or load but the files beside this one.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from shopwire.environment import now
from shopwire.retry_queue import MessageTooLarge, QueueDown
from shopwire.shops import SettingsDown
from shopwire.stores.table import TableDown
from shopwire_inspector.charts import HEIGHT, STEP, WIDTH, Chart, charts
from shopwire_inspector.installation import Installation
from shopwire_inspector.journal import Filter, Journal
from shopwire_inspector.minutes import GROUPS
from shopwire_inspector.views import Views
from shopwire_inspector.words import OUTCOMES
from shopwire_wsgi import Environ, StartResponse, is_for_loopback, read_body, respond, respond_json

_HERE = Path(__file__).parent
_STATIC = {
    "inspector.css": "text/css; charset=utf-8",
    "inspector.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_KINDS = ("order", "cart", "contact", "view", "shop")
_GROUP_WORDS = {"unsent": "not sent"}
_FIRST_ROWS = 100
_MOST_ROWS = 1000
_QUEUE_SECONDS = 10.0
# How often a page asks whether what it shows has changed, in milliseconds: on one's own machine, and of AWS.
_LOOK_EVERY, _LOOK_AT_AWS_EVERY = 700, 15_000

API_MODES = {
    "ok": "works",
    "down": "breaks every connection",
    "error": "answers 500",
    "throttle": "answers 429",
    "unauthorized": "answers 401",
    "bad_request": "answers 400",
    "slow": "answers after 30 s",
    "lost_answer": "takes the event, then breaks the connection",
}
PART_MODES = {"ok": "works", "down": "answers 503", "hang": "does not answer"}
PARTS = {
    "api": ("The API", API_MODES),
    "queue": ("Queue (SQS)", PART_MODES),
    "ledger": ("Ledger (DynamoDB)", PART_MODES),
    "settings": ("Settings (SSM)", PART_MODES),
}

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


class _Answer(Exception):
    """An answer instead of a page: status and text."""


class Pages:
    """The application; serves "/" and everything below "/inspect/".

    Args:
        any_host: it is told to listen beyond loopback: serve under addresses and names of the local network too.
    """

    def __init__(self, journal: Journal, installation: Installation, *, any_host: bool = False) -> None:
        self._journal = journal
        self._installation = installation
        self._views = Views(journal, installation)
        self._any_host = any_host
        self._queue: tuple[float, str] = (0.0, "")

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            self._refuse_others(environ)
            return self._serve(environ, start_response)
        except _Answer as said:
            status, text = said.args
        except (TableDown, SettingsDown, QueueDown) as error:
            status, text = 503, f"{type(error).__name__}: {error}. Is it broken on purpose?"
        except MessageTooLarge:
            status, text = 400, "It is too large for the queue."
        return self._page(start_response, "error.html", {"status": status, "text": text}, status)

    def _refuse_others(self, environ: Environ) -> None:
        if not (is_for_loopback(environ) or (self._any_host and _nobody_elses(environ.get("HTTP_HOST", "")))):
            raise _Answer(403, "Ask for 127.0.0.1 or localhost.")
        if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
            return
        # A browser says with every POST which page sent it; who says nothing is no browser.
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and origin != f"http://{environ.get('HTTP_HOST', '')}":
            raise _Answer(403, "Not for other web pages.")
        if environ.get("HTTP_SEC_FETCH_SITE", "same-origin") not in ("same-origin", "none"):
            raise _Answer(403, "Not for other web pages.")

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        method = "GET" if environ["REQUEST_METHOD"] == "HEAD" else environ["REQUEST_METHOD"]
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        parts = environ["PATH_INFO"].removeprefix("/inspect").strip("/").split("/")
        match method, *parts:
            case "GET", "":
                return self._page(start_response, "list.html", self._list(query))
            case "GET", "rows":
                return respond_json(start_response, 200, self._rows(query), HEADERS)
            case "GET", "static", name if name in _STATIC:
                body = (_HERE / "static" / name).read_bytes()
                return respond(start_response, 200, body, HEADERS | {"Content-Type": _STATIC[name]})
            case "GET", "webhooks", id if found := self._journal.get(_number(id) or 0):
                return self._page(start_response, "webhook.html", {"one": self._views.webhook(found)})
            case "GET", "webhooks", id, "changed" if found := self._journal.get(_number(id) or 0):
                return respond_json(start_response, 200, {"changed": found.changed}, HEADERS)
            case "GET", "entity":
                shop, entity = query.get("shop", ""), query.get("entity", "")
                shown = {"shop": shop, "entity": entity, "story": self._views.story(shop, entity)}
                return self._page(start_response, "entity.html", shown | {"entry": self._views.entry(shop, entity)})
            case "GET", "parked":
                return self._page(start_response, "parked.html", self._parked() | {"said": query.get("said", "")})
            case "GET", "parked", "rows":
                now_parked = self._parked()
                same = now_parked["changed"] == query.get("seen")
                return respond_json(start_response, 200, now_parked | ({"listed": None} if same else {}), HEADERS)
            case "GET", "parked", id if one := self._installation.environment.parked.get(id):
                return self._page(start_response, "parked_one.html", {"one": self._views.parked(one)})
            case "GET", "parked", id, "changed":
                one = self._installation.environment.parked.get(id)
                return respond_json(start_response, 200, {"changed": one.tries if one else None}, HEADERS)
            case "GET", "faults" if controls := self._installation.controls:
                return self._page(
                    start_response, "faults.html", {"parts_of": {one: PARTS[one] for one in controls.modes}}
                )
            case "GET", "faults", "modes" if controls := self._installation.controls:
                said = {"modes": controls.modes, "broken": _broken(controls.modes)}
                return respond_json(start_response, 200, said, HEADERS)
            case "POST", *_:
                return self._act(parts, dict(parse_qsl(read_body(environ).decode("utf-8", "replace"))), start_response)
        raise _Answer(404, "There is no such page, or what it showed is not kept any more.")

    def _act(self, parts: list[str], form: Mapping[str, str], start_response: StartResponse) -> Iterable[bytes]:
        controls = self._installation.controls
        if controls is None:
            raise _Answer(403, "A deployed stack is only looked at from here: `shopwire parked replay --stack` acts.")
        match parts:
            case ["send"]:
                try:
                    status, said = controls.send(form.get("sample", ""), fresh="fresh" in form)
                except KeyError:
                    raise _Answer(400, "There is no such sample.") from None
                if "json" in form:
                    return respond_json(start_response, 200, {"status": status, "said": said}, HEADERS)
                return _go(start_response, "/")
            case ["faults"]:
                part, mode = form.get("part", ""), form.get("mode", "")
                seconds = _number(form.get("seconds", ""))
                if part not in controls.modes or mode not in PARTS[part][1]:
                    raise _Answer(400, "There is no such part or mode.")
                controls.break_part(part, mode, seconds)
                return _go(start_response, "/inspect/faults")
            case ["faults", "mend"]:
                for part in controls.modes:
                    controls.break_part(part, "ok", None)
                return _go(start_response, "/inspect/faults")
            case ["parked", id, "replay"] if controls.replay(id):
                shop, _, rest = id.partition(".")
                known = self._journal.at(shop, _number(rest.partition(".")[0]) or 0)
                where = f"/inspect/webhooks/{known.id}" if known else "/inspect/parked?" + urlencode({"said": "queued"})
                return _go(start_response, where)
        raise _Answer(404, "There is nothing to be done under this address (any more).")

    def _list(self, query: Mapping[str, str]) -> dict[str, Any]:
        wanted = _filter(query)
        controls = self._installation.controls
        rows, _ = self._journal.page(wanted, before=None, limit=_FIRST_ROWS)
        samples: dict[str, list[str]] = {}
        for sample in controls.samples() if controls else ():
            samples.setdefault(sample.platform, []).append(sample.name)
        return {
            "filter": wanted,
            "filtered": wanted != Filter(),
            "rows": [self._views.row(one) for one in rows],
            "shops": sorted({*self._ids(), *self._journal.shops()}),
            "outcomes": {one: _GROUP_WORDS.get(one, one) for one in dict.fromkeys((*GROUPS, *OUTCOMES))},
            "kinds": _KINDS,
            "samples": samples,
            "charts": self._charts(),
            "chart": {"width": WIDTH, "height": HEIGHT, "step": STEP},
            "counters": self._counters(),
            "queue": self._in_queue(),
        }

    def _rows(self, query: Mapping[str, str]) -> dict[str, Any]:
        wanted = _filter(query)
        after, before = _number(query.get("after", "")), _number(query.get("before", ""))
        cursor = self._journal.cursor
        more: dict[str, Any]
        if after is not None:
            changed = self._journal.changed_since(after)
            rows = [one for one in changed if wanted.holds(one)]
            more = {"gone": [one.id for one in changed if not wanted.holds(one)]}
        else:
            limit = _FIRST_ROWS if before is None else _MOST_ROWS
            rows, total = self._journal.page(wanted, before=before, limit=limit)
            more = {"total": total}
        controls = self._installation.controls
        return more | {
            "cursor": cursor,
            "rows": [self._views.row(one) for one in rows],
            "counters": self._counters(),
            "queue": self._in_queue(),
            "charts": [asdict(one) for one in self._charts()],
            "broken": _broken(controls.modes) if controls else [],
        }

    def _parked(self) -> dict[str, Any]:
        """The parked list, and a short word for all that it says."""
        listed = [self._views.parked_row(one) for one in self._installation.parked()]
        return {"listed": listed, "changed": hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]}

    def _counters(self) -> list[tuple[str, str, int]]:
        """Words, group to filter by, count. Always the same ones, so that nothing moves."""
        counts = self._journal.groups()
        return [("webhooks", "", counts.total()), *((_GROUP_WORDS.get(one, one), one, counts[one]) for one in GROUPS)]

    def _charts(self) -> list[Chart]:
        at = now()
        depth, since = self._journal.waiting()
        return charts(self._journal.last_minutes(at), depth, 0 if since is None else max(at - since, 0))

    def _in_queue(self) -> str:
        """What a deployed stack's queue says of itself: the journal knows only what the logs of the last while tell."""
        if self._installation.controls:
            return ""
        asked_at, said = self._queue
        if time.monotonic() - asked_at > _QUEUE_SECONDS:
            found = self._installation.queue()
            counts = "does not answer" if found is None else ", ".join(f"{n} {words}" for words, n in found.items())
            self._queue = (time.monotonic(), said := f"Retry queue: {counts}")
        return said

    def _ids(self) -> Iterable[str]:
        try:
            return self._installation.ids()
        except SettingsDown:
            return ()

    def _page(
        self, start_response: StartResponse, template: str, shown: Mapping[str, Any], status: int = 200
    ) -> Iterable[bytes]:
        controls = self._installation.controls
        page = _templates().get_template(template)
        text = page.render(
            shown,
            title=self._installation.title,
            masked=self._installation.masked,
            controls=controls is not None,
            look_every=_LOOK_EVERY if controls else _LOOK_AT_AWS_EVERY,
            modes=controls.modes if controls else {},
            broken=_broken(controls.modes) if controls else [],
        )
        return respond(start_response, status, text.encode(), HEADERS | {"Content-Type": "text/html; charset=utf-8"})


@cache
def _templates() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # only who opens a page waits for it

    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["query"] = urlencode
    return made


def _nobody_elses(host: str) -> bool:
    """Whether it is an address, or a name without a dot: any other may be somebody's who points it at this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        ip_address(name)
    except ValueError:
        return bool(name) and "." not in name
    return True


def _filter(query: Mapping[str, str]) -> Filter:
    return Filter(query.get("shop", ""), query.get("outcome", ""), query.get("kind", ""), query.get("text", "").strip())


def _broken(modes: Mapping[str, str]) -> list[str]:
    return [f"{PARTS[part][0]} {PARTS[part][1][mode]}" for part, mode in modes.items() if mode != "ok"]


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _go(start_response: StartResponse, where: str) -> Iterable[bytes]:
    return respond(start_response, 303, b"", HEADERS | {"Location": where})
