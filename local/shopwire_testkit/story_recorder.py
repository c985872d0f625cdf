"""Records one story, with its clock, its customer, and the webhooks that the shop announces with their meanings."""

import random
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from shopwire_testkit.announcements import Announcement, Meaning, Story, Version
from shopwire_testkit.customers import (
    Customer,
    as_typed_at_checkout,
    change_customer,
    make_customer,
    make_relative,
    register_customer,
)
from shopwire_testkit.durations import HOUR, SECOND
from shopwire_testkit.shop_data import ShopData

_FREQUENT = 0.8


class StoryRecorder:
    """Moves the time of one story forward and records its announcements.

    Args:
        ids: the ids of announcements, unique in the whole run.
        now: when the story begins, in UTC milliseconds.
        end: when the run ends, in UTC milliseconds.
        max_gap_seconds: the longest time between two changes. 0: hours, as in reality.
        often: which rare happenings are frequent: "registering" (at the checkout), "leaving" (accounts are deleted, and
            people ask for their erasure).
    """

    def __init__(
        self,
        rng: random.Random,
        shop: ShopData,
        ids: Iterator[int],
        now: int,
        end: int,
        max_gap_seconds: int,
        often: Collection[str] = (),
    ) -> None:
        self.rng = rng
        self.shop = shop
        self.now = now
        self.end = end
        self._max_gap_seconds = max_gap_seconds
        self._often = often
        self._ids = ids
        self._announcements: list[Announcement] = []
        self._canaries: set[str] = set()
        self._meanings: dict[int, Meaning] = {}
        self._last_at = now
        self._beside: Callable[[], None] | None = None

    @property
    def second(self) -> int:
        """The current time, cut to whole seconds as most platforms give it. In UTC milliseconds."""
        return self.now // SECOND * SECOND

    @property
    def is_over(self) -> bool:
        """Whether the run's time is over."""
        return self.now >= self.end

    @contextmanager
    def random_numbers_of(self, rng: random.Random) -> Iterator[None]:
        """Draw from other random numbers for a while, so that the rest of the story stays as it is without them."""
        own, self.rng = self.rng, rng
        try:
            yield
        finally:
            self.rng = own

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self.rng.random() < probability

    def happens(self, happening: str, probability: float) -> bool:
        """Return True with this probability, or mostly if the happening is frequent in this run."""
        return self.chance(_FREQUENT if happening in self._often else probability)

    def wait(self, mean: int = 2 * HOUR, *, same_second: bool = False) -> None:
        """Move the time forward into another second: mostly by hours, sometimes by seconds.

        Args:
            mean: the mean of the long waits, in milliseconds.
            same_second: do not wait at all.
        """
        if same_second:
            return
        if self._max_gap_seconds:
            gap = self.rng.randrange(1, self._max_gap_seconds + 1) * SECOND
        elif self.chance(0.25):
            gap = self.rng.randrange(1, 20) * SECOND
        else:
            gap = int(self.rng.expovariate(1 / mean))
        self.now = max(self.now + gap, self.second + SECOND + self.rng.randrange(SECOND // 2))

    def announce(
        self,
        topic: str,
        body: bytes,
        entity: str,
        meaning: Meaning | None,
        version: Version | None,
        *,
        storefront: bool = False,
        at: int | None = None,
        answers: Mapping[str, bytes | None] | None = None,
        thin: bool = False,
        silent: bool = False,
    ) -> None:
        """Record a webhook that the platform sends a few milliseconds from now.

        Args:
            at: send it at this time instead (UTC milliseconds), or just after the last announcement if that is later.
            answers: what the platform's API answers from now on (`Announcement.answers`).
            thin, silent: as in `Announcement`.
        """
        self._last_at = max(self._last_at + 1, at or self.now + self.rng.randrange(30))
        id = next(self._ids)
        self._announcements.append(
            Announcement(
                id,
                self._last_at,
                self.shop.settings.id,
                topic,
                body,
                entity,
                version is None,
                version,
                storefront,
                answers or {},
                thin,
                silent,
            )
        )
        if meaning is not None:
            self._meanings[id] = meaning
        if self._beside:
            announce_more, self._beside = self._beside, None
            announce_more()

    def announce_beside(self, announce_more: Callable[[], None]) -> None:
        """Announce something else right behind the next announcement, as of the same moment."""
        self._beside = announce_more

    def add_customer(self, serial: int, id: int | None) -> Customer:
        """Create the story's customer.

        Args:
            serial: a number that no other customer of the run has.
            id: the platform's customer id. None for a guest.
        """
        customer = make_customer(self.rng, serial, id)
        customer.id_prefix = self.shop.settings.id_prefix
        self._canaries.update(customer.canaries())
        return customer

    def change_customer(self, customer: Customer, serial: int, change: int) -> None:
        """Change the customer. `change` is the number of this customer's change, from 1."""
        change_customer(self.rng, customer, serial, change)
        self._canaries.update(customer.canaries())

    def as_typed_at_checkout(self, customer: Customer, serial: int) -> Customer:
        """Return the customer with another name and phone, as an order names them."""
        typed = as_typed_at_checkout(self.rng, customer, serial)
        self._canaries.update(typed.canaries())
        return typed

    def register_customer(self, customer: Customer, serial: int, id: int) -> None:
        """Let a guest make an account with the platform's customer id `id`."""
        register_customer(self.rng, customer, serial, id)
        self._canaries.update(customer.canaries())

    def add_relative(self, customer: Customer, serial: int) -> Customer:
        """Create a relative of the customer: a guest with the customer's phone and another e-mail address."""
        relative = make_relative(self.rng, customer, serial)
        self._canaries.update(relative.canaries())
        return relative

    def add_cart(self, token: str) -> str:
        """Return the token of a new cart, which must stay secret."""
        self._canaries.add(token)
        return token

    def story(self) -> Story:
        """Return what was recorded."""
        settings = self.shop.settings
        return Story(
            settings.id, self._announcements, frozenset(self._canaries), self._meanings, id_prefix=settings.id_prefix
        )
