"""The inspector in Chromium, against a running `shopwire dev`: what a reader does on each page."""

import re

from playwright.sync_api import Browser, BrowserContext, Page, expect

from shopwire_dev.stack import DevStack
from shopwire_inspector.recorded import Attempt
from tests.browser.inspector import SHOP, card, park, parked_ids, replay, row, send, watch_shifts
from tests.browser.inspector import no_console_errors as no_console_errors

LONG_AGO = 1_767_225_600_000


def test_sample_is_sent_appears_in_the_list_and_is_opened(page: Page, stack: DevStack) -> None:
    page.goto(stack.url)
    before = page.locator("#rows .row").count()
    page.keyboard.press("s")
    expect(page.locator("#sample")).to_be_focused()
    page.locator("#sample").select_option("shopify orders/create")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sent")).to_have_text("response 200: delivered Show it")
    expect(page.locator("#rows .row")).to_have_count(before + 1)
    first = page.locator("#rows .row").first
    expect(first).to_contain_text("orders/create")
    expect(first.locator(".outcome")).to_have_text("delivered")
    first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("orders/create")
    expect(page.get_by_text("The API accepted all requests that follow from this webhook.")).to_be_visible()
    exchanges = page.locator(".exchange summary")
    expect(exchanges).to_contain_text([re.compile("POST v1/contact.*200"), re.compile("orderCreated.*200, saved")])
    # Both are readable without a click.
    expect(page.get_by_label("Request body").last).to_contain_text('"eventTypeKey": "orderCreated"')
    expect(page.get_by_label("Body", exact=True)).to_contain_text('"financial_status": "pending"')
    for title in ("Headers", "Body as it arrived", "OrderChange"):
        page.locator("summary", has_text=title).click()
    expect(page.locator("dt", has_text="x-shopify-topic")).to_be_visible()
    expect(page.get_by_label("OrderChange")).to_contain_text('"currency": "UAH"')
    entry = page.locator("section", has_text="Current ledger entry of order").last
    expect(entry).to_contain_text("status: INITIALIZED")


