"""Orders and their facts: which events are sent, in which order, and what is not sent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import NOBODY, Contact, OrderDeleted, OrderSkipped, Rank, Reason, Status
from tests.support.changes import BORYS, DAY_MS, MINUTE_MS, START, arrived, cancelled, order, paid, shipped
from tests.support.delivery_world import World

HOUR_MS = 60 * MINUTE_MS

# --- once


def test_first_order_creates_the_contact_then_sends_order_created(world: World) -> None:
    assert world.send(order()) == "delivered"
    assert world.api.sent == ["contact", "orderCreated"]


def test_known_contact_is_not_created_again(world: World) -> None:
    world.send(order("1"))
    world.send(order("2"))
    assert world.api.sent == ["contact", "orderCreated", "orderCreated"]


def test_order_with_only_a_new_version_is_unchanged(world: World) -> None:
    world.send(order())
    assert world.send(order(minutes=1)) == "unchanged"
    assert world.api.sent == ["contact", "orderCreated"]
    assert world.entry("order", "1001")["version"]["N"] == str(order(minutes=1).version)


def test_same_change_with_another_key_is_unchanged(world: World) -> None:
    world.send(order(), key="a")
    assert world.send(order(), key="b") == "unchanged"
    assert world.send(order(), key="b") == "duplicate"


# --- in order


def test_older_version_is_stale(world: World) -> None:
    world.send(paid(minutes=5))
    assert world.send(order(minutes=4)) == "stale"
    assert "needs_reconcile" not in world.entry("order", "1001")
    assert world.api.sent == ["contact", "orderCreated"]


def test_tie_with_a_lower_rank_is_stale_and_marked_for_reconcile(world: World) -> None:
    world.send(paid(minutes=5))
    assert world.send(order(minutes=5)) == "stale"
    assert world.entry("order", "1001")["needs_reconcile"] == {"BOOL": True}


def test_tie_of_the_same_rank_with_other_content_is_sent(world: World) -> None:
    world.send(paid(minutes=5))
    assert world.send(paid(minutes=5, total=Decimal("99.00"))) == "delivered"
    assert [event["totalCost"] for event in world.api.events] == ["250.00", "99.00"]


def test_later_version_with_a_lower_rank_is_sent(world: World) -> None:
    world.send(order())
    world.send(cancelled(minutes=5))
    assert world.send(paid(minutes=6)) == "delivered"
    assert world.api.sent == ["contact", "orderCreated", "orderCancelled", "orderUpdated"]
    assert world.api.events[-1]["status"] == "IN_PROGRESS"


# --- first seen


def test_order_first_seen_cancelled_is_opened_before_it_is_cancelled(world: World) -> None:
    world.send(cancelled())
    assert world.api.sent == ["contact", "orderCreated", "orderCancelled"]


def test_old_order_is_recorded_but_not_sent(world: World) -> None:
    world.clock.advance(31 * DAY_MS)
    assert world.deliver(paid(minutes=60 * 24 * 31)) == Outcome("ignored", Reason.OLD_ORDER)
    assert world.send(paid()) == "stale"
    assert world.api.sent == []


@pytest.mark.parametrize("contact", [Contact(), Contact(customer_id="77")])
def test_order_without_an_address_is_ignored(world: World, contact: Contact) -> None:
    assert world.deliver(order(contact=contact)) == Outcome("ignored", Reason.ANONYMOUS)
    assert world.api.sent == []


def test_order_of_a_known_customer_id_is_sent_by_that_id(world: World) -> None:
    world.send(order("1"))
    assert world.send(order("2", contact=Contact(customer_id="77"))) == "delivered"
    last = world.api.events[-1]
    assert (last["keyValue"], last["externalCustomerId"]) == ("77", "77")
    assert not {"email", "contactKey"} & last.keys()


# --- parcels


def test_arrival_of_the_only_parcel_delivers_the_order(world: World) -> None:
    world.send(shipped())
    assert world.send(arrived()) == "delivered"
    assert world.api.sent == ["contact", "orderCreated", "orderDelivered"]
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


def test_later_snapshot_does_not_undo_the_delivery(world: World) -> None:
    world.send(shipped())
    world.send(arrived())
    world.clock.advance(20 * MINUTE_MS)
    assert world.send(shipped(minutes=20)) == "unchanged"
    assert world.send(shipped(minutes=21, total=Decimal("240.00"))) == "delivered"
    assert (world.api.events[-1]["type"], world.api.events[-1]["status"]) == ("orderUpdated", "DELIVERED")


def test_order_without_its_parcel_is_not_delivered_any_more(world: World) -> None:
    world.send(shipped())
    world.send(arrived())
    world.clock.advance(20 * MINUTE_MS)
    assert world.send(paid(minutes=20)) == "delivered"
    assert (world.api.events[-1]["type"], world.api.events[-1]["status"]) == ("orderUpdated", "IN_PROGRESS")


def test_order_is_delivered_when_all_its_parcels_have_arrived(world: World) -> None:
    world.send(shipped(parcels=("p1", "p2")))
    assert world.deliver(arrived("p1")) == Outcome("ignored", Reason.PARCELS_UNDERWAY)
    assert world.send(arrived("p2")) == "delivered"
    assert world.api.sent[-1] == "orderDelivered"


def test_parcel_of_a_partly_shipped_order_counts_when_all_is_shipped(world: World) -> None:
    world.send(paid())
    assert world.deliver(arrived("p1")) == Outcome("ignored", Reason.PARTLY_SHIPPED)
    assert world.send(shipped()) == "delivered"
    assert world.api.sent[-1] == "orderDelivered"


def test_second_arrival_of_a_parcel_is_unchanged(world: World) -> None:
    world.send(shipped())
    world.send(arrived())
    assert world.send(arrived()) == "unchanged"


def test_parcel_before_its_order_is_parked_until_the_order_arrives(world: World) -> None:
    assert world.deliver(arrived()) == Outcome("parked", Reason.ORDER_NOT_SEEN)
    assert world.parked_reasons() == [Reason.ORDER_NOT_SEEN]
    assert world.send(shipped()) == "delivered"
    assert world.api.sent == ["contact", "orderCreated", "orderDelivered"]
    assert world.parked_reasons() == []


def test_parcel_event_goes_to_the_latest_contact_of_the_order(world: World) -> None:
    world.send(shipped())
    world.clock.advance(20 * MINUTE_MS)
    world.send(shipped(minutes=20, contact=BORYS))
    world.send(arrived())
    assert world.api.events[-1]["keyValue"] == "borys@example.org"


def test_known_order_without_its_person_reaches_the_person_it_was_sent_for(world: World) -> None:
    world.send(order())
    assert world.send(paid(contact=NOBODY)) == "delivered"
    last = world.api.events[-1]
    assert (last["type"], last["email"], last["externalCustomerId"]) == ("orderUpdated", "anna@example.com", "77")
    assert world.send(paid(minutes=6, contact=NOBODY)) == "unchanged"
    assert world.send(cancelled(contact=NOBODY)) == "delivered"
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]
    world.clock.advance(MINUTE_MS)
    assert world.deliver(cancelled(minutes=11, contact=NOBODY, erased=True)).reason is Reason.ANONYMOUS


# --- time


def test_version_in_the_future_counts_as_the_receipt_and_makes_nothing_stale(world: World) -> None:
    world.send(order())
    year_2647 = datetime(2647, 3, 11, tzinfo=UTC)
    world.clock.advance(5 * MINUTE_MS)
    assert world.send(paid(updated_at=year_2647)) == "delivered"
    assert world.send(order(minutes=-1)) == "stale"
    # It changed before the one of 2647 arrived, and arrives after it.
    assert world.send(cancelled(minutes=1)) == "delivered"
    assert world.api.events[-1]["status"] == "CANCELLED"
    assert world.send(paid(minutes=0.5)) == "stale"


def test_version_ten_minutes_ahead_is_its_own(world: World) -> None:
    assert world.send(order(minutes=10)) == "delivered"
    assert world.send(paid(minutes=9)) == "stale"


def test_date_in_the_future_is_the_one_that_was_sent_or_now(world: World) -> None:
    future = datetime(2647, 3, 11, tzinfo=UTC)
    world.send(order("1", created_at=future))
    assert world.api.events[-1]["date"] == START.isoformat()
    world.send(order("2"))
    world.clock.advance(MINUTE_MS)
    assert world.send(order("2", minutes=1, created_at=future)) == "unchanged"


def test_deletion_stays_although_the_order_was_changed_in_the_future(world: World) -> None:
    world.send(order())
    world.send(OrderDeleted("1001"))
    assert world.send(paid(updated_at=datetime(2647, 3, 11, tzinfo=UTC))) == "unchanged"


def test_draft_is_new_on_the_day_when_it_is_bought(world: World) -> None:
    assert world.deliver(OrderSkipped("1", Reason.DRAFT)) == Outcome("ignored", Reason.DRAFT)
    written = world.calls.count("dynamodb.update_item")
    world.clock.advance(30 * HOUR_MS)
    assert world.deliver(OrderSkipped("1", Reason.DRAFT), key="again") == Outcome("ignored", Reason.DRAFT)
    assert world.calls.count("dynamodb.update_item") == written
    world.send(order("1", minutes=30 * 60))
    world.send(order("2", minutes=30 * 60))
    world.send(order("3", minutes=30 * 60, bought_at=START + timedelta(hours=29)))
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated", "orderCreated"]
    assert world.send(OrderSkipped("1", Reason.DRAFT), key="late") == "ignored"
    assert "skipped" not in world.entry("order", "1")


@pytest.mark.parametrize("reason", [Reason.DRAFT, Reason.SUB_ORDER, Reason.STATUS_IGNORED])
def test_deletion_of_an_order_that_is_not_sent_needs_no_person(world: World, reason: Reason) -> None:
    assert world.deliver(OrderSkipped("1", reason)) == Outcome("ignored", reason)
    assert world.deliver(OrderDeleted("1")) == Outcome("ignored", Reason.ORDER_NOT_SENT)


def test_draft_is_ignored_whatever_fails(world: World) -> None:
    with world.outage("dynamodb", "sqs"):
        assert world.deliver(OrderSkipped("1", Reason.DRAFT)) == Outcome("ignored", Reason.DRAFT)


# --- deletion


def test_deleted_order_is_cancelled(world: World) -> None:
    world.send(order())
    assert world.send(OrderDeleted("1001")) == "delivered"
    assert world.api.sent == ["contact", "orderCreated", "orderCancelled"]
    assert world.api.events[-1]["status"] == "CANCELLED"
    assert world.api.events[-1]["totalCost"] == "250.00"


def test_snapshot_from_before_the_deletion_leaves_the_order_cancelled(world: World) -> None:
    world.send(order())
    world.clock.advance(10 * MINUTE_MS)
    world.send(OrderDeleted("1001"))
    assert world.send(paid(minutes=8)) == "unchanged"
    assert world.send(paid(minutes=9, total=Decimal("1.00"))) == "delivered"
    assert (world.api.events[-1]["type"], world.api.events[-1]["status"]) == ("orderUpdated", "CANCELLED")


def test_change_after_the_deletion_revives_the_order(world: World) -> None:
    world.send(order())
    world.clock.advance(10 * MINUTE_MS)
    world.send(OrderDeleted("1001"))
    world.clock.advance(10 * MINUTE_MS)
    assert world.send(paid(minutes=19)) == "delivered"
    assert world.api.events[-1]["status"] == "IN_PROGRESS"


def test_restored_order_is_revived_whatever_its_time(world: World) -> None:
    world.send(order())
    world.clock.advance(10 * MINUTE_MS)
    world.send(OrderDeleted("1001"))
    assert world.send(paid(minutes=5, restored=True)) == "delivered"
    assert world.api.events[-1]["status"] == "IN_PROGRESS"


def test_deletion_before_its_order_is_parked_until_the_order_arrives(world: World) -> None:
    world.clock.advance(MINUTE_MS)
    assert world.deliver(OrderDeleted("1001")) == Outcome("parked", Reason.ORDER_NOT_SEEN)
    world.send(order())
    assert world.api.sent == ["contact", "orderCreated", "orderCancelled"]
    assert world.parked_reasons() == []


def test_new_total_is_sent_before_the_change_of_status(world: World) -> None:
    world.send(order())
    world.send(cancelled(total=Decimal("200.00")))
    assert world.api.sent == ["contact", "orderCreated", "orderUpdated", "orderCancelled"]
    assert [event["totalCost"] for event in world.api.events] == ["250.00", "200.00", "200.00"]


def test_changes_after_the_delivery_are_updates_with_the_status_delivered(world: World) -> None:
    world.send(order())
    world.send(order(minutes=5, rank=Rank.DELIVERED))
    world.send(order(minutes=6, rank=Rank.DELIVERED, note="left at the door"))
    assert world.api.sent == ["contact", "orderCreated", "orderDelivered", "orderUpdated"]
    assert world.api.events[-1]["status"] == Status.DELIVERED
