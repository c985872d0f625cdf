"""The inspector in a real Chromium, against a running `shopwire dev`: what a person does with it, and what he must not
be done to."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from shopwire import platforms
from shopwire_dev.stack import DevStack
from shopwire_inspector import journal
from shopwire_inspector.journal import Try

SHOP = "demo-shopify"
LONG_AGO = 1_767_225_600_000
NUMBERS = itertools.count(7_000_000_000_001)
expect.set_options(timeout=30_000)

Seen = dict[str, Any]


@pytest.fixture(autouse=True)
def nothing_is_refused_or_fails(page: Page) -> Iterator[None]:
    """A violation of the Content Security Policy and an error of the script both are errors in the console."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield
    assert said == []


def send(
    stack: DevStack, fields: Seen | None = None, *, topic: str = "orders/updated", **headers: str
) -> tuple[str, str]:
    """Post an order, rightly signed; answers its id and the answer's status."""
    id = next(NUMBERS)
    order = {
        "id": id,
        "name": f"#{id}",
        "created_at": "2026-10-05T09:00:00Z",
        "updated_at": "2026-10-05T09:01:00Z",
        "currency": "UAH",
        "total_price": "25.00",
        "current_total_price": "25.00",
        "financial_status": "paid",
        "email": f"anna{id}@example.com",
        "line_items": [{"id": 1, "variant_id": 5, "quantity": 1, "price": "25.00", "title": "Mug"}],
    }
    body = json.dumps(order | (fields or {})).encode()
    signed = platforms.get("shopify").sign(topic, body, stack.shops[SHOP], 0) | headers
    with urlopen(Request(f"{stack.url}/webhooks/{SHOP}", body, signed), timeout=30) as reply:
        return str(id), json.load(reply)["status"]


def row(page: Page, id: str) -> Locator:
    """The list's row of an order."""
    return page.locator("#rows .row", has_text=f"order {id}")


def park(stack: DevStack) -> str:
    """A webhook that the API refused, parked; its order's id."""
    stack.emulator.set_fault({"mode": "bad_request", "requests": 1})
    id, status = send(stack)
    assert status == "parked"
    return id


def test_a_sample_is_sent_appears_by_itself_and_is_opened(page: Page, stack: DevStack) -> None:
    page.goto(stack.url)
    before = page.locator("#rows .row").count()
    page.locator("#sample").select_option("shopify orders/create")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sent")).to_have_text("answered 200: delivered")
    expect(page.locator("#rows .row")).to_have_count(before + 1)
    first = page.locator("#rows .row").first
    expect(first).to_contain_text("orders/create")
    expect(first.locator(".outcome")).to_have_text("delivered")
    first.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("orders/create")
    expect(page.get_by_text("The API took everything that followed from it.")).to_be_visible()
    exchanges = page.locator(".exchange summary")
    expect(exchanges).to_contain_text([re.compile("POST v1/contact.*200"), re.compile("orderCreated.*200, saved")])
    exchanges.last.click()
    expect(page.locator(".exchange pre").last).to_contain_text('"eventTypeKey": "orderCreated"')
    for title in ("Headers", "Body, indented", "Body as it came", "OrderChange"):
        page.locator("summary", has_text=title).click()
    expect(page.locator("dt", has_text="x-shopify-topic")).to_be_visible()
    expect(page.get_by_label("OrderChange")).to_contain_text('"currency": "UAH"')
    expect(page.locator("section", has_text="The ledger on order").last).to_contain_text("status: INITIALIZED")


