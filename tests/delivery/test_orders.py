"""What becomes of orders and their facts: which events go out, in which order, and what is not sent."""

from decimal import Decimal

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import Contact, OrderDeleted, Rank, Status
from tests.support.delivery_world import (
    BORYS,
    DAY,
    HOUR,
    MINUTE,
    World,
    arrived,
    cancelled,
    order,
    paid,
    shipped,
)

# --- once


def test_a_first_order_is_contact_then_order_created(world: World) -> None:
    assert world.send(order()) == "delivered"
    assert world.api.story == ["contact", "orderCreated"]


def test_who_is_known_is_not_introduced_again(world: World) -> None:
    world.send(order("1"))
    world.send(order("2"))
    assert world.api.story == ["contact", "orderCreated", "orderCreated"]


def test_a_duplicate_is_answered_by_one_read(world: World) -> None:
    world.send(order(), key="k")
    before = len(world.calls)
    assert world.send(order(), key="k") == "duplicate"
    assert world.calls[before:] == ["dynamodb.get_item"]


def test_what_came_late_is_answered_by_one_read(world: World) -> None:
    world.send(paid())
    before = len(world.calls)
    assert world.send(order()) == "stale"
    assert world.calls[before:] == ["dynamodb.get_item"]


def test_what_changes_nothing_costs_one_write(world: World) -> None:
    world.send(paid())
    before = len(world.calls)
    assert world.send(paid(minutes=6)) == "unchanged"
    assert world.calls[before:] == ["dynamodb.get_item", "dynamodb.update_item"]
    assert world.send(paid()) == "stale"
    assert world.api.story == ["contact", "orderCreated"]


def test_a_change_costs_two_writes(world: World) -> None:
    world.send(order())
    before = len(world.calls)
    world.send(paid())
    assert world.calls[before:] == [
        "dynamodb.get_item",
        "dynamodb.update_item",
        "dynamodb.batch_get_item",
        "api",
        "dynamodb.update_item",
    ]


def test_a_change_that_changes_nothing_is_unchanged(world: World) -> None:
    world.send(order())
    assert world.send(order(minutes=1)) == "unchanged"
    assert world.api.story == ["contact", "orderCreated"]
    assert world.entry("order", "1001")["version"]["N"] == str(order(minutes=1).version)


def test_the_same_change_under_another_key_is_unchanged(world: World) -> None:
    world.send(order(), key="a")
    assert world.send(order(), key="b") == "unchanged"
    assert world.send(order(), key="b") == "duplicate"


def test_an_entry_survives_any_number_of_changes(world: World) -> None:
    for minute in range(150):
        assert world.send(paid(minutes=minute, total=Decimal(minute + 1))) == "delivered"
    entry = world.entry("order", "1001")
    assert len(entry["settled_keys"]["L"]) == 16
    assert int(entry["revision"]["N"]) < 1000


# --- in order


def test_an_older_version_is_stale(world: World) -> None:
    world.send(paid(minutes=5))
    assert world.send(order(minutes=4)) == "stale"
    assert "needs_reconcile" not in world.entry("order", "1001")
    assert world.api.story == ["contact", "orderCreated"]


def test_a_tie_with_a_lower_rank_is_stale_and_marked_for_reconcile(world: World) -> None:
    world.send(paid(minutes=5))
    assert world.send(order(minutes=5)) == "stale"
    assert world.entry("order", "1001")["needs_reconcile"] == {"BOOL": True}


def test_a_tie_of_the_same_rank_with_other_content_is_sent(world: World) -> None:
    world.send(paid(minutes=5))
    assert world.send(paid(minutes=5, total=Decimal("99.00"))) == "delivered"
    assert [event["totalCost"] for event in world.api.events] == ["250.00", "99.00"]


def test_a_later_version_with_a_lower_rank_is_sent(world: World) -> None:
    world.send(order())
    world.send(cancelled(minutes=5))
    assert world.send(paid(minutes=6)) == "delivered"
    assert world.api.story == ["contact", "orderCreated", "orderCancelled", "orderUpdated"]
    assert world.api.events[-1]["status"] == "IN_PROGRESS"


# --- first seen


