"""The browser tests' own tools: a Chromium starts, shows what `shopwire dev` serves, and reaches nobody else."""

import pytest
from playwright.sync_api import Browser, Error, Page

from shopwire_dev.stack import DevStack
from tests.browser import chromium


def test_chromium_shows_what_shopwire_dev_serves(page: Page, stack: DevStack) -> None:
    page.goto(stack.url)
    assert page.title() == "shopwire"


def test_no_other_host_has_a_name(browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
            page.goto("http://example.com/")


def test_a_chromium_that_does_not_start_gives_way_to_the_next_and_none_is_an_error_that_helps(browser: Browser) -> None:
    with pytest.raises(RuntimeError) as error:
        chromium.launch(browser.browser_type, [("a stub", "/bin/false"), ("nothing", "/no/such")])
    assert str(error.value).startswith(chromium.HOW_TO_GET_ONE)
    assert [line.split(":")[0] for line in str(error.value).splitlines()[-2:]] == ["  a stub", "  nothing"]
