"""Fixtures of the browser tests: Chromium, a page without access to other hosts, and a running `shopwire dev`."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from shopwire_dev.demo_shops import SettingsByShop
from shopwire_dev.stack import DevStack
from shopwire_wsgi import LOOPBACK
from tests.browser.chromium import launch

# Playwright installs its browser into the virtualenv.
os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", "0")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A new browser profile. It fails the test if a page sends a request to another host."""
    foreign = []

    def check_host(url: str) -> None:
        if (host := urlsplit(url).hostname) and host not in LOOPBACK:
            foreign.append(url)

    context = browser.new_context()
    context.on("request", lambda request: check_host(request.url))
    yield context
    context.close()
    assert not foreign


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="module")
def more_shops() -> SettingsByShop:
    """Shops besides the demo shops. A test module that needs some overrides this fixture."""
    return {}


# The scope is not the session, because the stack sets environment variables that other tests of the worker read.
@pytest.fixture(scope="module")
def stack(more_shops: SettingsByShop) -> Iterator[DevStack]:
    """A running `shopwire dev` on free ports, with the real functions."""
    stack = DevStack(settings=more_shops)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(autouse=True)
def end_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    """End all faults after each test, and delete all data of the emulated API."""
    yield
    if "stack" in request.fixturenames:
        stack: DevStack = request.getfixturevalue("stack")
        for part in ("queue", "ledger", "settings"):
            stack.aws.set_fault({"part": part, "mode": "ok"})
        stack.emulator.set_fault({"mode": "ok"})
        stack.emulator.reset()
