"""The OpenCart module in an imitated OpenCart of three versions: what its events write, and what cron sends."""

import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shopwire.models import CartChange, Consent, ContactChange, Item, OrderChange, Status
from tests.php.interpreter import php
from tests.senders.opencart.opencart import VERSIONS, OpenCart
from tests.senders.senders import Server
from tests.support.generic import GENERIC, shop
from tools.make_opencart import SOURCES, build, files


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


@pytest.fixture(params=VERSIONS)
def opencart(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> OpenCart:
    return OpenCart(request.param, tmp_path, server.start())


@pytest.fixture
def opencart_3(server: Server, tmp_path: Path) -> OpenCart:
    return OpenCart("3.0.3.9", tmp_path, server.start())


def sent(server: Server) -> list[Any]:
    """Return the changes that shopwire reads of the calls, which must be signed."""
    changes = []
    for call in server.calls:
        at = int(call.headers["webhook-timestamp"]) * 1000
        received = type(call)(call.headers, call.body, at)
        GENERIC.verify(received, shop())
        changes += [delivery.change for delivery in GENERIC.read(received, shop())]
    return changes


ADDED = "catalog/model/checkout/order/addOrder/after"


def confirm(opencart: OpenCart, id: int = 7, status: int = 1, **changes: Any) -> None:
    """Place an order and confirm it, in one request of the shopper."""
    opencart.place_order(id, **changes)
    assert opencart.run(opencart.event(ADDED, {}, output=id), opencart.add_history(id, status)) == [None, None]


def test_confirmed_order_is_sent_whole(opencart: OpenCart, server: Server) -> None:
    confirm(opencart)
    assert server.calls == []
    assert opencart.waiting() == ["order:7"]
    assert opencart.cron() == {"sent": 1, "rejected": 0, "waiting": 0, "error": ""}
    (change,) = sent(server)
    assert isinstance(change, OrderChange)
    order = change.order
    assert (order.id, order.status, order.status_words) == ("7", Status.INITIALIZED, "Очікує & чекає")
    assert order.created_at.isoformat() == "2026-11-26T20:32:00+02:00"
    # Amounts are stored in the default currency: 1145.1640 * 0.5, and so on. The lines share the coupon's 50.00.
    assert (order.currency, order.total) == ("EUR", Decimal("572.58"))
    assert (order.shipping, order.taxes, order.fees, order.discount) == (
        Decimal("25.00"),
        Decimal("90.08"),
        Decimal("7.50"),
        Decimal("50.00"),
    )
    assert order.items == (
        Item(
            id="40",
            name="Чайник & кришка",
            category="Чайники & чашки",
            quantity=Decimal(2),
            cost=Decimal("202.5"),
            url="https://shop.example/index.php?route=product/product&product_id=40",
            image_url="https://shop.example/image/catalog/%D1%87%D0%B0%D0%B9%20%D0%BD%D0%B8%D0%BA.jpg",
        ),
        Item(
            id="43",
            name="Кухоль",
            quantity=Decimal(1),
            cost=Decimal("45"),
            url="https://shop.example/index.php?route=product/product&product_id=43",
        ),
    )
    assert (order.payment_method, order.delivery_method) == ("Післяплата", "Нова пошта")
    assert (order.coupons, order.note, order.store_id) == (("ОСІНЬ10",), 'Подзвоніть "зранку"', "0")
    contact = order.contact
    assert (contact.email, contact.phone, contact.customer_id) == ("olena@example.com", "380671234567", None)
    assert (contact.first_name, contact.last_name, contact.language) == ("Олена Ко", "Коваль", "uk-UA")
    assert contact.address
    assert (contact.address.street, contact.address.region) == ("вул. Зелена, 12, кв. 3", "Львівська")
    assert order.cart_token
    assert "session" not in order.cart_token


def test_order_that_was_never_confirmed_is_not_sent(opencart: OpenCart, server: Server) -> None:
    opencart.place_order()
    opencart.run(
        opencart.event(ADDED, {}, output=7), opencart.event("catalog/model/checkout/order/editOrder/after", 7, {})
    )
    assert opencart.cron()["sent"] == 0
    # 4.1.0.0 to 4.1.0.3 void an order when the confirm step is opened a second time.
    opencart.run(opencart.add_history(7, 16))
    assert opencart.cron() == {"sent": 0, "rejected": 0, "waiting": 0, "error": ""}
    assert server.calls == []


def test_status_follows_the_table_of_the_settings(opencart: OpenCart, server: Server) -> None:
    opencart.settings["module_shopwire_statuses"] = {"1": "IN_PROGRESS", "5": "DELIVERED", "7": "CANCELLED"}
    confirm(opencart)
    for status in (5, 99, 7):
        opencart.cron()
        opencart.run(opencart.add_history(7, status))
    opencart.cron()
    assert [change.order.status for change in sent(server)] == ["IN_PROGRESS", "DELIVERED", "IN_PROGRESS", "CANCELLED"]
    versions = [change.version for change in sent(server)]
    assert versions == sorted(versions)


def test_order_that_is_being_edited_keeps_its_status(opencart: OpenCart, server: Server) -> None:
    confirm(opencart, status=5)
    opencart.sql("UPDATE oc_order SET order_status_id = 0, total = '500'")
    opencart.run(opencart.event("catalog/model/checkout/order/editOrder/after", 7, {}))
    opencart.cron()
    (change,) = sent(server)
    assert (change.order.status, change.order.total) == (Status.DELIVERED, Decimal("250.00"))


def test_many_changes_are_one_message_and_an_unchanged_order_is_none(opencart: OpenCart, server: Server) -> None:
    confirm(opencart)
    opencart.run(*[opencart.add_history(7, 1) for _ in range(3)])
    assert opencart.cron()["sent"] == 1
    opencart.run(opencart.add_history(7, 1))
    assert opencart.cron() == {"sent": 0, "rejected": 0, "waiting": 0, "error": ""}
    assert len(server.calls) == 1


def test_handlers_break_nothing_when_the_database_fails(opencart: OpenCart) -> None:
    events = [
        opencart.event(ADDED, {}, output=7),
        opencart.event("catalog/model/account/customer/editCustomer/after", 3, {}),
    ]
    *results, log = opencart.run(("fail", True), *events, ("end", None), ("log", None))
    assert results == [None] * len(results)
    assert log
    assert "ann@example.com" not in str(log)


def test_handlers_write_nothing_while_the_module_is_off(opencart: OpenCart) -> None:
    opencart.settings["module_shopwire_status"] = "0"
    confirm(opencart)
    assert opencart.waiting() == []


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


def test_refused_order_is_kept_aside_and_shown_until_it_changes(opencart: OpenCart, server: Server) -> None:
    server.answers = [400]
    confirm(opencart, 7)
    confirm(opencart, 8)
    assert opencart.cron() == {"sent": 1, "rejected": 1, "waiting": 0, "error": ""}
    ((page,),) = opencart.run(("admin", "index"))
    assert page["report"] == {
        "waiting": 0,
        "rejected": 1,
        "error": "",
        "problems": [{"name": "order:7", "problem": '{"error": "the body has mistakes"}'}],
    }
    opencart.run(opencart.add_history(7, 5))
    assert opencart.cron()["sent"] == 1
    assert opencart.waiting() == []


def test_row_that_cannot_be_read_delays_no_other_one(opencart_3: OpenCart, server: Server) -> None:
    opencart_3.insert("customer", customer_id=3, email="ann@example.com", newsletter=0, status=1)
    opencart_3.run(opencart_3.event("catalog/model/account/customer/addCustomer/after", {}, output=3))
    opencart_3.sql("DROP TABLE oc_address")
    confirm(opencart_3)
    assert opencart_3.cron() == {"sent": 1, "rejected": 1, "waiting": 0, "error": ""}
    ((problem,),) = opencart_3.sql("SELECT problem FROM oc_shopwire_queue")
    assert problem.startswith("PDOException in framework.php:")


def test_deleted_order_is_reported_only_if_it_was_confirmed(opencart: OpenCart, server: Server) -> None:
    trigger = {
        "3.0.3.9": "catalog/model/checkout/order/deleteOrder/before",
        "4.0.2.3": "catalog/model/checkout/order/deleteOrder/before",
        "4.1.0.4": "admin/model/sale/order/deleteOrder/before",
    }[opencart.version]
    confirm(opencart, 7)
    opencart.place_order(8)
    opencart.run(opencart.event(trigger, 7), opencart.event(trigger, 8))
    opencart.sql("DELETE FROM oc_order")
    assert opencart.waiting() == ["order_deleted:7"]
    opencart.cron()
    assert json.loads(server.calls[0].body) == {"type": "order_deleted", "id": "7"}


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


def test_customer_has_a_consent_only_when_it_was_chosen(opencart: OpenCart, server: Server) -> None:
    opencart.insert(
        "customer",
        customer_id=3,
        firstname="Ann &amp; Co",
        lastname="Lee",
        email="ann@example.com",
        telephone="067 123 45 67",
        newsletter=1,
        status=1,
        date_added="2026-11-20 10:00:00",
    )
    opencart.insert(
        "address",
        customer_id=3,
        address_1="Main 1",
        address_2="",
        city="Lviv",
        postcode="79000",
        country_id=220,
        zone_id=9,
    )
    opencart.run(opencart.event("catalog/model/account/customer/addCustomer/after", {"password": "p"}, output=3))
    opencart.cron()
    opencart.run(opencart.event("admin/model/customer/customer/editCustomer/after", 3, {}))
    opencart.cron()
    opencart.customer = 3
    opencart.sql("UPDATE oc_customer SET newsletter = 0")
    opencart.run(opencart.event("catalog/model/account/customer/editNewsletter/after", 0))
    opencart.cron()
    changes = sent(server)
    assert all(isinstance(change, ContactChange) and change.id == "3" for change in changes)
    consents = [change.contact.consent for change in changes]
    assert [consent and (consent.subscribed, consent.channel) for consent in consents] == [
        (True, "email"),
        None,
        (False, "email"),
    ]
    assert isinstance(consents[0], Consent)
    contact = changes[0].contact
    assert (contact.first_name, contact.phone, contact.address.town) == ("Ann Co", "380671234567", "Lviv")
    assert "password" not in str([call.body for call in server.calls])


def test_customer_who_is_not_approved_is_not_sent(opencart_3: OpenCart) -> None:
    opencart_3.insert("customer", customer_id=3, email="ann@example.com", newsletter=0, status=0)
    opencart_3.run(opencart_3.event("catalog/model/account/customer/addCustomer/after", {}, output=3))
    assert opencart_3.cron()["sent"] == 0


PRODUCT = {
    "product_id": "40",
    "name": "Чайник &amp; кришка",
    "quantity": 2,
    "price": 100.0,
    "tax_class_id": 9,
    "image": "a b.jpg",
}


def test_cart_is_written_at_the_end_of_the_request(opencart: OpenCart, server: Server) -> None:
    opencart.cart = [PRODUCT]
    opencart.session = {"currency": "EUR"}
    watch = opencart.event("catalog/controller/checkout/cart/add/before")
    opencart.run(watch, ("end", None))
    opencart.session |= {"guest" if opencart.version.startswith("3") else "customer": {"email": "ann@example.com"}}
    opencart.run(watch, ("end", None))
    assert len(opencart.waiting()) == 1
    opencart.cart = []
    confirm(opencart)
    opencart.cron()
    opencart.run(watch, ("end", None))
    opencart.cron()
    cart, order, empty = sent(server)
    assert isinstance(cart, CartChange)
    assert cart.contact.email == "ann@example.com"
    (item,) = cart.cart.items
    assert (item.id, item.name, item.quantity, item.price) == ("40", "Чайник & кришка", 2, Decimal("60.00"))
    assert item.extra["imageUrl"] == ("https://shop.example/image/a%20b.jpg",)
    assert order.order.cart_token == cart.cart.token
    assert empty.cart.items == ()


def test_placeholders_of_checkouts_are_no_addresses(opencart_3: OpenCart, server: Server) -> None:
    confirm(opencart_3, 7, email="empty1795800000@localhost.net")
    confirm(opencart_3, 8, email="shop@example.com")
    opencart_3.cron()
    assert [change.contact.email for change in sent(server)] == [None, None]


def test_cron_needs_its_key(opencart: OpenCart, server: Server) -> None:
    confirm(opencart)
    for key in ({}, {"key": ""}, {"key": "wrong"}):
        ((answer, headers),) = opencart.run(("cron", key))
        assert list(answer) == ["error"]
        assert any("403" in header for header in headers)
    assert server.calls == []


def test_uninstalling_leaves_nothing(opencart: OpenCart) -> None:
    opencart.run(("admin", "uninstall"))
    assert opencart.sql("SELECT * FROM oc_event") == []
    assert opencart.sql("SELECT name FROM sqlite_master WHERE name LIKE 'oc_shopwire%'") == []


def test_settings_page_repairs_the_events(opencart: OpenCart) -> None:
    before = opencart.sql("SELECT `trigger`, action FROM oc_event")
    opencart.sql("DELETE FROM oc_event WHERE action LIKE '%order%'")
    opencart.run(("admin", "index"))
    assert sorted(opencart.sql("SELECT `trigger`, action FROM oc_event")) == sorted(before)
    dotted = [trigger for trigger, _ in before if "/model/" in trigger and "." in trigger]
    assert bool(dotted) == opencart.version.startswith("4.1")


# The package.

# admin/controller/marketplace/install.php of OpenCart 3 refuses a package with a file in any other folder.
ALLOWED_3 = (
    "upload/admin/controller/extension/",
    "upload/admin/language/",
    "upload/admin/view/template/extension/",
    "upload/catalog/controller/extension/",
    "upload/system/library/",
)


@pytest.mark.parametrize("version", [3, 4])
def test_zip_is_installable_and_always_the_same(version: int, tmp_path: Path) -> None:
    path = build(version, tmp_path / "one")
    assert path.read_bytes() == build(version, tmp_path / "two").read_bytes()
    assert path.name == "shopwire.ocmod.zip"
    names = zipfile.ZipFile(path).namelist()
    if version == 3:
        assert all(name.startswith(ALLOWED_3) for name in names)
    else:
        assert {name.partition("/")[0] for name in names} == {"install.json", "admin", "catalog", "system"}
        assert json.loads(zipfile.ZipFile(path).read("install.json"))["name"] == "shopwire"


@pytest.mark.parametrize("path", sorted(SOURCES.rglob("*.php")), ids=lambda path: path.relative_to(SOURCES).as_posix())
def test_syntax_is_valid(path: Path) -> None:
    done = subprocess.run([php(), "-l", path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout


def test_languages_have_every_text_of_the_pages() -> None:
    for version in (3, 4):
        found = files(version)
        (page,) = (path for name, path in found.items() if name.endswith(".twig"))
        (language,) = (path for name, path in found.items() if "/language/en-gb/" in name)
        used = set(re.findall(r"{{ ((?:text|entry|help)_\w+)", page.read_text()))
        own = set(re.findall(r"\$_\['(\w+)'\]", language.read_text()))
        assert used - own <= {"text_enabled", "text_disabled"}