def test_webhook_waits_while_the_api_is_down_and_is_delivered_later(page: Page, stack: DevStack) -> None:
    page.goto(f"{stack.url}/inspect/faults")
    api = page.locator("form", has=page.get_by_role("heading", name="The API"))
    api.get_by_role("button", name="down").click()
    expect(api.get_by_role("button", name="down")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#active-faults")).to_have_text("1 active")
    id, _ = send(stack)
    page.get_by_role("link", name="Webhooks", exact=True).click()
    expect(row(page, id).locator(".outcome")).to_have_text(re.compile("queued|waiting"))
    row(page, id).get_by_role("link").click()
    expect(page.get_by_text(re.compile("is stored durably|next attempt follows"))).to_be_visible()
    expect(page.locator(".exchange summary").first).to_contain_text("no response")
    stack.emulator.set_fault({"mode": "ok"})
    expect(page.locator(".title .outcome")).to_have_text("delivered")
    expect(page.locator(".attempts-list > li").last).to_contain_text("retry")


def test_parked_webhook_shows_a_dry_run_and_is_replayed(page: Page, stack: DevStack) -> None:
    id = park(stack)
    page.goto(stack.url)
    row(page, id).get_by_role("link").click()
    page.get_by_role("link", name="What a replay would send").click()
    expect(page.get_by_text("The API rejected the request permanently")).to_be_visible()
    # The API rejected the request for the contact. A replay would send this request and the event of the order.
    expect(page.get_by_text("2 requests would be sent")).to_be_visible()
    expect(page.locator(".diff .new", has_text='"eventTypeKey": "orderUpdated"')).to_be_visible()
    expect(page.locator(".diff .old")).to_have_count(0)
    assert id not in stack.emulator.state()["orders"]
    page.get_by_role("button", name="Replay").click()
    expect(page.locator(".title .outcome")).to_have_text("delivered")
    expect(page.locator(".attempts-list > li")).to_contain_text(["parked", "by hand", "retry"])
    assert id in stack.emulator.state()["orders"]


def test_parked_list_updates_itself_without_layout_shift(page: Page, stack: DevStack) -> None:
    watch_shifts(page)
    before = park(stack)
    page.goto(f"{stack.url}/inspect/parked")
    expect(card(page, before)).to_be_visible()
    page.evaluate("shifts = []")
    id = park(stack)
    expect(page.locator("#parked > li").first).to_contain_text(f"order {id}")
    upper, lower = card(page, id).bounding_box(), card(page, before).bounding_box()
    assert upper
    assert lower
    assert upper["y"] + upper["height"] < lower["y"]
    assert replay(stack, parked_ids(stack, id)[0]).status == 200
    expect(card(page, id)).to_have_count(0)
    assert page.evaluate("shifts") == []


def test_parked_list_in_use_does_not_move_and_offers_the_changes(page: Page, stack: DevStack) -> None:
    before = park(stack)
    page.goto(f"{stack.url}/inspect/parked")
    link = card(page, before).get_by_role("link")
    link.focus()
    at = card(page, before).bounding_box()
    later = park(stack)
    news = page.get_by_role("button", name="The list has changed")
    expect(news).to_be_visible()
    expect(link).to_be_focused()
    expect(card(page, later)).to_have_count(0)
    assert card(page, before).bounding_box() == at
    news.focus()
    page.keyboard.press("Enter")
    expect(card(page, later)).to_be_visible()
    expect(news).to_be_hidden()
    expect(page.locator("main")).to_be_focused()


def test_parked_page_tells_that_the_webhook_is_not_parked_any_more(page: Page, stack: DevStack) -> None:
    id = parked_ids(stack, park(stack))[0]
    page.goto(f"{stack.url}/inspect/parked/{id}")
    replay(stack, id)
    expect(page.get_by_role("link", name="It is not parked any more")).to_be_visible()
    expect(page.get_by_role("link", name="It was parked again")).to_be_hidden()


def test_fault_buttons_show_faults_that_other_clients_set_or_that_end(page: Page, stack: DevStack) -> None:
    watch_shifts(page)
    page.goto(f"{stack.url}/inspect/faults")
    api = page.locator("form", has=page.get_by_role("heading", name="The API"))
    queue = page.locator("form", has=page.get_by_role("heading", name="Queue"))
    seconds = api.get_by_role("spinbutton")
    seconds.fill("40")
    page.evaluate("shifts = []")
    stack.emulator.set_fault({"mode": "bad_request", "requests": 1})
    expect(api.get_by_role("button", name="bad_request")).to_have_attribute("aria-pressed", "true")
    expect(api.locator(".now")).to_have_text("now: responds with 400 ends after 1 request")
    expect(page.locator("#active-faults")).to_have_text("1 active")
    expect(seconds).to_be_focused()
    send(stack)
    expect(api.locator(".now")).to_have_text("now: works")
    expect(seconds).to_have_value("40")
    down = queue.get_by_role("button", name="down")
    down.focus()
    page.keyboard.press("Enter")
    expect(down).to_have_attribute("aria-pressed", "true")
    expect(down).to_be_focused()
    assert stack.aws.faults.mode("sqs") == "down"
    clear = page.get_by_role("button", name="Clear all faults")
    clear.press("Enter")
    expect(down).to_have_attribute("aria-pressed", "false")
    expect(clear).to_be_focused()
    assert stack.aws.faults.mode("sqs") == "ok"
    assert page.evaluate("shifts") == []


def test_timeline_has_webhooks_on_the_left_and_requests_on_the_right(page: Page, stack: DevStack) -> None:
    id, _ = send(stack)
    send(stack, {"id": int(id), "updated_at": "2026-10-05T09:05:00Z", "current_total_price": "20.00"})
    assert send(stack, {"id": int(id)})[1] == "stale"
    page.goto(stack.url)
    row(page, id).first.get_by_role("link").click()
    page.get_by_role("link", name=f"order {id}").click()
    expect(page.locator(".timeline .left .outcome")).to_have_text(["delivered", "delivered", "stale"])
    expect(page.locator(".timeline .right")).to_contain_text(["orderUpdated", "orderUpdated"])
    left, right = (
        page.locator(".timeline .left").first.bounding_box(),
        page.locator(".timeline .right").first.bounding_box(),
    )
    assert left
    assert right
    assert left["x"] + left["width"] < right["x"]


def test_list_is_filtered_by_shop_outcome_entity_and_text(page: Page, stack: DevStack) -> None:
    mug, _ = send(stack, {"note": "a blue Mug"})
    page.goto(stack.url)
    page.get_by_label("Text", exact=True).fill("A BLUE mug")
    expect(page.locator("#matching")).to_have_text("1 match")
    expect(page.locator("#rows .row")).to_have_count(1)
    expect(row(page, mug)).to_be_visible()
    page.get_by_label("Outcome", exact=True).select_option("parked")
    expect(page.locator("#rows .row")).to_have_count(0)
    expect(page.locator("#empty")).to_be_visible()
    page.get_by_label("Outcome", exact=True).select_option("delivered")
    page.get_by_label("Shop", exact=True).select_option(SHOP)
    page.get_by_label("Kind", exact=True).select_option("order")
    expect(row(page, mug)).to_be_visible()
    page.get_by_label("Kind", exact=True).select_option("cart")
    expect(page.locator("#rows .row")).to_have_count(0)
    assert "kind=cart" in page.url
    page.reload()
    expect(page.get_by_label("Kind", exact=True)).to_have_value("cart")


def test_list_is_usable_with_the_keyboard(page: Page, stack: DevStack) -> None:
    ids = [send(stack)[0] for _ in range(3)]
    page.goto(stack.url)
    expect(page.locator("#rows.floating .row").first).to_contain_text(ids[2])
    page.keyboard.press("/")
    expect(page.get_by_label("Text", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    page.keyboard.press("k")
    focused = page.locator("#rows a:focus-visible")
    expect(focused).to_contain_text(ids[1])
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("orders/updated")
    assert ids[1] in page.content()


def test_list_under_the_pointer_does_not_move(page: Page, stack: DevStack) -> None:
    id, _ = send(stack)
    page.goto(stack.url)
    row(page, id).hover()
    before = row(page, id).bounding_box()
    later, _ = send(stack)
    expect(page.locator("#news")).to_have_text("1 new")
    assert row(page, id).bounding_box() == before
    page.locator("#news").click()
    expect(page.locator("#rows .row").first).to_contain_text(later)


def test_new_rows_cause_no_layout_shift(page: Page, stack: DevStack) -> None:
    watch_shifts(page)
    send(stack)
    page.goto(stack.url)
    expect(page.locator("#rows.floating .row").first).to_be_visible()
    page.evaluate("shifts = []")
    for _ in range(5):
        id, _ = send(stack)
        expect(row(page, id)).to_be_visible()
    park(stack)
    expect(page.locator("#rows .row").first).to_contain_text("parked")
    assert page.evaluate("shifts") == []


def add_many(stack: DevStack, shop: str, count: int) -> None:
    """Record webhooks about order 0 and more."""
    for number in range(count):
        webhook = stack.journal.add_webhook(shop, LONG_AGO + number)
        attempt = Attempt(LONG_AGO + number, "webhook", "delivered", None, 12)
        entity, key = f"order {number}", f"key-{number}"
        stack.journal.add_delivery(webhook, "orders/paid", entity, key, attempt, hashed_key=f"h{shop}{number}")
        stack.journal.set_response(webhook, 200, "", 12)


def test_list_of_ten_thousand_webhooks_has_few_elements_in_the_document(page: Page, stack: DevStack) -> None:
    add_many(stack, "many", 10_000)
    page.goto(f"{stack.url}/?shop=many")
    expect(page.locator("#matching")).to_have_text("10000 match")
    expect(page.locator("#rows")).to_have_css("height", "400000px")
    page.keyboard.press("End")
    expect(page.locator("#rows .row", has_text="order 0").last).to_be_visible()
    for fraction in (0.2, 0.5, 0.9):
        page.evaluate("fraction => scrollTo(0, fraction * document.documentElement.scrollHeight)", fraction)
        expect(page.locator("#rows .row").first).to_be_visible()
        assert page.locator("#rows .row").count() < 80
    assert page.evaluate("document.querySelectorAll('*').length") < 2_500
    page.keyboard.press("Home")
    page.get_by_label("Text", exact=True).fill("key-4321\n")
    expect(page.locator("#matching")).to_have_text("1 match")
    expect(page.locator("#rows .row")).to_contain_text("order 4321")


def open_row(page: Page, id: str) -> None:
    """Open the page of an order's webhook, and wait until it listens to keys."""
    row(page, id).get_by_role("link").click()
    page.wait_for_url("**/inspect/webhooks/*")


def test_filter_and_scroll_position_survive_the_way_back(page: Page, stack: DevStack) -> None:
    add_many(stack, "back", 300)
    page.goto(f"{stack.url}/?shop=back")
    expect(page.locator("#matching")).to_have_text("300 match")
    page.evaluate("scrollTo(0, 4000)")
    middle = page.locator("#rows .row", has_text="order 200")
    middle.get_by_role("link").click()
    page.wait_for_url("**/webhooks/*")
    for key, entity in (("j", "order 199"), ("k", "order 200")):  # the older one that the filter shows, and back
        with page.expect_navigation():
            page.keyboard.press(key)
        expect(page.locator("dd", has_text=entity)).to_be_visible()
    with page.expect_navigation():
        page.keyboard.press("b")
    expect(page.get_by_label("Shop", exact=True)).to_have_value("back")
    expect(middle).to_be_in_viewport()
    assert abs(page.evaluate("scrollY") - 4000) < 50
    page.get_by_label("Text", exact=True).fill("nothing like it")
    expect(page.locator("#matching")).to_have_text("no match")
    page.get_by_role("link", name="Clear the filter").click()
    expect(page.get_by_label("Shop", exact=True)).to_have_value("")


def test_edited_webhook_shows_what_it_would_send_and_is_sent(page: Page, stack: DevStack) -> None:
    id, _ = send(stack)
    page.goto(stack.url)
    open_row(page, id)
    page.keyboard.press("e")
    expect(page.locator("#preview-results")).to_contain_text("unchanged")
    body = page.get_by_label("Body", exact=True)
    changed = body.input_value().replace('"current_total_price": "25.00"', '"current_total_price": "20.00"')
    body.fill(changed.replace("09:01:00Z", "09:05:00Z"))
    expect(page.locator(".diff .new", has_text='"totalCost": "20.00"')).to_be_visible()
    expect(page.locator(".diff .old", has_text='"totalCost": "25.00"')).to_be_visible()
    assert stack.emulator.state()["orders"][id]["totalCost"] == "25.00"
    page.get_by_role("button", name="Sign and send").click()
    expect(page.locator(".title .outcome")).to_have_text("delivered")
    assert stack.emulator.state()["orders"][id]["totalCost"] == "20.00"


def test_scenario_is_one_button_and_leads_to_its_story(page: Page, stack: DevStack) -> None:
    page.goto(stack.url)
    page.keyboard.press("s")
    page.get_by_role("button", name="An order's life").click()
    expect(page.locator("#sent")).to_contain_text("An order's life: delivered, delivered, delivered, delivered")
    page.get_by_role("link", name="Show its story").click()
    expect(page.locator(".timeline .left")).to_have_count(4)
    expect(page.locator(".timeline .right").last).to_contain_text("orderDelivered")


def test_destructive_sample_is_sent_only_after_a_yes(page: Page, stack: DevStack) -> None:
    page.goto(stack.url)
    page.keyboard.press("s")
    page.locator("#sample").select_option("woocommerce order.deleted")
    newest = next(stack.journal.newest_first(), None)
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("order.deleted deletes or erases")).to_be_visible()
    page.keyboard.press("Enter")  # the focus is on Cancel
    expect(page.locator("#question")).to_be_hidden()
    assert next(stack.journal.newest_first(), None) is newest
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("#sent")).to_contain_text("response 200: ")
    expect(page.locator("#rows .row").first).to_contain_text("order.deleted")


def test_keys_are_listed_and_a_webhook_is_copied_as_curl(context: BrowserContext, page: Page, stack: DevStack) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    id, _ = send(stack)
    page.goto(stack.url)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("copy the webhook as curl")
    page.keyboard.press("Escape")
    open_row(page, id)
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"curl -i -X POST {stack.url}/webhooks/{SHOP}")
    assert id in copied
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", level=1)).to_have_text("What the API holds")
    expect(page.locator("summary", has_text=id).first).to_be_visible()


def test_lost_connection_is_shown_until_it_is_back(browser: Browser, stack: DevStack) -> None:
    # A page of its own, because the browser reports each failed request in the console.
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(stack.url)
        expect(page.locator("#rows.floating")).to_be_attached()
        context.set_offline(True)
        expect(page.get_by_role("alert")).to_contain_text("No connection to shopwire dev since")
        context.set_offline(False)
        expect(page.get_by_role("alert")).to_be_hidden()
