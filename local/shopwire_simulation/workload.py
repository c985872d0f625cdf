"""The workload of a run consists of the stories of its customers.

The same shops and the same random numbers always make the same stories.
"""

import random
from collections.abc import Callable, Sequence
from itertools import count

from shopwire.models.shop import Shop
from shopwire_testkit.announcements import Story
from shopwire_testkit.durations import DAY, SECOND
from shopwire_testkit.shop_data import ShopData
from shopwire_testkit.shopify import simulated_shop as shopify_shop
from shopwire_testkit.story_recorder import StoryRecorder
from shopwire_testkit.woocommerce import simulated_shop as woocommerce_shop

_SIMULATIONS: dict[str, Callable[[StoryRecorder, int], Story]] = {
    "shopify": shopify_shop.simulate_customer,
    "woocommerce": woocommerce_shop.simulate_customer,
}


def make_stories(
    rng: random.Random,
    shops: Sequence[Shop],
    webhooks: int,
    start: int,
    days: float = 3.0,
    max_gap_seconds: int = 0,
) -> list[Story]:
    """Return stories with at least `webhooks` webhooks in total.

    Args:
        start: UTC milliseconds. Each story begins in the first half of the `days` and ends about when they end.
        max_gap_seconds: the longest time between two changes of a story. 0: hours, as in reality.
    """
    simulated = [ShopData.of(shop) for shop in shops if shop.platform in _SIMULATIONS]
    duration = int(days * DAY)
    stories: list[Story] = []
    ids, serials, announced = count(1), count(1), 0
    while announced < webhooks:
        shop = rng.choice(simulated)
        begin = start + rng.randrange(max(duration // 2, SECOND))
        recorder = StoryRecorder(rng, shop, ids, begin, start + duration, max_gap_seconds)
        story = _SIMULATIONS[shop.settings.platform](recorder, next(serials))
        if story.announcements:
            stories.append(story)
            announced += len(story.announcements)
    return stories
