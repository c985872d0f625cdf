"""When the end of a story may lack a change that shopwire gave up."""

from shopwire_simulation.checkers.story_end import is_given_up
from shopwire_testkit.announcements import Announcement
from shopwire_testkit.durations import DAY, HOUR

START = 1_790_000_000_000


def _announcement(at: int, entity: str = "cart 1") -> Announcement:
    return Announcement(1, at, "sim-shopify-0", "carts/update", b"{}", entity, fact=False, version=(at, 0))


def test_last_change_of_a_cart_is_given_up_if_a_copy_came_a_day_late() -> None:
    first, last = _announcement(START), _announcement(START + HOUR)
    assert is_given_up(last, [last.at, last.at + DAY], [first, last])
    assert not is_given_up(last, [last.at, last.at + 23 * HOUR], [first, last])
    assert not is_given_up(last, [], [first, last])


def test_earlier_change_of_a_cart_and_other_entities_are_not_given_up() -> None:
    first, last = _announcement(START), _announcement(START + HOUR)
    assert not is_given_up(first, [START + 2 * DAY], [first, last])
    order = _announcement(START, "order 1")
    assert not is_given_up(order, [START + 2 * DAY], [order])
