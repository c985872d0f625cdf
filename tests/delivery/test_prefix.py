"""The setting `id_prefix`: what is sent has it, what is stored does not."""

import json
import re

import pytest

from shopwire.models import Contact, OrderDeleted, Redaction
from tests.support.changes import ANNA, MINUTE_MS, SHOP, arrived, cancelled, cart, customer, order, paid, shipped, view
from tests.support.delivery_world import World

PREFIX = "little-shop:"


@pytest.mark.parametrize("orders", ["events", "orders", "both"])
def test_whatever_is_sent_has_the_prefix_and_nothing_that_is_stored(world: World, orders: str) -> None:
    world.put_shop(SHOP, id_prefix=PREFIX, orders=orders, key_value="order")
    world.restart()
    changes = (
        customer(),
        cart(),
        order(),
        paid(),
        shipped(),
        arrived(),
        view(Contact(customer_id="77")),
        view(id="v2"),
    )
    for change in (*changes, order("1002"), OrderDeleted("1002"), cancelled("1003")):
        assert world.send(change) == "delivered"
    world.clock.advance(MINUTE_MS)
    stored = world.stored_text()
    assert world.send(Redaction(ANNA, "77", ("1001", "1002"))) == "delivered"
    assert PREFIX not in stored + world.stored_text()
    sent = "\n".join(f"{path} {json.dumps(content)}" for _, path, content in world.api.accepted)
    ids = re.findall(r'(?:externalCustomerId|externalOrderId)"(?:, "value")?: "([^"]*)', sent)
    ids += re.findall(r"externalCustomerId=([^&]*)", sent.replace("%3A", ":"))
    (erased,) = re.findall(r'"externalOrderIds": \[([^]]*)', sent)
    ids += erased.replace('"', "").split(", ")
    assert len(ids) > 20
    assert {id[: len(PREFIX)] for id in ids} == {PREFIX}
    keys = re.findall(r'"eventTypeKey": "order\w+", "keyValue": "([^"]*)', sent)
    assert all(key.startswith(PREFIX) for key in keys)
