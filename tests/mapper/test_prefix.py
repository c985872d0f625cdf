"""The setting `id_prefix`: it is in front of the ids of customers and orders in every request."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from shopwire import platforms
from shopwire.mapper import ApiRequest, contact_requests, delete_request, erase_requests
from shopwire.models import Contact, Delivery
from shopwire.platforms.base import Platform
from shopwire_dev.demo_shops import demo_settings, parse_shops
from shopwire_testkit.expected import result
from shopwire_testkit.fetched import CannedApi, with_state
from shopwire_testkit.samples import Sample, samples, signed_webhook
from tests.support.changes import ANNA

PREFIX = "little-shop:"
_NOW = 1_767_225_600_000
_IDS = ("externalCustomerId", "externalOrderId", "externalOrderIds")
SAMPLES = [sample for name in platforms.NAMES for sample in samples(name)]
GUEST = Contact(customer_id="77")


def requests_of(sample: Sample, known: bool, **settings: Any) -> list[ApiRequest]:
    """Return the requests of a sample's deliveries, for a contact with a customer id where the sample names none."""
    platform: Platform = platforms.get(sample.platform)
    name = sample.platform if sample.platform in platforms.OF_SHOPS else platforms.OF_SHOPS[0]
    shop = parse_shops(demo_settings())[f"demo-{name}"].model_copy(update=settings)
    webhook = signed_webhook(platform, sample.topic, sample.body, shop, _NOW)
    found: list[ApiRequest] = []
    deliveries: list[Delivery] = platform.read(webhook, shop)
    for delivery in deliveries:
        change = with_state(delivery.change, platform, shop, CannedApi(sample.answers))
        expected = result(change, shop, known=known, contact=ANNA)
        found += expected if isinstance(expected, list) else []
    return found


def ids_of(value: Any) -> Iterator[str]:
    """Yield the ids of customers and orders in a body."""
    if isinstance(value, list):
        for part in value:
            yield from ids_of(part)
    elif isinstance(value, dict):
        if value.get("name") in _IDS:
            yield value["value"]
        for name, part in value.items():
            if name in _IDS:
                yield from part if isinstance(part, list) else [part]
            else:
                yield from ids_of(part)


def without_prefix(request: ApiRequest) -> str:
    return f"{request.method} {request.path} {request.body.decode()}".replace(PREFIX, "")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("orders", ["events", "orders", "both"])
@pytest.mark.parametrize("key_value", ["contact", "order"])
def test_every_id_of_every_request_has_the_prefix(known: bool, orders: str, key_value: str) -> None:
    paths = set()
    for sample in SAMPLES:
        plain = requests_of(sample, known, orders=orders, key_value=key_value)
        prefixed = requests_of(sample, known, orders=orders, key_value=key_value, id_prefix=PREFIX)
        assert [request.path for request in plain] == [request.path for request in prefixed]
        for bare, request in zip(plain, prefixed, strict=True):
            paths.add(bare.path)
            body, before = json.loads(request.body), json.loads(bare.body)
            assert all(id.startswith(PREFIX) for id in ids_of(body)), sample.topic
            assert [id.removeprefix(PREFIX) for id in ids_of(body)] == list(ids_of(before))
            assert without_prefix(request) == without_prefix(bare)
            if key_value == "order" and "order" in body.get("eventTypeKey", ""):
                assert body["keyValue"].startswith(PREFIX)
    assert {"v1/event", "v1/orders"} & paths


def test_key_of_a_contact_with_only_an_id_has_the_prefix() -> None:
    from shopwire.mapper import view_steps
    from tests.support.changes import view

    (step,) = view_steps(view().view, GUEST, PREFIX)
    assert json.loads(step.request.body)["keyValue"] == f"{PREFIX}77"


def test_contacts_deletions_and_erasures_have_the_prefix() -> None:
    (contact,) = contact_requests(ANNA, id_prefix=PREFIX)
    assert json.loads(contact.body)["externalCustomerId"] == f"{PREFIX}77"
    assert delete_request("77", PREFIX).path == "v1/contact?externalCustomerId=little-shop%3A77&erase=false"
    person, orders = erase_requests(GUEST, (), ["1001"], PREFIX)
    assert person.path == "v1/contact?externalCustomerId=little-shop%3A77&erase=true"
    assert json.loads(orders.body) == {"externalOrderIds": [f"{PREFIX}1001"]}
    assert not re.search("little-shop", contact_requests(ANNA)[0].body.decode())
