"""The store of parked webhooks: listed by shop and time, read and removed by id."""

import pytest

from shopwire.message import Message
from shopwire.models import Entity, Reason, Webhook
from shopwire.stores.parked import received_at_of
from tests.support.changes import OTHER_SHOP, SHOP
from tests.support.delivery_world import World

ORDER = Entity("order", "1001")


def message(at: int = 1_000, key: str = "k", shop: str = SHOP, body: bytes = b"x") -> Message:
    return Message(shop, key, Webhook({}, body, at))


def test_parked_webhooks_are_listed_by_shop_and_time(world: World) -> None:
    store = world.webhook.parked
    for at in (3, 1, 2):
        store.put(message(at), "t", ORDER, Reason.INCOMPLETE, 9)
    store.put(message(4, shop=OTHER_SHOP), "t", None, Reason.INCOMPLETE, 9)
    assert [parked.message.received_at for parked in store.list(SHOP)] == [1, 2, 3]
    assert [(parked.shop, parked.entity) for parked in store.list(OTHER_SHOP)] == [(OTHER_SHOP, "unknown")]
    assert store.list("no-shop") == []


def test_time_of_receipt_is_in_the_id(world: World) -> None:
    id = world.webhook.parked.put(message(1_795_800_000_123), "t", ORDER, Reason.INCOMPLETE, 9)
    (parked,) = world.webhook.parked.list(SHOP)
    assert parked.received_at == received_at_of(id) == 1_795_800_000_123


@pytest.mark.parametrize("text", ["", "x", "my-shop.", "my-shop.now.ab", "my-shop.1795800000123", f"a.{'9' * 5000}.b"])
def test_text_that_is_no_id_has_no_time_of_receipt(text: str) -> None:
    assert received_at_of(text) == 0


def test_list_of_parked_webhooks_reads_all_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopwire.stores.parked._PAGE_SIZE", 10)
    for at in range(23):
        world.webhook.parked.put(message(at), "t", ORDER, Reason.INCOMPLETE, 9)
    assert [parked.message.received_at for parked in world.webhook.parked.list(SHOP)] == list(range(23))


def test_webhook_that_is_parked_again_keeps_its_id_and_counts_its_tries(world: World) -> None:
    store = world.webhook.parked
    id = store.put(message(), "t", ORDER, Reason.INCOMPLETE, 5)
    assert store.put(message(), "t", ORDER, Reason.API_REJECTED, 8) == id
    (parked,) = store.list(SHOP)
    assert (parked.tries, parked.first, parked.last, parked.reason) == (2, 5, 8, Reason.API_REJECTED)


def test_parked_webhook_is_read_and_removed_by_its_id(world: World) -> None:
    store = world.webhook.parked
    id = store.put(message(), "t", ORDER, Reason.INCOMPLETE, 5)
    parked = store.get(id)
    assert parked is not None
    assert (parked.id, parked.topic, parked.entity, parked.message) == (id, "t", "order 1001", message())
    store.remove(id)
    store.remove(id)
    assert store.get(id) is None


def test_remove_with_an_old_try_count_keeps_the_webhook(world: World) -> None:
    store = world.webhook.parked
    id = store.put(message(), "t", ORDER, Reason.INCOMPLETE, 5)
    store.put(message(), "t", ORDER, Reason.INCOMPLETE, 6)
    store.remove(id, tries=1)
    assert store.get(id) is not None
    store.remove(id, tries=2)
    assert store.get(id) is None


def test_unknown_id_returns_none(world: World) -> None:
    for id in ("", "x", f"{SHOP}.", f"{SHOP}.123.abc", "..", "é.é"):
        assert world.webhook.parked.get(id) is None


def test_two_bodies_without_a_key_have_different_ids(world: World) -> None:
    store = world.webhook.parked
    ids = [store.put(message(key="", body=body), "t", None, Reason.UNREADABLE, 5) for body in (b"a", b"b")]
    assert ids[0] != ids[1]
