"""The inspector's WSGI application: allowed hosts and origins, security headers, refused actions."""

import io
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from shopwire_inspector.data_source import Actions, DataSource, Posted
from shopwire_inspector.faults import FaultLimit
from shopwire_inspector.journal import Journal
from shopwire_inspector.pages import Pages

HERE = "127.0.0.1:8787"


class FakeActions:
    """Actions that only record the injected faults."""

    limits: dict[str, FaultLimit] = {}

    def __init__(self) -> None:
        self.faults: list[tuple[str, str, float | None]] = []
        self.modes = {"api": "ok", "queue": "down"}

    def set_fault(self, part: str, mode: str, seconds: float | None) -> None:
        self.faults.append((part, mode, seconds))

    def samples(self) -> list[Any]:
        return []

    def scenarios(self) -> dict[str, Any]:
        return {}

    def send(self, sample: str, *, fresh: bool) -> Posted:
        raise KeyError(sample)

    def play(self, platform: str, scenario: str) -> list[Posted]:
        raise KeyError(scenario)

    def replay(self, id: str) -> bool:
        return id == "shop.1.a"


def pages(actions: FakeActions | None) -> Pages:
    unused, nothing = cast(Any, None), cast(Any, SimpleNamespace(parked=SimpleNamespace(list=lambda shop: [])))
    source = DataSource("here", unused, unused, nothing, lambda: ["shop"], actions=cast(Actions, actions))
    return Pages(Journal(), source)


def request(
    to: Pages, method: str, target: str, form: dict[str, str] | None = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    path, _, query = target.partition("?")
    started: list[Any] = []
    body = to(
        {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_HOST": HERE,
            "wsgi.input": io.BytesIO(urlencode(form or {}).encode()),
            **headers,
        },
        lambda status, headers: started.extend((int(status[:3]), dict(headers))),
    )
    return started[0], started[1], b"".join(body).decode()


@pytest.mark.parametrize("target", ["/", "/inspect/rows", "/inspect/static/inspector.js", "/inspect/faults"])
@pytest.mark.parametrize(
    ("host", "status"),
    [
        (HERE, 200),
        ("localhost:8787", 200),
        ("[::1]:8787", 200),
        ("evil.example:8787", 403),
        ("evil-localhost:8787", 403),
        ("localhost.evil.example:8787", 403),
        ("127.0.0.1.evil.example:8787", 403),
        ("", 403),
        ("a@b:c", 403),
        ("192.168.1.7:8787", 403),
        ("[", 403),
    ],
)
def test_only_loopback_host_names_are_served(target: str, host: str, status: int) -> None:
    assert request(pages(FakeActions()), "GET", target, HTTP_HOST=host)[0] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"HTTP_ORIGIN": f"http://{HERE}"}, 303),
        ({"HTTP_ORIGIN": "http://127.0.0.1:3000"}, 403),
        ({"HTTP_ORIGIN": f"http://{HERE}1"}, 403),
        ({"HTTP_ORIGIN": "http://localhost:8787"}, 403),
        ({"HTTP_ORIGIN": f"https://{HERE}"}, 403),
        ({"HTTP_ORIGIN": "http://evil.example"}, 403),
        ({"HTTP_ORIGIN": "null"}, 403),
        ({"HTTP_SEC_FETCH_SITE": "same-origin"}, 303),
        ({"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
        ({"HTTP_SEC_FETCH_SITE": "same-site"}, 403),
    ],
)
@pytest.mark.parametrize(
    ("target", "form"),
    [("/inspect/faults", {"part": "api", "mode": "down"}), ("/inspect/parked/shop.1.a/replay", {})],
)
def test_post_is_accepted_only_from_the_same_origin(
    target: str, form: dict[str, str], headers: dict[str, str], status: int
) -> None:
    actions = FakeActions()
    assert request(pages(actions), "POST", target, form, **headers)[0] == status
    if status == 403:
        assert actions.faults == []


