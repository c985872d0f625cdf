"""The README's pictures of the inspector: `make pictures`. What they show is our samples, sent for a minute or two."""

import os
import random
import time
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

from shopwire_dev.controls import DevControls
from shopwire_dev.stack import DevStack
from shopwire_inspector.journal import Filter
from tests.browser.chromium import launch

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
_SIZE = {"width": 1280, "height": 800}
_ROUNDS = 14
_STORY = ("orders/create", "orders/paid", "orders/fulfilled", "orders/create", "fulfillment_events/create--delivered")


def main() -> None:
    """Send, and take the pictures."""
    os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", "0")
    stack = DevStack()
    stack.start()
    try:
        _live(stack)
        found = stack.journal.page(Filter(text="fulfillment_events"), before=None, limit=1)[0][0]
        story = urlencode({"shop": found.shop, "entity": found.entity})
        with sync_playwright() as playwright:
            browser = launch(playwright.chromium)
            for name, path, scheme in (("list", "/", "light"), ("story", f"/inspect/entity?{story}", "dark")):
                page = browser.new_page(viewport=_SIZE, color_scheme=scheme)  # type: ignore[arg-type, unused-ignore]
                page.goto(stack.url + path)
                page.wait_for_timeout(1500)
                page.screenshot(path=FOLDER / f"inspector-{name}.png")
            browser.close()
    finally:
        stack.stop()


def _live(stack: DevStack) -> None:
    chance = random.Random(7)
    controls = DevControls(stack.url, stack.emulator, stack.aws, stack.shops, lambda id: False)
    names = [f"{one.platform} {one.name}" for one in controls.samples()]
    for number in range(_ROUNDS):
        for name in chance.sample(names, 3 + number % 5):
            controls.send(name, fresh=True)
        if number == 2:
            for topic in _STORY:
                controls.send(f"shopify {topic}", fresh=False)
        if number == 6:
            stack.emulator.set_fault({"mode": "bad_request", "requests": 2})
        if number in (4, _ROUNDS - 1):
            stack.emulator.set_fault({"mode": "down", "seconds": 20})
            for _ in range(4):
                controls.send("woocommerce order.created", fresh=True)
        if number < _ROUNDS - 1:
            time.sleep(8)


if __name__ == "__main__":
    main()
