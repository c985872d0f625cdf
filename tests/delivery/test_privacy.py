"""Personal data and signatures: what log lines, queue attributes, keys and waiting messages do not contain."""

import io

import pytest

from shopwire.message import unpack
from shopwire.models import Contact
from tests.support.changes import MINUTE_MS, cart, customer, order
from tests.support.delivery_world import World

CANARY = Contact(
    email="canary@example.com", phone="380509998877", customer_id="4711", first_name="Kanarka", last_name="Zhovta"
)
SECRETS = ("canary", "380509998877", "Kanarka", "Zhovta", "Birdstreet", "a-secret", "key-one")


@pytest.mark.parametrize("answer", [200, 400, 401, 429, 503, None])
def test_personal_data_is_not_in_logs_queue_attributes_or_keys(
    world: World, log: io.StringIO, answer: int | None
) -> None:
    text = "canary@example.com 380509998877 Birdstreet"
    world.api.answer = answer
    for change in (
        order(contact=CANARY, delivery_address="Birdstreet 1"),
        cart(contact=CANARY),
        customer(CANARY, id="4711"),
    ):
        world.serve(world.body(change, text=text))
    world.serve(b'{"email": "canary@example.com", ')
    world.clock.advance(MINUTE_MS)
    records = world.receive_messages()
    attributes = [record["attributes"] for record in records]
    world.consume(records)
    keys = [
        value for item in world.items() for value in (item["pk"], item["sk"], item.get("reason"), item.get("entity"))
    ]
    assert "little-shop" in log.getvalue()
    for secret in SECRETS:
        assert secret not in log.getvalue() + str(attributes) + str(keys) + str(world.reports)


def test_waiting_message_contains_no_signature(world: World) -> None:
    world.put_into_queue(world.body(order()))
    (record,) = world.receive_messages()
    assert "a-secret" not in record["body"]
    assert "x-test-topic" in record["body"]


def test_waiting_message_contains_only_headers_of_the_platform(world: World) -> None:
    with world.outage("dynamodb"):
        world.receive(world.body(order()), headers={"x-test-topic": "t", "cookie": "c=1", "user-agent": "u"})
    (record,) = world.receive_messages()
    assert unpack(record["body"]).webhook.headers == {"x-test-topic": "t"}
