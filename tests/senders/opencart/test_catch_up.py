"""The OpenCart module: what no event reports, what was deleted, and shopwire being down."""

import json
from pathlib import Path

import pytest

from shopwire.models import Status
from tests.senders.opencart.opencart import OpenCart, confirm, sent
from tests.senders.senders import Server

DELETED = "catalog/model/checkout/order/deleteOrder/before"


def test_deleted_order_is_reported_only_if_it_was_sent(opencart: OpenCart, server: Server) -> None:
    triggers = [DELETED, "admin/model/sale/order/deleteOrder/before"][: 1 + opencart.version.startswith("4.1")]
    for trigger in triggers:
        confirm(opencart, 7)
        opencart.cron()
        opencart.place_order(8)
        confirm(opencart, 9)
        opencart.run(*[opencart.event(trigger, id) for id in (7, 8, 9, 99)])
        opencart.sql("DELETE FROM oc_order")
        assert opencart.waiting() == ["order_deleted:7"]
        opencart.cron()
        assert json.loads(server.calls[-1].body) == {"type": "order_deleted", "id": "7"}
    assert len(server.calls) == 2 * len(triggers)


def test_order_that_may_have_arrived_is_reported_as_deleted(opencart_3: OpenCart, server: Server) -> None:
    url, opencart_3.settings["module_shopwire_url"] = opencart_3.url, "http://127.0.0.1:1/webhooks/my-shop"
    confirm(opencart_3)
    assert opencart_3.cron()["waiting"] == 1
    opencart_3.settings["module_shopwire_url"] = url
    opencart_3.run(opencart_3.event(DELETED, 7))
    assert opencart_3.waiting() == ["order_deleted:7"]


def test_order_that_another_program_deleted_stays_as_it_was(opencart_3: OpenCart, server: Server) -> None:
    # A shop that purges its old orders did not cancel them.
    confirm(opencart_3)
    opencart_3.cron()
    opencart_3.sql("DELETE FROM oc_order")
    assert opencart_3.cron()["sent"] == 0


def test_all_orders_that_a_program_changed_are_found(opencart_3: OpenCart, server: Server) -> None:
    server.answers = [503]
    for id in range(1, 511):
        opencart_3.insert("order", order_id=id, order_status_id=5, date_modified="2099-01-01 00:00:00")
    assert opencart_3.cron()["waiting"] == 510


def test_dates_of_changes_are_those_of_the_database(opencart_3: OpenCart, server: Server) -> None:
    # Before 3.0.3.7 the database writes them in its own time zone.
    opencart_3.database_now = "2020-01-01 12:00:00"
    opencart_3.place_order(7, date_modified="2020-01-01 11:58:00", order_status_id=1)
    opencart_3.place_order(8, date_modified="2020-01-01 11:00:00", order_status_id=1)
    opencart_3.cron()
    assert [change.order.id for change in sent(server)] == ["7"]


def test_change_without_an_event_is_found_by_cron(opencart: OpenCart, server: Server) -> None:
    opencart.place_order(7)
    opencart.add_history(7, 1)  # by a program that fires no event
    assert opencart.cron()["sent"] == 1
    opencart.sql("UPDATE oc_order SET total = '900', date_modified = '2099-01-01 00:00:00'")
    assert opencart.cron()["sent"] == 1
    assert sent(server)[-1].order.total == 450


def test_orders_from_before_the_module_are_not_sent(server: Server, tmp_path: Path) -> None:
    made = OpenCart("4.1.0.4", tmp_path, server.start())
    made.run(("admin", "uninstall"))
    made.place_order(7)
    made.insert("order_history", order_id=7, order_status_id=5)
    made.run(("admin", "install"))
    assert made.cron()["sent"] == 0


def test_wait_that_was_recorded_by_a_wrong_clock_does_not_count(opencart_3: OpenCart, server: Server) -> None:
    confirm(opencart_3)
    opencart_3.sql("INSERT INTO oc_shopwire_state VALUES ('not_before', '9999999999999')")
    assert opencart_3.cron()["sent"] == 1


def test_response_may_ask_to_wait(opencart_3: OpenCart, server: Server) -> None:
    server.answers = [(503, "600")]
    confirm(opencart_3)
    opencart_3.cron()
    ((until,), (now,)) = opencart_3.sql(
        "SELECT value FROM oc_shopwire_state WHERE name IN ('not_before', 'looked') ORDER BY name DESC"
    )
    assert int(until) - int(now) >= 600_000


@pytest.mark.parametrize("answer", [503, 401])
def test_order_waits_while_shopwire_is_down_and_its_newest_state_is_sent(
    opencart_3: OpenCart, server: Server, answer: int
) -> None:
    server.answers = [answer]
    confirm(opencart_3)
    failed = opencart_3.cron()
    assert (failed["sent"], failed["waiting"]) == (0, 1)
    assert failed["error"].startswith(f"HTTP {answer}")
    assert opencart_3.cron()["error"].startswith("waiting after a failure")
    assert len(server.calls) == 1
    opencart_3.run(opencart_3.add_history(7, 5))
    opencart_3.sql("UPDATE oc_shopwire_state SET value = '0' WHERE name = 'not_before'")
    assert opencart_3.cron() == {"sent": 1, "rejected": 0, "waiting": 0, "error": ""}
    assert sent(server)[-1].order.status is Status.DELIVERED


def test_lost_answer_is_repeated_with_the_same_id(opencart_3: OpenCart, server: Server) -> None:
    server.answers = [503]
    confirm(opencart_3)
    opencart_3.cron()
    opencart_3.sql("UPDATE oc_shopwire_state SET value = '0' WHERE name = 'not_before'")
    opencart_3.cron()
    first, second = server.calls
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
