"""The checker of orders finds each param and each sequence of events that an order's states do not allow."""

import pytest

from shopwire_simulation.checkers.excuses import EXCUSES, ExcuseCounter, excessive
from shopwire_simulation.checkers.order_events import (
    allowed_statuses,
    fact_problem,
    flat_order,
    sequence_problem,
    snapshot_problem,
)
from shopwire_testkit.announcements import OrderDeletion, OrderState, ParcelDelivered

PARAMS = {"externalOrderId": "7", "totalCost": "20.00", "date": "2026-11-20T10:00:00+00:00", "currency": "UAH"}
SHIPPED = OrderState("7", (1000, 3), "IN_PROGRESS", PARAMS, None, (("1", True), ("2", False)), wholly_shipped=True)
CREATED, UPDATED = ("orderCreated", "IN_PROGRESS", False), ("orderUpdated", "DELIVERED", False)
DELIVERED, CANCELLED = ("orderDelivered", "DELIVERED", False), ("orderCancelled", "CANCELLED", False)


def test_request_that_says_what_its_snapshot_means_has_no_problem() -> None:
    params = PARAMS | {"totalCost": "20", "status": "IN_PROGRESS", "source": "online"}
    assert snapshot_problem(SHIPPED, params, {"IN_PROGRESS"}) is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"status": "CANCELLED"}, "status CANCELLED instead of IN_PROGRESS"),
        ({"totalCost": "20.01"}, "totalCost"),
        ({"couponCode": "ten"}, "couponCode although the snapshot does not say it"),
        ({"nickname": "x"}, "the unknown param nickname"),
    ],
)
def test_request_that_says_something_else_is_a_problem(change: dict[str, str], text: str) -> None:
    found = snapshot_problem(SHIPPED, PARAMS | {"status": "IN_PROGRESS"} | change, {"IN_PROGRESS"})
    assert found
    assert text in found


def test_facts_allow_the_statuses_that_they_establish() -> None:
    deletion = OrderDeletion("7", 2000)
    assert allowed_statuses(SHIPPED, {"1"}, ()) == {"IN_PROGRESS"}
    assert allowed_statuses(SHIPPED, {"2"}, (deletion,)) == {"IN_PROGRESS", "DELIVERED", "CANCELLED"}
    assert allowed_statuses(SHIPPED, (), (OrderDeletion("7", 999),)) == {"IN_PROGRESS"}


def test_fact_repeats_what_the_snapshot_before_it_says() -> None:
    delivered = ParcelDelivered("7", "2")
    assert fact_problem(delivered, PARAMS | {"status": "DELIVERED"}, PARAMS, is_event=True) is None
    assert fact_problem(delivered, PARAMS | {"status": "IN_PROGRESS"}, PARAMS, is_event=True)
    assert fact_problem(delivered, PARAMS | {"status": "DELIVERED"}, None, is_event=True)
    cancelled = PARAMS | {"status": "CANCELLED", "currency": "USD"}
    wrong = fact_problem(OrderDeletion("7", 1), cancelled, PARAMS, is_event=True)
    assert wrong == "currency is not that of the order's last snapshot"


def test_event_of_a_fact_has_the_number_of_the_order_and_the_parcel() -> None:
    delivered, sent = ParcelDelivered("7", "2", {"carrier": "UPS"}), PARAMS | {"status": "DELIVERED"}
    numbered, known = sent | {"orderNumber": "N-7", "carrier": "UPS"}, PARAMS | {"orderNumber": "N-7"}
    assert fact_problem(delivered, numbered, known, is_event=True) is None
    assert "orderNumber" in (fact_problem(delivered, sent | {"carrier": "UPS"}, known, is_event=True) or "")
    assert "carrier" in (fact_problem(delivered, numbered | {"carrier": "DHL"}, known, is_event=True) or "")
    assert fact_problem(delivered, sent, known, is_event=False) is None


def test_fact_may_repeat_a_later_snapshot_that_was_received() -> None:
    delivered, sent = ParcelDelivered("7", "2"), PARAMS | {"status": "DELIVERED"}
    later = PARAMS | {"totalCost": "15.00", "date": "2026-11-20T12:00:00.000+02:00"}
    assert fact_problem(delivered, sent | {"totalCost": "15.00"}, PARAMS, [later], is_event=True) is None
    assert fact_problem(delivered, sent | {"totalCost": "15.00"}, PARAMS, is_event=True)
    assert fact_problem(delivered, sent | {"totalCost": "16.00"}, PARAMS, [later], is_event=True)


@pytest.mark.parametrize(
    ("events", "final", "text"),
    [
        ([CREATED, UPDATED, DELIVERED, UPDATED], "DELIVERED", None),
        ([CREATED, DELIVERED, ("orderUpdated", "IN_PROGRESS", False), DELIVERED], "DELIVERED", None),
        ([CREATED, (*DELIVERED[:2], True), DELIVERED], "DELIVERED", None),
        ([DELIVERED], "DELIVERED", "orderDelivered is the order's first event"),
        ([CREATED, CREATED], "IN_PROGRESS", "orderCreated is not the order's first event"),
        ([CREATED, DELIVERED, UPDATED, DELIVERED], "DELIVERED", "orderDelivered again"),
        ([CREATED, ("orderDelivered", "IN_PROGRESS", False)], None, "orderDelivered with the status IN_PROGRESS"),
        ([CREATED, UPDATED], "DELIVERED", "no orderDelivered was sent"),
        ([CREATED, CANCELLED, UPDATED], "CANCELLED", "no orderCancelled was sent"),
    ],
)
def test_sequence_of_events_is_one_that_the_states_allow(
    events: list[tuple[str, str, bool]], final: str | None, text: str | None
) -> None:
    found = sequence_problem(events, final, is_complete=True)
    assert found is None if text is None else text in (found or "")


def test_order_that_was_given_up_need_not_be_announced() -> None:
    assert sequence_problem([CREATED, UPDATED], "DELIVERED", is_complete=False) is None


def test_order_of_the_resource_has_the_params_of_its_events() -> None:
    order = {"status": "DELIVERED", "additionalInfo": {"note": "call", "carrier": "UPS"}, "items": [{"quantity": "2"}]}
    flat = {"status": "DELIVERED", "additionalInfo": "call", "carrier": "UPS", "items": '[{"quantity": "2"}]'}
    assert flat_order(order) == flat
    assert flat_order({"additionalInfo": '{"note": "call"}'}) == flat_order({"additionalInfo": "call"})


def test_each_use_of_an_excuse_is_counted_and_bounded() -> None:
    excuses = ExcuseCounter()
    assert excuses.use("overran")
    assert excuses.counts == {"overran": 1}
    bound = EXCUSES["overran"].bound
    assert excessive({"overran": bound}, 10_000) == []
    assert excessive({"overran": bound + 1}, 10_000) == [
        f"excuse overran: used {bound + 1} times in 10000 webhooks, at most {bound} are usual"
    ]
    with pytest.raises(KeyError):
        excuses.use("a story that had a fault")