def test_what_waits_for_the_api_is_seen_to_wait_and_to_arrive(page: Page, stack: DevStack) -> None:
    page.goto(f"{stack.url}/inspect/faults")
    api = page.locator("form", has=page.get_by_role("heading", name="The API"))
    api.get_by_role("button", name="down").click()
    expect(api.get_by_role("button", name="down")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#broken")).to_have_text("1 on")
    id, _ = send(stack)
    page.get_by_role("link", name="Webhooks", exact=True).click()
    expect(row(page, id).locator(".outcome")).to_have_text(re.compile("queued|waiting"))
    row(page, id).get_by_role("link").click()
    expect(page.get_by_text(re.compile("waits durably|waits on"))).to_be_visible()
    expect(page.locator(".exchange summary").first).to_contain_text("no answer")
    stack.emulator.set_fault({"mode": "ok"})
    expect(page.locator(".title .outcome")).to_have_text("delivered")
    expect(page.locator(".tries-list > li").last).to_contain_text("retry")


def test_a_parked_one_shows_what_a_replay_would_send_and_is_replayed(page: Page, stack: DevStack) -> None:
    id = park(stack)
    page.goto(stack.url)
    row(page, id).get_by_role("link").click()
    page.get_by_role("link", name="What a replay would send").click()
    expect(page.get_by_text("The API says that the request itself is bad")).to_be_visible()
    # The contact was what the API refused; now the order's event would follow it.
    expect(page.get_by_text("2 requests would be sent")).to_be_visible()
    expect(page.locator(".diff .new", has_text='"eventTypeKey": "orderUpdated"')).to_be_visible()
    expect(page.locator(".diff .gone")).to_have_count(0)
    assert id not in stack.emulator.state()["orders"]
    page.get_by_role("button", name="Replay").click()
    expect(page.locator(".title .outcome")).to_have_text("delivered")
    expect(page.locator(".tries-list > li")).to_contain_text(["parked", "by hand", "retry"])
    assert id in stack.emulator.state()["orders"]


def watch_shifts(page: Page) -> None:
    """From now on each shift of the layout is counted, with what moved."""
    page.add_init_script(
        "window.shifts = []; new PerformanceObserver(list => { for (const one of list.getEntries())"
        " shifts.push(one.sources.map(({node}) => node?.outerHTML ?? node?.parentNode?.outerHTML).join()) })"
        ".observe({type: 'layout-shift', buffered: true})"
    )


def card(page: Page, id: str) -> Locator:
    """The parked list's card of an order."""
    return page.locator("#parked > li", has_text=f"order {id}")


def test_the_parked_list_fills_and_empties_by_itself_and_shifts_nothing(page: Page, stack: DevStack) -> None:
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


def test_whoever_is_in_the_parked_list_keeps_his_place_and_is_told(page: Page, stack: DevStack) -> None:
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


def test_a_parked_ones_page_says_that_it_is_not_parked_any_more(page: Page, stack: DevStack) -> None:
    id = parked_ids(stack, park(stack))[0]
    page.goto(f"{stack.url}/inspect/parked/{id}")
    replay(stack, id)
    expect(page.get_by_role("link", name="It is not parked any more")).to_be_visible()
    expect(page.get_by_role("link", name="It came here again")).to_be_hidden()


def test_the_faults_show_what_others_break_and_what_mends_itself(page: Page, stack: DevStack) -> None:
    watch_shifts(page)
    page.goto(f"{stack.url}/inspect/faults")
    api = page.locator("form", has=page.get_by_role("heading", name="The API"))
    queue = page.locator("form", has=page.get_by_role("heading", name="Queue"))
    seconds = api.get_by_role("spinbutton")
    seconds.fill("40")
    page.evaluate("shifts = []")
    stack.emulator.set_fault({"mode": "bad_request", "requests": 1})
    expect(api.get_by_role("button", name="bad_request")).to_have_attribute("aria-pressed", "true")
    expect(api.locator(".now")).to_have_text("now: answers 400")
    expect(page.locator("#broken")).to_have_text("1 on")
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
    mend = page.get_by_role("button", name="Mend everything")
    mend.press("Enter")
    expect(down).to_have_attribute("aria-pressed", "false")
    expect(mend).to_be_focused()
    assert stack.aws.faults.mode("sqs") == "ok"
    assert page.evaluate("shifts") == []


def test_an_orders_story_has_webhooks_on_the_left_and_events_on_the_right(page: Page, stack: DevStack) -> None:
    id, _ = send(stack)
    send(stack, {"id": int(id), "updated_at": "2026-10-05T09:05:00Z", "current_total_price": "20.00"})
    assert send(stack, {"id": int(id)})[1] == "stale"
    page.goto(stack.url)
    row(page, id).first.get_by_role("link").click()
    page.get_by_role("link", name=f"order {id}").click()
    expect(page.locator(".story .left .outcome")).to_have_text(["delivered", "delivered", "stale"])
    expect(page.locator(".story .right")).to_contain_text(["orderUpdated", "orderUpdated"])
    left, right = page.locator(".story .left").first.bounding_box(), page.locator(".story .right").first.bounding_box()
    assert left
    assert right
    assert left["x"] + left["width"] < right["x"]


def test_the_list_is_filtered_by_shop_outcome_entity_and_text(page: Page, stack: DevStack) -> None:
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


def test_everything_is_done_by_keyboard(page: Page, stack: DevStack) -> None:
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


def test_nothing_moves_under_whoever_points_at_the_list(page: Page, stack: DevStack) -> None:
    id, _ = send(stack)
    page.goto(stack.url)
    row(page, id).hover()
    before = row(page, id).bounding_box()
    later, _ = send(stack)
    expect(page.locator("#news")).to_have_text("1 new")
    assert row(page, id).bounding_box() == before
    page.locator("#news").click()
    expect(page.locator("#rows .row").first).to_contain_text(later)


def test_rows_that_arrive_shift_nothing_of_the_layout(page: Page, stack: DevStack) -> None:
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


def test_ten_thousand_webhooks_are_in_the_list_and_a_screenful_in_the_document(page: Page, stack: DevStack) -> None:
    for number in range(10_000):
        webhook = stack.journal.received("many", LONG_AGO + number)
        done = Try(LONG_AGO + number, "webhook", "delivered", None, 12)
        stack.journal.delivery(webhook, "orders/paid", f"order {number}", f"key-{number}", done, hashed=f"h{number}")
        stack.journal.answered(webhook, 200, "", 12)
    page.goto(f"{stack.url}/?shop=many")
    expect(page.locator("#matching")).to_have_text("10000 match")
    expect(page.locator("#rows")).to_have_css("height", "400000px")
    page.keyboard.press("End")
    expect(page.locator("#rows .row", has_text="order 0").last).to_be_visible()
    for part in (0.2, 0.5, 0.9):
        page.evaluate("part => scrollTo(0, part * document.documentElement.scrollHeight)", part)
        expect(page.locator("#rows .row").first).to_be_visible()
        assert page.locator("#rows .row").count() < 80
    assert page.evaluate("document.querySelectorAll('*').length") < 2_500
    page.keyboard.press("Home")
    page.get_by_label("Text", exact=True).fill("key-4321\n")
    expect(page.locator("#matching")).to_have_text("1 match")
    expect(page.locator("#rows .row")).to_contain_text("order 4321")


HOSTILE = '<script>document.title = "taken"</script><img src=x onerror="document.title = \'taken\'">'


def test_what_a_webhook_holds_is_text_wherever_it_is_shown(page: Page, stack: DevStack) -> None:
    item = {"id": 1, "variant_id": 5, "quantity": 1, "price": "25.00", "title": HOSTILE}
    id, _ = send(stack, {"line_items": [item], "note": HOSTILE}, **{"X-Hostile": HOSTILE})
    stack.emulator.set_fault({"mode": "bad_request", "requests": 1})
    parked, _ = send(stack, {"line_items": [item]})
    send(stack, topic=HOSTILE)
    page.goto(stack.url)
    expect(page.locator("#rows .row").first).to_contain_text("<script>")
    links = [row(page, one).get_by_role("link").get_attribute("href") for one in (id, parked)]
    shown = [*links, f"/inspect/entity?{urlencode({'shop': SHOP, 'entity': f'order {id}'})}"]
    shown += [f"/inspect/parked/{one}" for one in parked_ids(stack, parked)]
    shown += [f"/?{urlencode({'text': HOSTILE})}", f"/inspect/entity?{urlencode({'shop': HOSTILE, 'entity': HOSTILE})}"]
    for address in shown:
        page.goto(f"{stack.url}{address}")
        assert "&lt;script&gt;" in page.content()
        assert page.title() != "taken"
        assert page.locator("main script, main img, [onerror]").count() == 0


def parked_ids(stack: DevStack, id: str = "") -> list[str]:
    """What is parked of an order, or of any."""
    with urlopen(f"{stack.url}/dev/parked", timeout=30) as reply:
        return [one["id"] for one in json.load(reply) if one["entity"].endswith(id)]


def replay(stack: DevStack, id: str) -> Any:
    """Somebody else replays it."""
    return urlopen(Request(f"{stack.url}/inspect/parked/{id}/replay", b"", method="POST"), timeout=30)


@pytest.fixture
def every_page(stack: DevStack) -> list[str]:
    """An address of each kind of page, each with something to show."""
    id, _ = send(stack)
    park(stack)
    stack.emulator.set_fault({"mode": "down", "requests": 1})
    waiting, _ = send(stack)
    found = {one.entity: one.id for one in stack.journal.page(journal.Filter(), before=None, limit=10)[0]}
    return [
        "/",
        "/?text=nothing-like-it",
        f"/inspect/webhooks/{found[f'order {id}']}",
        f"/inspect/webhooks/{found[f'order {waiting}']}",
        f"/inspect/entity?{urlencode({'shop': SHOP, 'entity': f'order {id}'})}",
        "/inspect/parked",
        f"/inspect/parked/{parked_ids(stack)[-1]}",
        "/inspect/faults",
        "/inspect/nowhere",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1600])
