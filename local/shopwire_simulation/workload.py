"""The customers' lives of a run: who lives in which shop, and what the shops announce of them.

Everything follows from the run's random numbers and the shops: the same seed tells the same stories.
"""

import random
from collections.abc import Callable, Sequence
from itertools import count

from shopwire.models.shop import Shop
from shopwire_testkit.announcements import Story
from shopwire_testkit.inventing import HOUR, SECOND, Market, Pen
from shopwire_testkit.shopify import simulated_shop as shopify_shop
from shopwire_testkit.woocommerce import simulated_shop as woocommerce_shop

_LIVES: dict[str, Callable[[Pen, int], Story]] = {
    "shopify": shopify_shop.live,
    "woocommerce": woocommerce_shop.live,
}


def make_stories(
    rng: random.Random, shops: Sequence[Shop], webhooks: int, start: int, days: float = 3.0, gap: int = 0
) -> list[Story]:
    """Lives until at least so many webhooks are announced.

    Args:
        start: UTC milliseconds; every story begins within the first half of the `days`, and ends about when they do.
        gap: so many seconds at most are between what happens in a story (0: hours, as in life).
    """
    markets = [Market.of(shop) for shop in shops if shop.platform in _LIVES]
    span = int(days * 24 * HOUR)
    stories: list[Story] = []
    numbers, serials, announced = count(1), count(1), 0
    while announced < webhooks:
        market = rng.choice(markets)
        pen = Pen(rng, market, numbers, start + rng.randrange(max(span // 2, SECOND)), start + span, gap)
        story = _LIVES[market.shop.platform](pen, next(serials))
        if story.announcements:
            stories.append(story)
            announced += len(story.announcements)
    return stories
