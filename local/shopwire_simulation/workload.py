"""The workload of a run consists of the stories of its customers.

The same shops and the same random numbers always make the same stories.
"""

import random
from collections.abc import Collection, Sequence
from itertools import count

from shopwire.models.shop import Shop
from shopwire_simulation.shops import simulated_platforms
from shopwire_testkit.announcements import Story
from shopwire_testkit.durations import DAY, SECOND
from shopwire_testkit.shop_data import ShopData
from shopwire_testkit.story_recorder import StoryRecorder


def make_stories(
    rng: random.Random,
    shops: Sequence[Shop],
    webhooks: int,
    start: int,
    days: float = 3.0,
    max_gap_seconds: int = 0,
    often: Collection[str] = (),
) -> list[Story]:
    """Return stories with at least `webhooks` webhooks in total.

    Args:
        start: UTC milliseconds. Each story begins in the first half of the `days` and ends about when they end.
        max_gap_seconds: the longest time between two changes of a story. 0: hours, as in reality.
        often: which rare happenings are frequent: "registering" (at the checkout), "leaving" (accounts are deleted, and
            people ask for their erasure).
    """
    simulated = [ShopData.of(shop) for shop in shops if shop.platform in simulated_platforms()]
    duration = int(days * DAY)
    stories: list[Story] = []
    ids, serials, announced = count(1), count(1), 0
    while announced < webhooks:
        shop = rng.choice(simulated)
        begin = start + rng.randrange(max(duration // 2, SECOND))
        recorder = StoryRecorder(rng, shop, ids, begin, start + duration, max_gap_seconds, often)
        story = simulated_platforms()[shop.settings.platform].simulate_customer(recorder, next(serials))
        if story.announcements:
            stories.append(story)
            announced += len(story.announcements)
    return stories
