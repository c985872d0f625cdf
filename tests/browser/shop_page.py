"""A shop's pages in the browser: a web server with two origins, and an open page that includes the script."""

import html
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page, Response

from shopwire.platforms.storefront import sign_contact
from shopwire_dev.demo_shops import SettingsByShop
from shopwire_dev.stack import DevStack
from shopwire_emulator.emulator import DEMO_KEY
from shopwire_wsgi import Environ, Server, StartResponse, respond

SHOP, SECRET = "front-shop", "a-storefront-secret-of-the-documents"
VISITORS = count(1)
PAGE_HEADERS = {"Content-Type": "text/html; charset=utf-8"}


class PageServer:
    """A web server with the same pages under two origins: localhost is the shop's origin, 127.0.0.1 is another one."""

    def __init__(self) -> None:
        self.html: dict[str, str] = {}
        self._server = Server(self._serve, "127.0.0.1", 0)
        self._server.start()
        self.stop = self._server.stop
        self.shop_origin = f"http://localhost:{self._server.port}"
        self.other_origin = f"http://127.0.0.1:{self._server.port}"

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        html = self.html.get(environ["PATH_INFO"])
        return respond(start_response, 200 if html else 404, (html or "").encode(), PAGE_HEADERS)


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    server = PageServer()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def more_shops(server: PageServer) -> SettingsByShop:
    shop = {
        "platform": "shopify",
        "secrets": ["a-secret"],
        "esputnik_key": DEMO_KEY,
        "storefront_secret": SECRET,
        # "null" is the origin of a sandboxed frame, in which Shopify runs pixels.
        # The last one is the shop's own, which the tests do not open.
        "origins": [server.shop_origin, "null", "https://shop.example"],
    }
    return {SHOP: shop}


class Shop:
    """A page of the shop that is open in the browser."""

    def __init__(self, page: Page, server: PageServer, stack: DevStack) -> None:
        self.page, self.server, self.stack = page, server, stack
        self.errors: list[str] = []
        # Each test has its own visitor, because the ledger keeps its entries between tests.
        self.visitor = f"olena{next(VISITORS)}@example.com"
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def show(self, body: str = "", *, origin: str | None = None, known: bool = True, **data: str) -> None:
        """Open a page that includes the script.

        Args:
            body: HTML after the script.
            origin: origin of the page, by default the shop's.
            known: give the script the visitor's signed e-mail address.
            data: more data attributes of the script.
        """
        options = {"url": f"{self.stack.url}/storefront/{SHOP}"}
        if known:
            options |= {"email": self.visitor, "signature": self.signature}
        options |= data
        attributes = " ".join(f'data-{name.replace("_", "-")}="{html.escape(text)}"' for name, text in options.items())
        script = f'<script src="{self.stack.url}/shopwire.js" {attributes}></script>'
        self.server.html["/shop"] = f"<!doctype html><title>A shop</title>{script}<h1>A shop</h1>{body}"
        # Without this, a second page with the same address only scrolls, because the address has a fragment.
        self.page.goto("about:blank")
        self.page.goto(f"{origin or self.server.shop_origin}/shop#top")

    def create_contact(self) -> None:
        """Send a first visit, so that the API has the contact, and wait for its event.

        If several visits of a new contact come at once, the API may refuse one for a minute (409).
        """
        self.show(category="first-visit")
        assert len(self.events(1)) == 1

    @property
    def signature(self) -> str:
        return sign_contact(SECRET, SHOP, "email", self.visitor, time.time_ns() // 1_000_000)

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)

    def response_to(self, action: Callable[[], Any]) -> Response:
        """Run the action and return the response to the visit that it sends."""
        with self.page.expect_response(f"{self.stack.url}/storefront/**") as caught:
            action()
        return caught.value

    def events(self, count: int) -> list[dict[str, str]]:
        """Wait until the API has this number of events. Return the params of each, with `type` and `keyValue`."""
        for _ in range(200):
            if len(events := self.stack.emulator.state()["events"]) >= count:
                break
            self.page.wait_for_timeout(50)
        assert len(events) == count
        assert all(event["saved"] for event in events)
        return [
            {param["name"]: param["value"] for param in event["params"]}
            | {"type": event["eventTypeKey"], "keyValue": event["keyValue"]}
            for event in events
        ]

    def wait_for_responses(self) -> None:
        """Wait for the responses to all visits. The ledger then has recorded what was sent."""
        self.page.wait_for_load_state("networkidle")


@pytest.fixture
def shop(page: Page, server: PageServer, stack: DevStack) -> Iterator[Shop]:
    shop = Shop(page, server, stack)
    yield shop
    assert shop.errors == [], "the script must not cause errors in the page"
