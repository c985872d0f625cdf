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
from shopwire_inspector.data_source import Posted
from shopwire_inspector.resend import destruction
from shopwire_testkit.fresh import NotRefreshable
from tests.browser.chromium import launch

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
_VIEWPORT = {"width": 1280, "height": 800}
_ROUNDS = 14
_ROUND_SECONDS = 8


def main() -> None:
    """Send samples and take the pictures: the list, and the story of one order."""
    os.environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", "0")
    stack = DevStack()
    stack.start()
    try:
        _send_samples(stack)
        first = _send_the_newest(stack)
        webhook = stack.journal.get(first.webhook or 0)
        assert webhook
        assert webhook.entity
        query = urlencode({"shop": webhook.shop, "entity": webhook.entity})
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
    rng, actions = random.Random(7), stack.actions
    # A sample that erases its person would hide the person's later ones.
    names = [
        f"{sample.platform} {sample.name}"
        for sample in actions.samples()
        if destruction(sample.platform, sample.topic) is None
    ]
    for round_number in range(_ROUNDS):
        for name in rng.sample(names, 3 + round_number % 5):
            with suppress(NotRefreshable):  # a request for data, for example, has no date
                actions.send(name, fresh=True)
        if round_number in (2, 9):
            actions.play("shopify", "out-of-order")
        if round_number == 6:
            stack.emulator.set_fault({"mode": "bad_request", "requests": 2})
        if round_number == 4:
            _break_the_api(stack, actions)
        if round_number < _ROUNDS - 1:
            time.sleep(_ROUND_SECONDS)


def _send_the_newest(stack: DevStack) -> Posted:
    """Send what the list shows at its top, and return the first webhook of the order whose story is shown."""
    actions = stack.actions
    stack.emulator.set_fault({"mode": "bad_request", "requests": 1})
    actions.send("shopify orders/updated--discounts", fresh=True)
    actions.play("shopify", "out-of-order")
    first, *_ = actions.play("shopify", "order-life")
    stack.emulator.set_fault({"mode": "down", "seconds": 60})
    actions.send("woocommerce order.updated--coupon", fresh=True)
    return first


def _break_the_api(stack: DevStack, actions: DevActions) -> None:
    stack.emulator.set_fault({"mode": "down", "seconds": 20})
    for _ in range(4):
        actions.send("woocommerce order.created", fresh=True)


if __name__ == "__main__":
    main()
