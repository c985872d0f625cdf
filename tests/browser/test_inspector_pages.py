"""What holds for every page of the inspector: accessible, usable without JavaScript, safe against hostile content."""

from typing import Literal
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from shopwire_dev.stack import DevStack
from shopwire_inspector.search import Filter
from tests.browser.inspector import SHOP, park, parked_ids, row, send
from tests.browser.inspector import no_console_errors as no_console_errors

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HOSTILE = '<script>document.title = "changed"</script><img src=x onerror="document.title = \'changed\'">'


def test_webhook_content_is_shown_as_text_everywhere(page: Page, stack: DevStack) -> None:
    item = {"id": 1, "variant_id": 5, "quantity": 1, "price": "25.00", "title": HOSTILE}
    id, _ = send(stack, {"line_items": [item], "note": HOSTILE}, **{"X-Hostile": HOSTILE})
    stack.emulator.set_fault({"mode": "bad_request", "requests": 1})
    parked, _ = send(stack, {"line_items": [item]})
    send(stack, topic=HOSTILE)
    page.goto(stack.url)
    expect(page.locator("#rows .row").first).to_contain_text("invalid")  # a topic is not signed
    links = [row(page, order).get_by_role("link").get_attribute("href") for order in (id, parked)]
    ledger = f"/inspect/entity?{urlencode({'shop': SHOP, 'entity': f'order {id}'})}"
    addresses = [*links, ledger]
    addresses += [f"/inspect/parked/{parked_id}" for parked_id in parked_ids(stack, parked)]
    addresses += [
        f"/?{urlencode({'text': HOSTILE})}",
        f"/inspect/entity?{urlencode({'shop': HOSTILE, 'entity': HOSTILE})}",
    ]
    for address in addresses:
        page.goto(f"{stack.url}{address}")
        # Of an order, the ledger keeps no text that a person wrote.
        assert ("&lt;script&gt;" in page.content()) is (address != ledger)
        assert page.title() != "changed"
        assert page.locator("main script, main img, [onerror]").count() == 0


@pytest.fixture
def every_page(stack: DevStack) -> list[str]:
    """Return an address of each kind of page, each with content."""
    id, _ = send(stack)
    park(stack)
    stack.emulator.set_fault({"mode": "down", "requests": 1})
    waiting, _ = send(stack)
    webhooks, _ = stack.journal.find_page(Filter(), before=None, limit=10)
    ids = {webhook.entity: webhook.id for webhook in webhooks}
    return [
        "/",
        "/?text=nothing-like-it",
        f"/inspect/webhooks/{ids[f'order {id}']}",
        f"/inspect/webhooks/{ids[f'order {waiting}']}",
        f"/inspect/entity?{urlencode({'shop': SHOP, 'entity': f'order {id}'})}",
        "/inspect/parked",
        f"/inspect/parked/{parked_ids(stack)[-1]}",
        "/inspect/faults",
        f"/inspect/webhooks/{ids[f'order {id}']}/resend",
        "/inspect/api",
        "/inspect/nowhere",
    ]


@pytest.mark.parametrize("width", [400, 1920])
def test_axe_finds_no_violation_on_any_page(
    browser: Browser, stack: DevStack, every_page: list[str], width: int
) -> None:
    # The Content Security Policy of the pages would block axe.
    with browser.new_context(
        bypass_csp=True, viewport={"width": width, "height": 900}, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        for address in every_page:
            page.goto(f"{stack.url}{address}")
            expect(page.get_by_role("main")).to_be_visible()
            page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
            for scheme in SCHEMES:  # no script of the pages reads it, so they need not be loaded for each
                page.emulate_media(color_scheme=scheme)
                # Only the contrast depends on the scheme.
                options = {} if scheme == SCHEMES[0] else {"runOnly": ["color-contrast"]}
                violations = Axe().run(page, options=options).response["violations"]
                found = [(scheme, address, each["id"], [node["html"] for node in each["nodes"]]) for each in violations]
                assert found == []
            for narrowest in {min(width, 320), width}:
                page.set_viewport_size({"width": narrowest, "height": 900})
                assert page.evaluate("document.documentElement.scrollWidth") <= narrowest
            page.set_viewport_size({"width": width, "height": 900})


def test_pages_work_without_javascript(browser: Browser, stack: DevStack) -> None:
    id, _ = send(stack)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(stack.url)
        expect(row(page, id)).to_be_visible()
        page.get_by_label("Text", exact=True).fill(id)
        page.get_by_role("button", name="Filter").click()
        expect(page.locator("#rows .row")).to_have_count(1)
        page.locator("#try summary").click()
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#rows .row").first).to_contain_text("orders/create")


def test_other_page_can_neither_act_nor_read(browser: Browser, stack: DevStack) -> None:
    other = stack.url.replace("127.0.0.1", "localhost")
    # Without this, the Content Security Policy of the page itself would block the requests.
    with browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        page.goto(other)
        result = page.evaluate(
            """async (url) => {
              const body = new URLSearchParams({part: "api", mode: "down"});
              await fetch(`${url}/inspect/faults`, {method: "POST", mode: "no-cors", body}).catch(() => null);
              return fetch(`${url}/inspect/rows`).then(() => "read", () => "refused");
            }""",
            stack.url,
        )
    assert result == "refused"
    assert stack.emulator.fault_mode() == "ok"
