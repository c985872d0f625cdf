"""What the browser tests share: a Chromium, a page that reaches this machine only, and a running `shopwire dev`."""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from shopwire_dev.demo_shops import Settings
from shopwire_dev.stack import DevStack
from shopwire_wsgi import LOOPBACK
from tests.browser.chromium import launch

# Below the virtualenv like everything else that is installed.
os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", "0")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of the test's own. Fails the test when a page in it asks anything of another host."""
    foreign = []

    def look(url: str) -> None:
        if (host := urlsplit(url).hostname) and host not in LOOPBACK:
            foreign.append(url)

    context = browser.new_context()
    context.on("request", lambda request: look(request.url))
    yield context
    context.close()
    assert not foreign


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="module")
def more_shops() -> Settings:
    """Shops beside the demo shops: a test file that needs some has a fixture of this name."""
    return {}


# Not for the whole session: the stack sets the process's environment, which other tests of the same worker read.
@pytest.fixture(scope="module")
def stack(more_shops: Settings) -> Iterator[DevStack]:
    """`shopwire dev` on free ports, with the real functions: see `stack.url`, `stack.emulator`, `stack.shops`."""
    stack = DevStack(settings=more_shops)
    stack.start()
    yield stack
    stack.stop()


@pytest.fixture(autouse=True)
def all_is_well(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test broke in its stack works again for the next, and the emulated API knows nobody."""
    yield
    if "stack" in request.fixturenames:
        stack: DevStack = request.getfixturevalue("stack")
        for part in ("queue", "ledger", "settings"):
            stack.aws.set_fault({"part": part, "mode": "ok"})
        stack.emulator.set_fault({"mode": "ok"})
        stack.emulator.reset()
