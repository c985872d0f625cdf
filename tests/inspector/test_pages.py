"""The inspector's pages as WSGI: who may ask, what every answer's headers forbid, what is refused."""

import io
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from shopwire_inspector.installation import Controls, Installation
from shopwire_inspector.journal import Journal
from shopwire_inspector.pages import Pages

HERE = "127.0.0.1:8787"


class Switches:
    """Controls that only remember what was asked."""

    def __init__(self) -> None:
        self.broken: list[tuple[str, str, float | None]] = []
        self.modes = {"api": "ok", "queue": "down"}

    def break_part(self, part: str, mode: str, seconds: float | None) -> None:
        self.broken.append((part, mode, seconds))

    def samples(self) -> list[Any]:
        return []

    def send(self, sample: str, *, fresh: bool) -> tuple[int, str]:
        raise KeyError(sample)

    def replay(self, id: str) -> bool:
        return id == "shop.1.a"


def pages(controls: Switches | None, **more: Any) -> Pages:
    nothing = cast(Any, None)
    installation = Installation("here", nothing, nothing, nothing, lambda: ["shop"], controls=cast(Controls, controls))
    return Pages(Journal(), installation, **more)


def ask(
    to: Pages, method: str, target: str, form: dict[str, str] | None = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    path, _, query = target.partition("?")
    said: list[Any] = []
    body = to(
        {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "HTTP_HOST": HERE,
            "wsgi.input": io.BytesIO(urlencode(form or {}).encode()),
            **headers,
        },
        lambda status, headers: said.extend((int(status[:3]), dict(headers))),
    )
    return said[0], said[1], b"".join(body).decode()


@pytest.mark.parametrize("target", ["/", "/inspect/rows", "/inspect/static/inspector.js", "/inspect/faults"])
@pytest.mark.parametrize(
    ("host", "status"),
    [(HERE, 200), ("localhost:8787", 200), ("[::1]:8787", 200), ("evil.example:8787", 403), ("", 403), ("a@b:c", 403)],
)
def test_only_who_asks_for_this_machine_by_name_is_answered(target: str, host: str, status: int) -> None:
    assert ask(pages(Switches()), "GET", target, HTTP_HOST=host)[0] == status


@pytest.mark.parametrize(
    ("host", "status"), [("192.168.1.7:8787", 200), ("shopwire:8787", 200), ("evil.example:8787", 403), ("", 403)]
)
def test_beyond_loopback_no_name_serves_that_somebody_else_may_own(host: str, status: int) -> None:
    assert ask(pages(Switches(), any_host=True), "GET", "/", HTTP_HOST=host)[0] == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"HTTP_ORIGIN": f"http://{HERE}"}, 303),
        ({"HTTP_ORIGIN": "http://127.0.0.1:3000"}, 403),
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
def test_only_the_pages_themselves_may_act(
    target: str, form: dict[str, str], headers: dict[str, str], status: int
) -> None:
    switches = Switches()
    assert ask(pages(switches), "POST", target, form, **headers)[0] == status
    if status == 403:
        assert switches.broken == []


@pytest.mark.parametrize(
    "target", ["/", "/inspect/rows", "/inspect/static/inspector.css", "/inspect/none", "/inspect/faults"]
)
def test_every_answer_forbids_what_is_not_needed(target: str) -> None:
    headers = ask(pages(Switches()), "GET", target)[1]
    policy = dict(one.strip().partition(" ")[::2] for one in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert {policy[f"{one}-src"] for one in ("script", "style", "connect", "img")} == {"'self'"}
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["trusted-types"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_no_page_has_script_or_style_or_handler_of_its_own() -> None:
    for target in ("/", "/inspect/faults", "/inspect/none"):
        text = ask(pages(Switches()), "GET", target)[2]
        assert " style=" not in text
        assert " onclick=" not in text
        assert "<style" not in text
        assert (
            text.count("<script")
            == text.count('<script type="module" src="/inspect/static/inspector.js"></script>')
            == 1
        )


def test_a_part_is_broken_for_as_long_as_is_said() -> None:
    switches = Switches()
    to = pages(switches)
    assert ask(to, "POST", "/inspect/faults", {"part": "queue", "mode": "hang", "seconds": "20"})[0] == 303
    assert ask(to, "POST", "/inspect/faults", {"part": "api", "mode": "slow", "seconds": "x"})[0] == 303
    assert ask(to, "POST", "/inspect/faults/mend")[0] == 303
    assert switches.broken == [("queue", "hang", 20), ("api", "slow", None), ("api", "ok", None), ("queue", "ok", None)]


@pytest.mark.parametrize(
    ("target", "form", "status"),
    [
        ("/inspect/faults", {}, 400),
        ("/inspect/faults", {"part": "api", "mode": "odd"}, 400),
        ("/inspect/faults", {"part": "settings", "mode": "down"}, 400),
        ("/inspect/send", {"sample": "shopify none"}, 400),
        ("/inspect/parked/none/replay", {}, 404),
        ("/inspect/odd", {}, 404),
        ("/", {}, 404),
    ],
)
def test_what_cannot_be_done_is_said(target: str, form: dict[str, str], status: int) -> None:
    assert ask(pages(Switches()), "POST", target, form)[0] == status


@pytest.mark.parametrize("target", ["/inspect/webhooks/1", "/inspect/webhooks/x", "/inspect/static/../pages.py", "/x"])
def test_what_is_not_there_is_not_found(target: str) -> None:
    assert ask(pages(Switches()), "GET", target)[0] == 404


@pytest.mark.parametrize("target", ["/inspect/send", "/inspect/faults", "/inspect/parked/shop.1.a/replay"])
def test_a_deployed_stack_is_never_acted_on(target: str) -> None:
    assert ask(pages(None), "POST", target)[0] == 403


def test_other_methods_do_nothing() -> None:
    assert ask(pages(Switches()), "DELETE", "/inspect/faults")[0] == 404
    assert ask(pages(Switches()), "HEAD", "/")[0] == 200
