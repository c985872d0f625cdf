"""A shop's pages in the browser: a web server of two origins, and an open page that includes the script."""

import html
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page, Response

from shopwire.platforms.storefront import sign_contact
from shopwire_dev.demo_shops import Settings
from shopwire_dev.stack import DevStack
from shopwire_emulator.emulator import DEMO_KEY
from shopwire_wsgi import Environ, Server, StartResponse, respond

SHOP, SECRET = "front-shop", "front-secret"
VISITORS = count(1)
PAGE_HEADERS = {"Content-Type": "text/html; charset=utf-8"}


class Pages:
    """A web server. The same pages stand under two origins: localhost is the shop's, 127.0.0.1 is a stranger's."""

    def __init__(self) -> None:
        self.html: dict[str, str] = {}
        self._server = Server(self._serve, "127.0.0.1", 0)
        self._server.start()
        self.stop = self._server.stop
        self.own = f"http://localhost:{self._server.port}"
        self.strange = f"http://127.0.0.1:{self._server.port}"

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        found = self.html.get(environ["PATH_INFO"])
        return respond(start_response, 200 if found else 404, (found or "").encode(), PAGE_HEADERS)


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    pages = Pages()
    yield pages
    pages.stop()


@pytest.fixture(scope="module")
def more_shops(pages: Pages) -> Settings:
    shop = {
        "platform": "shopify",
        "secrets": ["a-secret"],
        "esputnik_key": DEMO_KEY,
        "storefront_secret": SECRET,
        # "null" is a sandbox's, as Shopify's pixels run in.
        "origins": [pages.own, "null"],
    }
    return {SHOP: shop}


class Shop:
    """A page of the shop's, open in the browser."""

    def __init__(self, page: Page, pages: Pages, stack: DevStack) -> None:
        self.page, self.pages, self.stack = page, pages, stack
        self.errors: list[str] = []
        # One of her own for each test: the API's emulator forgets between tests, the ledger does not.
        self.visitor = f"olena{next(VISITORS)}@example.com"
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def show(self, body: str = "", *, origin: str | None = None, known: bool = True, **data: str) -> None:
        """Open a page that includes the script with these data attributes, and then runs `body`."""
        said = {"url": f"{self.stack.url}/storefront/{SHOP}"}
        if known:
            said |= {"email": self.visitor, "signature": self.signature}
        said |= data
        attributes = " ".join(f'data-{name.replace("_", "-")}="{html.escape(one)}"' for name, one in said.items())
        script = f'<script src="{self.stack.url}/shopwire.js" {attributes}></script>'
        self.pages.html["/shop"] = f"<!doctype html><title>A shop</title>{script}<h1>A shop</h1>{body}"
        self.page.goto("about:blank")  # else a second page of the same address is only another place in the first
        self.page.goto(f"{origin or self.pages.own}/shop#top")

    @property
    def signature(self) -> str:
        return sign_contact(SECRET, "email", self.visitor)

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)

    def answered(self, action: Callable[[], Any]) -> Response:
        """What the storefront's URL answers to what the action sends."""
        with self.page.expect_response(f"{self.stack.url}/storefront/**") as caught:
            action()
        return caught.value

    def events(self, many: int) -> list[dict[str, str]]:
        """The API's events once there are so many: their params, with type and key."""
        for _ in range(200):
            if len(found := self.stack.emulator.state()["events"]) >= many:
                break
            self.page.wait_for_timeout(50)
        assert len(found) == many
        assert all(one["saved"] for one in found)
        return [
            {param["name"]: param["value"] for param in one["params"]}
            | {"type": one["eventTypeKey"], "keyValue": one["keyValue"]}
            for one in found
        ]

    def settled(self) -> None:
        """Come back when the storefront has answered all that the page sent: what the API took is noted then."""
        self.page.wait_for_load_state("networkidle")


@pytest.fixture
def shop(page: Page, pages: Pages, stack: DevStack) -> Iterator[Shop]:
    shop = Shop(page, pages, stack)
    yield shop
    assert shop.errors == [], "the page has no errors of ours"