@pytest.mark.parametrize(
    "action",
    [
        "send",
        "scenario",
        "replay",
        "resend",
        "faults/clear",
        "webhooks/1/resend",
        "webhooks/1/repeat",
        "webhooks/1/try",
    ],
)
@pytest.mark.parametrize("headers", [{"HTTP_ORIGIN": "http://evil.example"}, {"HTTP_SEC_FETCH_SITE": "cross-site"}])
def test_every_action_is_refused_from_another_page(action: str, headers: dict[str, str]) -> None:
    assert request(pages(FakeActions()), "POST", f"/inspect/{action}", {"confirmed": "1"}, **headers)[0] == 403


@pytest.mark.parametrize(
    "target", ["/", "/inspect/rows", "/inspect/static/inspector.css", "/inspect/none", "/inspect/faults"]
)
def test_every_response_has_restrictive_security_headers(target: str) -> None:
    headers = request(pages(FakeActions()), "GET", target)[1]
    policy = dict(directive.strip().partition(" ")[::2] for directive in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{kind}-src"] for kind in ("script", "style", "connect", "img")} == {"'self'"}
    assert (policy["form-action"], policy["require-trusted-types-for"]) == ("'self'", "'script'")
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["trusted-types"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


HOSTILE = """'"><script>alert(1)</script>"""


def test_foreign_text_of_a_page_is_escaped() -> None:
    to = pages(FakeActions())
    to._journal.add_webhook(HOSTILE, 1_767_225_600_000)
    for target in ("/", f"/?{urlencode({'text': HOSTILE})}"):
        text = request(to, "GET", target)[2]
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


def test_pages_have_no_inline_script_style_or_handler() -> None:
    for target in ("/", "/inspect/faults", "/inspect/none"):
        text = request(pages(FakeActions()), "GET", target)[2]
        assert " style=" not in text
        assert " onclick=" not in text
        assert "<style" not in text
        assert (
            text.count("<script")
            == text.count('<script type="module" src="/inspect/static/inspector.js"></script>')
            == 1
        )


def test_fault_is_set_with_its_seconds_and_cleared() -> None:
    actions = FakeActions()
    to = pages(actions)
    assert request(to, "POST", "/inspect/faults", {"part": "queue", "mode": "hang", "seconds": "20"})[0] == 303
    assert request(to, "POST", "/inspect/faults", {"part": "api", "mode": "slow", "seconds": "x"})[0] == 303
    assert request(to, "POST", "/inspect/faults/clear")[0] == 303
    assert actions.faults == [("queue", "hang", 20), ("api", "slow", None), ("api", "ok", None), ("queue", "ok", None)]


@pytest.mark.parametrize(
    ("target", "form", "status"),
    [
        ("/inspect/faults", {}, 400),
        ("/inspect/faults", {"part": "api", "mode": "odd"}, 400),
        ("/inspect/faults", {"part": "settings", "mode": "down"}, 400),
        ("/inspect/faults", {"part": "api", "mode": "slow", "seconds": "999999999999999"}, 400),
        ("/inspect/send", {"sample": "shopify none"}, 400),
        ("/inspect/scenario", {"platform": "shopify", "scenario": "none"}, 400),
        ("/inspect/webhooks/1/resend", {}, 404),
        ("/inspect/webhooks/1/try", {}, 404),
        ("/inspect/parked/none/replay", {}, 404),
        ("/inspect/odd", {}, 404),
        ("/", {}, 404),
    ],
)
def test_invalid_action_is_refused(target: str, form: dict[str, str], status: int) -> None:
    assert request(pages(FakeActions()), "POST", target, form)[0] == status


@pytest.mark.parametrize("target", ["/inspect/webhooks/1", "/inspect/webhooks/x", "/inspect/static/../pages.py", "/x"])
def test_missing_page_is_not_found(target: str) -> None:
    assert request(pages(FakeActions()), "GET", target)[0] == 404


@pytest.mark.parametrize("target", ["/inspect/send", "/inspect/faults", "/inspect/parked/shop.1.a/replay"])
def test_inspector_without_actions_refuses_every_post(target: str) -> None:
    assert request(pages(None), "POST", target)[0] == 403


def test_other_methods_do_nothing() -> None:
    assert request(pages(FakeActions()), "DELETE", "/inspect/faults")[0] == 404
    assert request(pages(FakeActions()), "HEAD", "/")[0] == 200
