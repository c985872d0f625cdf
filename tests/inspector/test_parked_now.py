"""What is parked now: the journal learns what was applied or removed, and counts what the table has."""

import pytest

from shopwire.errors import TableUnavailable
from shopwire.stores.entry import key_hash
from shopwire.stores.parked import Parked
from shopwire_inspector.journal import Journal
from shopwire_inspector.parked_now import DEV, ParkedNow
from shopwire_inspector.recorded import Attempt, RecordedWebhook

NOW = 1_767_225_600_000


class World:
    """A journal, a table and a clock."""

    def __init__(self, *, exact: bool = True) -> None:
        self.journal = Journal()
        self.rows: list[Parked] = []
        self.now = NOW
        self.is_down = False
        self.reads = 0
        self.parked = ParkedNow(self.journal, self._list, DEV, lambda: self.now, exact=exact)

    def park(self, *, at: int = NOW, reason: str = "api_rejected", order: int = 1) -> RecordedWebhook:
        """Record a parked webhook, in the table too."""
        webhook = self.journal.add_webhook("shop", at)
        attempt, key = Attempt(at, "webhook", "parked", reason), f"k{at}"
        entity = f"order {order}"
        self.journal.add_delivery(webhook, "orders/paid", entity, key, attempt, hashed_key=key_hash(key))
        id = f"shop.{at:013d}.abc"
        self.rows.append(Parked(id, "shop", "orders/paid", entity, reason, {}, 1, at, at, "{}"))
        return webhook

    def count(self) -> int:
        """Return the count when the table is read again."""
        self.now += DEV.unchanged_ms
        return self.parked.count()

    def _list(self) -> list[Parked]:
        self.reads += 1
        if self.is_down:
            raise TableUnavailable("down")
        return self.rows


@pytest.mark.parametrize(("reason", "outcome"), [("order_not_seen", "applied"), ("api_rejected", "removed")])
@pytest.mark.parametrize("exact", [True, False])
def test_webhook_that_is_not_parked_any_more_says_so(reason: str, outcome: str, exact: bool) -> None:
    world = World(exact=exact)
    webhook, other = world.park(reason=reason), world.park(at=NOW + 1, order=2)
    assert world.count() == 2
    del world.rows[0]
    cursor = world.journal.cursor
    # A replay removes the row a moment before the journal hears of it, so the second read decides.
    assert (world.count(), webhook.outcome) == (1, "parked")
    assert (world.count(), webhook.outcome, webhook.attempt_count) == (1, outcome, 1)
    assert other.outcome == "parked"
    assert world.journal.changed_since(cursor) == [webhook]


def test_replay_of_a_moment_ago_is_no_removal() -> None:
    world = World()
    webhook = world.park()
    world.rows.clear()
    world.count()
    world.journal.add_replay("shop", NOW, NOW + 9)
    world.count()
    assert [attempt.outcome for attempt in webhook.attempts] == ["parked", "queued"]


def test_table_out_of_reach_changes_nothing_and_is_not_asked_at_each_poll() -> None:
    world = World()
    webhook = world.park()
    world.count()
    world.is_down = True
    reads = world.reads
    assert [world.count() for _ in range(3)] == [1, 1, 1]  # in 9 seconds
    assert world.reads == reads + 1
    assert webhook.outcome == "parked"
    world.is_down = False
    world.rows.clear()
    assert world.parked.count() == 1
    world.now += 20_000
    assert world.parked.count() == 0


def test_table_is_read_seldom_while_nothing_changes() -> None:
    world = World()
    world.count()
    world.rows += [*world.rows, Parked("shop.1.a", "shop", "t", "order 1", "too_old", {}, 1, 1, 1, "{}")]
    world.now += DEV.changed_ms
    assert world.parked.count() == 0
    world.park()
    assert world.parked.count() == 2
