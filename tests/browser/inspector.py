"""Helpers for the inspector's browser tests: post orders, and find their rows and cards."""

import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Locator, Page, expect

from shopwire import platforms
from shopwire_dev.stack import DevStack

SHOP = "demo-shopify"
NUMBERS = itertools.count(7_000_000_000_001)
expect.set_options(timeout=30_000)


@pytest.fixture(autouse=True)
def no_console_errors(page: Page) -> Iterator[None]:
    """Fail the test on an error in the console: a script error or a violation of the Content Security Policy."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield
    assert errors == []


def send(
    stack: DevStack, fields: dict[str, Any] | None = None, *, topic: str = "orders/updated", **headers: str
) -> tuple[str, str]:
    """Post a signed order. Return the order's id and the outcome in the response."""
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
    signed = platforms.get("shopify").sign(topic, body, stack.shops[SHOP], 0).headers
    with urlopen(Request(f"{stack.url}/webhooks/{SHOP}", body, {**signed, **headers}), timeout=30) as response:
        return str(id), json.load(response)["status"]


def row(page: Page, id: str) -> Locator:
    """Return the row of an order's webhooks."""
    return page.locator("#rows .row", has_text=f"order {id}")


def park(stack: DevStack) -> str:
    """Post an order that the API rejects, so that it is parked. Return the order's id."""
    stack.emulator.set_fault({"mode": "bad_request", "requests": 1})
    id, status = send(stack)
    assert status == "parked"
    return id


def watch_shifts(page: Page) -> None:
    """Record each later layout shift in `window.shifts`, with the elements that moved."""
    page.add_init_script(
        "window.shifts = []; new PerformanceObserver(list => { for (const entry of list.getEntries())"
        " shifts.push(entry.sources.map(({node}) => node?.outerHTML ?? node?.parentNode?.outerHTML).join()) })"
        ".observe({type: 'layout-shift', buffered: true})"
    )


def card(page: Page, id: str) -> Locator:
    """Return the parked list's card of an order."""
    return page.locator("#parked > li", has_text=f"order {id}")


def parked_ids(stack: DevStack, id: str = "") -> list[str]:
    """Return the ids of an order's parked webhooks, or of all."""
    with urlopen(f"{stack.url}/dev/parked", timeout=30) as response:
        return [parked["id"] for parked in json.load(response) if parked["entity"].endswith(id)]


def replay(stack: DevStack, id: str) -> Any:
    """Replay a parked webhook, as another client does."""
    return urlopen(Request(f"{stack.url}/inspect/parked/{id}/replay", b"", method="POST"), timeout=30)