def test_an_order_first_seen_cancelled_is_opened_first(world: World) -> None:
    world.send(cancelled())
    assert world.api.story == ["contact", "orderCreated", "orderCancelled"]


@pytest.mark.parametrize(("hours", "event"), [(23, "orderCreated"), (25, "orderUpdated")])
def test_an_order_first_seen_late_starts_no_new_order_workflow(world: World, hours: int, event: str) -> None:
    world.clock.pass_(hours * HOUR)
    world.send(paid())
    assert world.api.story == ["contact", event]


def test_an_old_order_is_recorded_not_sent(world: World) -> None:
    world.clock.pass_(31 * DAY)
    assert world.tell(paid(minutes=60 * 24 * 31)) == Outcome("ignored", "old_order")
    assert world.send(paid()) == "stale"
    assert world.api.story == []


def test_an_old_order_that_the_api_knows_is_sent(world: World) -> None:
    world.send(order())
    world.clock.pass_(31 * DAY)
    assert world.send(paid(minutes=60 * 24 * 31)) == "delivered"


def test_no_limit_takes_orders_of_any_age(world: World) -> None:
    world.put_shop("little-shop", old_order_days=0)
    world.clock.pass_(400 * DAY)
    assert world.send(paid()) == "delivered"
    assert world.api.story == ["contact", "orderUpdated"]


def test_a_test_order_is_ignored_where_the_shop_says_so(world: World) -> None:
    world.put_shop("little-shop", ignore_test_orders=True)
    assert world.tell(order(test=True)) == Outcome("ignored", "test_order")


def test_an_order_of_nobody_is_ignored(world: World) -> None:
    assert world.tell(order(contact=Contact())) == Outcome("ignored", "anonymous")
    assert world.api.story == []


def test_an_order_of_an_unknown_customer_id_is_ignored(world: World) -> None:
    assert world.tell(order(contact=Contact(customer_id="77"))) == Outcome("ignored", "anonymous")


def test_an_order_of_a_known_customer_id_goes_out_by_contact_key(world: World) -> None:
    world.send(order("1"))
    assert world.send(order("2", contact=Contact(customer_id="77"))) == "delivered"
    last = world.api.events[-1]
    assert (last["keyValue"], last["contactKey"], last["externalCustomerId"]) == ("77", "77", "77")
    assert "email" not in last


# --- parcels


def test_the_parcel_of_a_wholly_shipped_order_delivers_it(world: World) -> None:
    world.send(shipped())
    assert world.send(arrived()) == "delivered"
    assert world.api.story == ["contact", "orderCreated", "orderDelivered"]
    assert world.api.events[-1] == {
        "type": "orderDelivered",
        "keyValue": "anna@example.com",
        "email": "anna@example.com",
        "phone": "380501112233",
        "externalOrderId": "1001",
        "externalCustomerId": "77",
        "status": "DELIVERED",
        "totalCost": "250.00",
        "date": "2026-03-02T09:00:00+00:00",
        "currency": "UAH",
        "orderNumber": "#1001",
        "trackingNumber": "TN-p1",
    }


def test_a_later_snapshot_does_not_undo_what_a_parcel_made_true(world: World) -> None:
    world.send(shipped())
    world.send(arrived())
    assert world.send(shipped(minutes=20)) == "unchanged"
    assert world.send(shipped(minutes=21, total=Decimal("240.00"))) == "delivered"
    assert (world.api.events[-1]["type"], world.api.events[-1]["status"]) == ("orderUpdated", "DELIVERED")


def test_a_cancelled_parcel_takes_the_delivery_back(world: World) -> None:
    world.send(shipped())
    world.send(arrived())
    assert world.send(paid(minutes=20)) == "delivered"
    assert (world.api.events[-1]["type"], world.api.events[-1]["status"]) == ("orderUpdated", "IN_PROGRESS")


def test_all_parcels_must_arrive(world: World) -> None:
    world.send(shipped(parcels=("p1", "p2")))
    assert world.tell(arrived("p1")) == Outcome("ignored", "parcels_underway")
    assert world.send(arrived("p2")) == "delivered"
    assert world.api.story[-1] == "orderDelivered"


