"""A soak test on real parts, `python -m shopwire_simulation.soak [--webhooks N] [--rate N] [--seed N]`

It posts the simulated shops' signed webhooks over HTTP to a running `shopwire dev`, at the given rate, while the API,
the queue, the ledger and the settings are broken in turn. At the end it compares the API's state with the reference
model. It runs in real time, so no test runs it.
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

from shopwire_dev.stack import DevStack
from shopwire_simulation.reference_model import differences, expected_state
from shopwire_simulation.senders import path_of, platform_of
from shopwire_simulation.shops import shop_parameter, simulated_shops
from shopwire_simulation.workload import make_stories
from shopwire_testkit.announcements import Announcement, Story
from shopwire_testkit.durations import DAY

_SENDER_THREADS = 12
_MAX_TRIES = 6
_ANSWER_SECONDS = 20
# If SQS is down while a message is held back, the message stays invisible for its visibility time-out of 360 s.
_DRAIN_SECONDS = 420.0
_CHECK_SECONDS = 2
_DAYS = 0.5
_API_FAULTS = ("down", "error", "throttle", "lost_answer", "unauthorized")
_PARTS = ("queue", "ledger", "settings")
_MAX_PRINTED = 20


class Soak:
    """One soak test.

    Args:
        rate: webhooks per second.
    """

    def __init__(self, webhooks: int, rate: float, seed: int) -> None:
        self._rng = random.Random(seed)
        self._rate = rate
        self._shops = simulated_shops()
        start = int(time.time() * 1000) - int(_DAYS * DAY)
        self.stories = make_stories(self._rng, list(self._shops.values()), webhooks, start, _DAYS)
        self.stack = DevStack(settings={id: shop_parameter(shop) for id, shop in self._shops.items()})
        self.accepted: set[int] = set()
        """Ids of the announcements that were answered 2xx in the end."""
        self.refused = 0
        self._all_sent = threading.Event()

    def run(self) -> dict[str, Any]:
        """Send everything, wait until it is delivered, and return the figures of the test."""
        self.stack.start()
        breaker = threading.Thread(target=self._break_parts, daemon=True)
        began = time.monotonic()
        breaker.start()
        announcements = sorted(
            (announcement for story in self.stories for announcement in story.announcements),
            key=lambda announcement: announcement.at,
        )
        with ThreadPoolExecutor(_SENDER_THREADS) as pool:
            for number, announcement in enumerate(announcements):
                time.sleep(max(0.0, began + number / self._rate - time.monotonic()))
                pool.submit(self._send, announcement)
        send_seconds = time.monotonic() - began
        self._all_sent.set()
        breaker.join()
        wrong = self._wait_until_correct()
        self.stack.stop()
        return {
            "webhooks": len(announcements),
            "per_second": round(len(announcements) / send_seconds, 1),
            "refused": self.refused,
            "wrong": wrong,
            "seconds": round(time.monotonic() - began, 1),
        }

    def _send(self, announcement: Announcement) -> None:
        shop = self._shops[announcement.shop]
        now = int(time.time() * 1000)
        platform = platform_of(announcement, shop)
        call = platform.sign(announcement.topic, announcement.body, shop, now)
        # The platform's real delays between attempts would be too long here.
        for attempt in range(min(1 + len(platform.retries.delays_seconds), _MAX_TRIES)):
            try:
                url = self.stack.url + path_of(announcement)
                if requests.post(url, data=call.body, headers=dict(call.headers), timeout=_ANSWER_SECONDS).ok:
                    self.accepted.add(announcement.id)
                    return
            except requests.RequestException:
                pass  # the next attempt follows, if the platform makes one
            time.sleep(attempt + 1)
        self.refused += 1

    def _break_parts(self) -> None:
        """Break one part at a time for some seconds, until everything is sent."""
        while not self._all_sent.wait(self._rng.uniform(2, 6)):
            seconds = self._rng.uniform(2, 8)
            if self._rng.random() < 0.5:
                mode = self._rng.choice(_API_FAULTS)
                self.stack.emulator.set_fault({"mode": mode, "seconds": seconds})
            else:
                part = self._rng.choice(_PARTS)
                self.stack.aws.set_fault({"part": part, "mode": "down", "seconds": seconds})
            self._all_sent.wait(seconds)

    def _wait_until_correct(self) -> list[str]:
        """Wait until the API's state is correct, or the time is over. Return what is wrong then."""
        end = time.monotonic() + _DRAIN_SECONDS
        while wrong := self._find_wrong():
            if time.monotonic() > end:
                break
            time.sleep(_CHECK_SECONDS)
        return wrong

    def _find_wrong(self) -> list[str]:
        states = {
            id: self.stack.emulator.state(shop.esputnik_key.get_secret_value()) for id, shop in self._shops.items()
        }
        return [text for story in self.stories for text in self._check_story(story, states[story.shop])]

    def _check_story(self, story: Story, state: dict[str, Any]) -> list[str]:
        expected = expected_state(story, self.accepted)
        found = []
        for order, params in expected.orders.items():
            actual = state["orders"].get(story.id_prefix + order)
            if (params is None) != (actual is None):
                found.append(f"{story.shop} order {order}: {'must not exist' if actual else 'is missing'}")
            elif params is not None and (different := differences(params, actual)):
                found.append(f"{story.shop} order {order}: {'; '.join(different)}")
        for wanted in expected.contacts:
            if not any(wanted.items() <= contact.items() for contact in state["contacts"]):
                found.append(f"{story.shop}: a contact is missing")
        if not expected.absent_identities:
            ignored = [event["reason"] for event in state["events"] if not event["saved"]]
            found += [f"{story.shop}: the API ignored an event: {reason}" for reason in ignored]
        return found


def main() -> int:
    """Run a soak test. Return 1 if the API's state is wrong at the end."""
    parser = argparse.ArgumentParser(
        prog="soak", description="Sends the webhooks of the simulated shops to a running shopwire dev, in real time."
    )
    parser.add_argument("--webhooks", type=int, default=5000, help="number of webhooks (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=50.0, help="webhooks per second (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all random numbers (default: %(default)s)")
    options = parser.parse_args()
    figures = Soak(options.webhooks, options.rate, options.seed).run()
    print("\n".join(figures["wrong"][:_MAX_PRINTED]), file=sys.stderr)
    print(json.dumps(figures | {"wrong": len(figures["wrong"])}))
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
