"""Parked webhooks: listed by shop and time, one for each webhook, removed and replayed by id."""

from shopwire.message import Message
from shopwire.models import Entity, Webhook
from tests.support.delivery_world import OTHER, SHOP, World

ORDER = Entity("order", "1001")


def message(at: int = 1_000, key: str = "k", shop: str = SHOP, body: bytes = b"x") -> Message:
    return Message(shop, key, Webhook({}, body, at))


def test_they_are_listed_by_shop_and_time(world: World) -> None:
    store = world.webhook.parked
    for at in (3, 1, 2):
        store.put(message(at), "t", ORDER, "why", 9)
    store.put(message(4, shop=OTHER), "t", None, "why", 9)
    assert [one.message.received_at for one in store.list(SHOP)] == [1, 2, 3]
    assert [(one.shop, one.entity) for one in store.list(OTHER)] == [(OTHER, "unknown")]
    assert store.list("no-shop") == []


def test_more_than_a_page_is_listed(world: World) -> None:
    for at in range(103):
        world.webhook.parked.put(message(at), "t", ORDER, "why", 9)
    assert len(world.webhook.parked.list(SHOP)) == 103


def test_a_webhook_that_comes_again_is_the_same_with_one_more_try(world: World) -> None:
    store = world.webhook.parked
    id = store.put(message(), "t", ORDER, "first reason", 5)
    assert store.put(message(), "t", ORDER, "second reason", 8) == id
    (one,) = store.list(SHOP)
    assert (one.tries, one.first, one.last, one.reason) == (2, 5, 8, "second reason")


def test_one_is_shown_and_removed_by_its_id(world: World) -> None:
    store = world.webhook.parked
    id = store.put(message(), "t", ORDER, "why", 5)
    one = store.get(id)
    assert one is not None
    assert (one.id, one.topic, one.entity, one.message) == (id, "t", "order 1001", message())
    store.remove(id)
    store.remove(id)
    assert store.get(id) is None


def test_what_came_back_is_not_removed_by_who_saw_it_before(world: World) -> None:
    store = world.webhook.parked
    id = store.put(message(), "t", ORDER, "why", 5)
    store.put(message(), "t", ORDER, "why", 6)
    store.remove(id, tries=1)
    assert store.get(id) is not None
    store.remove(id, tries=2)
    assert store.get(id) is None


def test_no_such_id_is_none(world: World) -> None:
    for id in ("", "x", f"{SHOP}.", f"{SHOP}.123.abc", "..", "é.é"):
        assert world.webhook.parked.get(id) is None


def test_two_without_key_of_one_moment_are_two(world: World) -> None:
    store = world.webhook.parked
    assert store.put(message(key="", body=b"a"), "t", None, "why", 5) != store.put(
        message(key="", body=b"b"), "t", None, "why", 5
    )
