"""Takes the README's pictures of the inspector (`make pictures`). It sends samples for about two minutes."""

import os
import random
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

from shopwire_dev.actions import DevActions
from shopwire_dev.stack import DevStack
from shopwire_inspector.search import Filter
from shopwire_testkit.fresh import NotRefreshable
from tests.browser.chromium import launch

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
_VIEWPORT = {"width": 1280, "height": 800}
_ROUNDS = 14
_ROUND_SECONDS = 8
_ORDER_TOPICS = (
    "orders/create",
    "orders/paid",
    "orders/fulfilled",
    "orders/create",
    "fulfillment_events/create--delivered",
)


def main() -> None:
    """Send samples and take the pictures."""
    os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", "0")
    stack = DevStack()
    stack.start()
    try:
        _send_samples(stack)
        webhooks, _ = stack.journal.find_page(Filter(text="fulfillment_events"), before=None, limit=1)
        query = urlencode({"shop": webhooks[0].shop, "entity": webhooks[0].entity})
        with sync_playwright() as playwright:
            browser = launch(playwright.chromium)
            for name, path, scheme in (("list", "/", "light"), ("history", f"/inspect/entity?{query}", "dark")):
                page = browser.new_page(viewport=_VIEWPORT, color_scheme=scheme)  # type: ignore[arg-type, unused-ignore]
                page.goto(stack.url + path)
                page.wait_for_timeout(1500)
                page.screenshot(path=FOLDER / f"inspector-{name}.png")
            browser.close()
    finally:
        stack.stop()


def _send_samples(stack: DevStack) -> None:
    rng = random.Random(7)
    actions = DevActions(stack.url, stack.emulator, stack.aws, stack.shops, lambda id: False)
    names = [f"{sample.platform} {sample.name}" for sample in actions.samples()]
    for round_number in range(_ROUNDS):
        for name in rng.sample(names, 3 + round_number % 5):
            with suppress(NotRefreshable):  # an erasure request, for example, has no date
                actions.send(name, fresh=True)
        if round_number == 2:
            for topic in _ORDER_TOPICS:
                actions.send(f"shopify {topic}", fresh=False)
        if round_number == 6:
            stack.emulator.set_fault({"mode": "bad_request", "requests": 2})
        if round_number in (4, _ROUNDS - 1):
            stack.emulator.set_fault({"mode": "down", "seconds": 20})
            for _ in range(4):
                actions.send("woocommerce order.created", fresh=True)
        if round_number < _ROUNDS - 1:
            time.sleep(_ROUND_SECONDS)


if __name__ == "__main__":
    main()
