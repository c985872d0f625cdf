"""What the journeys of the simulated customers of every platform have."""

import random

from shopwire_testkit.story_recorder import StoryRecorder


class CustomerJourney:
    """What one customer does in a shop. The modules `<platform>.simulated_shop` say what.

    Args:
        serial: a number that no other customer of the run has.
    """

    def __init__(self, recorder: StoryRecorder, serial: int) -> None:
        self.recorder = recorder
        self.rng = recorder.rng
        self.shop = recorder.shop
        self.serial = serial
        self.same_moment_rng = random.Random(f"same moment {serial}")
        self.changes = 0
        self.carts = 0

    def registers_at_checkout(self) -> bool:
        """Return True if the customer makes the account with the first order, so that both come at the same moment."""
        with self.recorder.random_numbers_of(self.same_moment_rng):
            return self.recorder.happens("registering", 0.2)
