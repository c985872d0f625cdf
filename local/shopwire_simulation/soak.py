"""A soak on the real parts: `python -m shopwire_simulation.soak [--webhooks N] [--rate N] [--seed N]`

The simulated shops' webhooks go over HTTP to a running `shopwire dev`, signed, as fast as asked, while API, queue,
ledger and settings are broken in turn; in the end the API's state is compared with the truth. Real time: no test runs
it.
"""

import argparse
import json
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from shopwire import platforms
from shopwire_dev.stack import DevStack
from shopwire_simulation import reference_model
from shopwire_simulation.faults import HOUR
from shopwire_simulation.reference_model import differences
from shopwire_simulation.run import shop_settings, simulated_shops
from shopwire_simulation.senders import language, path_of
from shopwire_simulation.workload import make_stories
from shopwire_testkit.announcements import Announcement, Story

_SENDERS = 12
_TRIES = 6
# Longer than the queue keeps a message unseen whose holding back was lost while SQS was down.
_DRAIN_SECONDS = 420.0
_DAYS = 0.5
_API_FAULTS = ("down", "error", "throttle", "lost_answer", "unauthorized")
_PARTS = ("queue", "ledger", "settings")


class Soak:
    """One soak. `accepted` are the announcements that were at last answered 2xx."""

    def __init__(self, webhooks: int, rate: float, seed: int) -> None:
        self._rng = random.Random(seed)
        self._rate = rate
        self._shops = simulated_shops()
        start = int(time.time() * 1000) - int(_DAYS * 24 * HOUR)
        self.stories = make_stories(self._rng, list(self._shops.values()), webhooks, start, _DAYS)
        self.stack = DevStack(settings={id: shop_settings(shop) for id, shop in self._shops.items()})
        self.accepted: set[int] = set()
        self.refused = 0
        self._over = threading.Event()

    def run(self) -> dict[str, Any]:
        """Send everything, let it settle, compare. Answers one line's figures."""
        self.stack.start()
        breaking = threading.Thread(target=self._break, daemon=True)
        began = time.monotonic()
        breaking.start()
        announcements = sorted((one for story in self.stories for one in story.announcements), key=lambda one: one.at)
        with ThreadPoolExecutor(_SENDERS) as pool:
            for number, announcement in enumerate(announcements):
                time.sleep(max(0.0, began + number / self._rate - time.monotonic()))
                pool.submit(self._send, announcement)
        sent = time.monotonic() - began
        self._over.set()
        breaking.join()
        wrong = self._settled_or_wrong()
        self.stack.stop()
        return {
            "webhooks": len(announcements),
            "per_second": round(len(announcements) / sent, 1),
            "refused": self.refused,
            "wrong": wrong,
            "seconds": round(time.monotonic() - began, 1),
        }

    def _send(self, announcement: Announcement) -> None:
        shop = self._shops[announcement.shop]
        now = int(time.time() * 1000)
        platform = language(announcement, shop)
        headers = dict(platforms.get(platform).sign(announcement.topic, announcement.body, shop, now).headers)
        for attempt in range(_TRIES if platform == "shopify" else 1):
            try:
                url = self.stack.url + path_of(announcement)
                if requests.post(url, data=announcement.body, headers=headers, timeout=20).ok:
                    self.accepted.add(announcement.id)
                    return
            except requests.RequestException:
                pass  # the platform tries again, or does not
            time.sleep(attempt + 1)
        self.refused += 1

    def _break(self) -> None:
        """One part at a time, for some seconds, until everything is sent."""
        while not self._over.wait(self._rng.uniform(2, 6)):
            seconds = self._rng.uniform(2, 8)
            if self._rng.random() < 0.5:
                mode = self._rng.choice(_API_FAULTS)
                self.stack.emulator.set_fault({"mode": mode, "seconds": seconds})
            else:
                part = self._rng.choice(_PARTS)
                self.stack.aws.set_fault({"part": part, "mode": "down", "seconds": seconds})
            self._over.wait(seconds)

    def _settled_or_wrong(self) -> list[str]:
        """What is wrong still, when nothing is any more or its time is over."""
        end = time.monotonic() + _DRAIN_SECONDS
        while wrong := self._wrong():
            if time.monotonic() > end:
                break
            time.sleep(2)
        return wrong

    def _wrong(self) -> list[str]:
        states = {
            id: self.stack.emulator.state(shop.esputnik_key.get_secret_value()) for id, shop in self._shops.items()
        }
        return [text for story in self.stories for text in self._story_wrong(story, states[story.shop])]

    def _story_wrong(self, story: Story, state: dict[str, Any]) -> list[str]:
        expected = reference_model.expected_state(story, self.accepted)
        found = []
        for order, params in expected.orders.items():
            actual = state["orders"].get(order)
            if (params is None) != (actual is None):
                found.append(f"{story.shop} order {order}: {'must not be there' if actual else 'is missing'}")
            elif params is not None and (wrong := differences(params, actual)):
                found.append(f"{story.shop} order {order}: {'; '.join(wrong)}")
        for wanted in expected.contacts:
            if not any(wanted.items() <= contact.items() for contact in state["contacts"]):
                found.append(f"{story.shop}: a contact is missing")
        ignored = [event["reason"] for event in state["events"] if not event["saved"]]
        return found + [f"{story.shop}: the API ignored an event: {reason}" for reason in ignored if not expected.gone]


def main() -> int:
    """Run a soak; exit 1 unless the API holds what the shops mean."""
    parser = argparse.ArgumentParser(prog="soak", description="The simulated shops against a running shopwire dev.")
    parser.add_argument("--webhooks", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=50.0, help="webhooks a second")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures = Soak(options.webhooks, options.rate, options.seed).run()
    print("\n".join(figures["wrong"][:20]), file=sys.stderr)
    print(json.dumps(figures | {"wrong": len(figures["wrong"])}))
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