def test_a_parcel_of_a_partly_shipped_order_is_noted_and_counts_later(world: World) -> None:
    world.send(paid())
    assert world.tell(arrived("p1")) == Outcome("ignored", "partly_shipped")
    assert world.send(shipped()) == "delivered"
    assert world.api.story[-1] == "orderDelivered"


def test_a_parcel_that_arrives_twice_says_it_once(world: World) -> None:
    world.send(shipped())
    world.send(arrived())
    assert world.send(arrived()) == "unchanged"


def test_a_parcel_before_its_order_is_parked_and_applied_with_the_first_snapshot(world: World) -> None:
    assert world.tell(arrived()) == Outcome("parked", "order_not_seen")
    assert world.parked() == ["order_not_seen"]
    assert world.send(shipped()) == "delivered"
    assert world.api.story == ["contact", "orderCreated", "orderDelivered"]
    assert world.parked() == []


def test_a_parcel_goes_to_the_person_that_the_order_was_last_sent_for(world: World) -> None:
    world.send(shipped())
    world.send(shipped(minutes=20, contact=BORYS))
    world.send(arrived())
    assert world.api.events[-1]["keyValue"] == "borys@example.org"


def test_a_parcel_of_an_order_that_was_not_sent_is_ignored(world: World) -> None:
    world.clock.pass_(31 * DAY)
    world.send(shipped())
    assert world.tell(arrived()) == Outcome("ignored", "order_not_sent")


# --- deletion


def test_a_deleted_order_is_cancelled(world: World) -> None:
    world.send(order())
    assert world.send(OrderDeleted("1001")) == "delivered"
    assert world.api.story == ["contact", "orderCreated", "orderCancelled"]
    assert world.api.events[-1]["status"] == "CANCELLED"
    assert world.api.events[-1]["totalCost"] == "250.00"


def test_a_snapshot_from_before_the_deletion_does_not_revive_the_order(world: World) -> None:
    world.send(order())
    world.clock.pass_(10 * MINUTE)
    world.send(OrderDeleted("1001"))
    assert world.send(paid(minutes=8)) == "unchanged"
    assert world.send(paid(minutes=9, total=Decimal("1.00"))) == "delivered"
    assert (world.api.events[-1]["type"], world.api.events[-1]["status"]) == ("orderUpdated", "CANCELLED")


def test_only_a_later_change_revives_a_deleted_order(world: World) -> None:
    world.send(order())
    world.clock.pass_(10 * MINUTE)
    world.send(OrderDeleted("1001"))
    world.clock.pass_(10 * MINUTE)
    assert world.send(paid(minutes=19)) == "delivered"
    assert world.api.events[-1]["status"] == "IN_PROGRESS"


def test_a_restored_order_is_revived_whatever_its_time(world: World) -> None:
    world.send(order())
    world.clock.pass_(10 * MINUTE)
    world.send(OrderDeleted("1001"))
    assert world.send(paid(minutes=5, restored=True)) == "delivered"
    assert world.api.events[-1]["status"] == "IN_PROGRESS"


def test_a_deletion_before_its_order_is_parked_and_applied(world: World) -> None:
    world.clock.pass_(MINUTE)
    assert world.tell(OrderDeleted("1001")) == Outcome("parked", "order_not_seen")
    world.send(order())
    assert world.api.story == ["contact", "orderCreated", "orderCancelled"]
    assert world.parked() == []


def test_totals_that_changed_go_before_the_transition(world: World) -> None:
    world.send(order())
    world.send(cancelled(total=Decimal("200.00")))
    assert world.api.story == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]
    assert [event["totalCost"] for event in world.api.events] == ["250.00", "200.00", "200.00"]


def test_after_a_transition_changes_are_updates_with_its_status(world: World) -> None:
    world.send(order())
    world.send(order(minutes=5, rank=Rank.DELIVERED))
    world.send(order(minutes=6, rank=Rank.DELIVERED, note="left at the door"))
    assert world.api.story == ["contact", "orderCreated", "orderDelivered", "orderUpdated"]
    assert world.api.events[-1]["status"] == Status.DELIVERED