def test_axe_finds_nothing_on_any_page(
    browser: Browser, stack: DevStack, every_page: list[str], scheme: Any, width: int
) -> None:
    # axe needs leave to run: the pages' policy gives none.
    with browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        for address in every_page:
            page.goto(f"{stack.url}{address}")
            expect(page.get_by_role("main")).to_be_visible()
            for summary in page.locator("summary").all():
                summary.click()
            found = Axe().run(page).response["violations"]
            assert [(address, one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_pages_work_without_their_script(browser: Browser, stack: DevStack) -> None:
    id, _ = send(stack)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(stack.url)
        expect(row(page, id)).to_be_visible()
        page.get_by_label("Text", exact=True).fill(id)
        page.get_by_role("button", name="Filter").click()
        expect(page.locator("#rows .row")).to_have_count(1)
        page.get_by_role("button", name="Send").click()
        expect(page.locator("#rows .row").first).to_contain_text("orders/create")


def test_another_page_neither_acts_nor_reads_here(browser: Browser, stack: DevStack) -> None:
    other = stack.url.replace("127.0.0.1", "localhost")
    # Its own policy would hold this page back already.
    with browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        page.goto(other)
        tried = page.evaluate(
            """async (here) => {
              const body = new URLSearchParams({part: "api", mode: "down"});
              await fetch(`${here}/inspect/faults`, {method: "POST", mode: "no-cors", body}).catch(() => null);
              return fetch(`${here}/inspect/rows`).then(() => "read", () => "refused");
            }""",
            stack.url,
        )
    assert tried == "refused"
    assert stack.emulator.fault_mode() == "ok"
