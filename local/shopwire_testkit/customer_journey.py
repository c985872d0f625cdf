"""What the journeys of the simulated customers of every platform have."""

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
        self.changes = 0
        self.carts = 0
