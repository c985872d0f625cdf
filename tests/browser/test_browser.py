"""The fixtures of the browser tests: Chromium starts, shows `shopwire dev`, and cannot reach other hosts."""

import pytest
from playwright.sync_api import Browser, Error, Page

from shopwire_dev.stack import DevStack
from tests.browser import chromium


def test_chromium_shows_a_page_of_shopwire_dev(page: Page, stack: DevStack) -> None:
    page.goto(stack.url)
    assert page.title() == "shopwire"


def test_other_host_names_are_not_resolved(browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            page.goto("http://example.com/")


def test_error_lists_each_chromium_that_does_not_start(browser: Browser) -> None:
    with pytest.raises(RuntimeError) as error:
        chromium.launch(browser.browser_type, [("a stub", "/bin/false"), ("nothing", "/no/such")])
    assert str(error.value).startswith(chromium.HOW_TO_INSTALL)
    assert [line.split(":")[0] for line in str(error.value).splitlines()[-2:]] == ["  a stub", "  nothing"]
