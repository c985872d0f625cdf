"""What holds for every platform, because the topic and the store of a call are mostly not signed.

A captured webhook has a valid signature for ever. It can be sent again under any topic, and with any other header.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shopwire import platforms
from shopwire.errors import NotVerified, Unreadable
from shopwire.models import DESTRUCTIVE, Change, Nothing, Reason, Webhook
from shopwire.platforms.base import Kind, Platform, Topic
from shopwire_testkit.samples import Sample, signed_webhook
from tests.support.conformance import NOW, PLATFORMS, each_platform, each_sample, read, samples_of, shop_of
from tests.support.corpus import BODIES, Body

STORE_IS_NAMED = [platform for platform in PLATFORMS if platform.store_example]

# WooCommerce writes the same body, `{"id": N}`, for every resource (SECURITY.md, "What a replay can still do").
SAME_BODY = {("woocommerce", "customer", "order.deleted"), ("woocommerce", "order", "customer.deleted")}
# Carts and checkouts do not say what they are. Both are snapshots of one cart, under the same token.
SAME_CART = {("shopify", "carts", "checkouts"), ("shopify", "checkouts", "carts")}


def resource(topic: str) -> str:
    """Return the resource of a topic: "orders" of "orders/create", "order" of "order.created"."""
    return re.split(r"\W", topic)[0]


def changes_under(platform: Platform, topic: Topic, body: bytes) -> list[Change]:
    """Return the changes that a body causes under a topic, signed as the platform would."""
    return [change for change in read(platform, topic.name, body) if not isinstance(change, Nothing)]


def harm(platform: Platform, own_topic: str, body: bytes) -> Iterator[str]:
    """Yield what a captured body does under other topics that it does not do under its own."""
    own = resource(own_topic)
    for topic in platform.topics:
        if signed_webhook(platform, topic.name, body, shop_of(platform), NOW).body != body:
            continue  # the signed body names its topic
        if topic.name == own_topic or (platform.name, own, topic.name) in SAME_BODY:
            continue
        changes = changes_under(platform, topic, body)
        other = resource(topic.name)
        if any(isinstance(change, DESTRUCTIVE) for change in changes):
            yield f"{topic.name} destroys"
        elif changes and other != own and (platform.name, own, other) not in SAME_CART:
            yield f"{topic.name} changes something"


@each_sample()
def test_sample_does_nothing_under_the_topic_of_another_resource(sample: Sample) -> None:
    assert list(harm(platforms.get(sample.platform), sample.topic, sample.body)) == []


# Where bodies say which resource they are, and what they say if they are another one.
OTHER_RESOURCES = {
    "admin_graphql_api_id": "gid://shopify/Product/1",
    "_links": {"self": [{"href": "https://shop.example/wp-json/wc/v3/products/1"}]},
}


@each_sample()
def test_body_that_says_that_it_is_another_resource_is_parked(sample: Sample) -> None:
    platform = platforms.get(sample.platform)
    shop, topic, parsed = shop_of(platform), platform.topic(sample.topic), json.loads(sample.body)
    for field in OTHER_RESOURCES.keys() & parsed.keys() if topic and topic.parse else ():
        body = json.dumps(parsed | {field: OTHER_RESOURCES[field]}).encode()
        with pytest.raises(Unreadable) as error:
            platform.read(signed_webhook(platform, sample.topic, body, shop, NOW), shop)
        assert error.value.reason is Reason.TOPIC_MISMATCH


@each_sample()
def test_sample_that_does_not_say_what_it_is_does_nothing_elsewhere(sample: Sample) -> None:
    parsed = json.loads(sample.body)
    rest = {name: value for name, value in parsed.items() if name not in OTHER_RESOURCES}
    assert list(harm(platforms.get(sample.platform), sample.topic, json.dumps(rest).encode())) == []


@pytest.mark.parametrize("captured", BODIES, ids=lambda captured: captured.name)
def test_captured_body_destroys_nothing_under_another_topic(captured: Body) -> None:
    platform = platforms.get(captured.platform)
    found = list(harm(platform, captured.topic, captured.body))
    parsed = json.loads(captured.body)
    says_what_it_is = isinstance(parsed, dict) and ("_links" in parsed or _is_gid(parsed.get("admin_graphql_api_id")))
    assert [text for text in found if says_what_it_is or text.endswith("destroys")] == []


def _is_gid(value: object) -> bool:
    return str(value).startswith("gid://")


DESTROYING = [
    (platform, topic, sample.body)
    for platform in PLATFORMS
    for topic in platform.topics
    if topic.destroys
    for sample in samples_of(platform)
    if sample.topic == topic.name
]
each_destroying_topic = pytest.mark.parametrize(
    ("platform", "topic", "body"), DESTROYING, ids=[f"{of.name}-{topic.name}" for of, topic, _ in DESTROYING]
)


@each_destroying_topic
def test_documented_body_of_a_destroying_topic_destroys(platform: Platform, topic: Topic, body: bytes) -> None:
    (change,) = changes_under(platform, topic, body)
    assert isinstance(change, DESTRUCTIVE)


def _with_another_field(body: Any) -> Iterator[Any]:
    """Yield the body with one more field in each of its objects, except PHP's dates, which say nothing else."""
    if isinstance(body, dict) and not body.keys() >= {"date", "timezone"}:
        yield body | {"name": "#1001"}
        for name, part in body.items():
            yield from (body | {name: other} for other in _with_another_field(part))


@each_destroying_topic
def test_body_with_another_field_destroys_nothing(platform: Platform, topic: Topic, body: bytes) -> None:
    shop = shop_of(platform)
    for other in _with_another_field(json.loads(body)):
        with pytest.raises(Unreadable) as error:
            platform.read(signed_webhook(platform, topic.name, json.dumps(other).encode(), shop, NOW), shop)
        assert error.value.reason is Reason.TOPIC_MISMATCH


@each_destroying_topic
def test_body_without_one_of_its_fields_destroys_nothing(platform: Platform, topic: Topic, body: bytes) -> None:
    parsed = json.loads(body)
    for name in parsed:
        without = json.dumps({other: value for other, value in parsed.items() if other != name}).encode()
        if signed_webhook(platform, topic.name, without, shop_of(platform), NOW).body == without:
            assert changes_under(platform, topic, without) == []  # otherwise `sign` adds the field


def test_topic_that_does_not_say_that_it_destroys_cannot() -> None:
    class Careless(type(platforms.get("shopify"))):  # type: ignore[misc]
        topics = tuple(replace(topic, destroys=False) for topic in platforms.get("shopify").topics)

    for platform, topic, body in DESTROYING:
        if platform.name == "shopify":
            assert read(Careless(), topic.name, body) == []


# The store of a call.


def without_store(platform: Platform, topic: Topic, body: bytes) -> Webhook:
    """Return the signed call without the header or the field of its envelope that names its store."""
    store = shop_of(platform).store
    fields = json.loads(body)
    rest = {name: value for name, value in fields.items() if topic.store_of or str(value) != store}
    body = body if rest == fields else json.dumps(rest).encode()
    webhook = signed_webhook(platform, topic.name, body, shop_of(platform), NOW)
    if webhook.body != body:  # `sign` added the store
        webhook = signed_webhook(platform, topic.name, body, shop_of(platform, store=None), NOW)
    return replace(webhook, headers={name: value for name, value in webhook.headers.items() if value != store})


@each_platform(STORE_IS_NAMED)
def test_call_that_does_not_name_its_store_is_refused(platform: Platform) -> None:
    for sample in samples_of(platform):
        topic = platform.topic(sample.topic)
        if not topic or topic.kind is Kind.UNUSED:
            continue  # nothing follows from it
        webhook = without_store(platform, topic, sample.body)
        if topic.store_of:
            platform.verify(webhook, shop_of(platform))  # its signed body names the store
            continue
        with pytest.raises(NotVerified) as error:
            platform.verify(webhook, shop_of(platform))
        assert error.value.reason is Reason.STORE_MISSING
        platform.verify(webhook, shop_of(platform, store=None))


NAMING = [
    (platform, topic, sample.body)
    for platform in PLATFORMS
    for topic in platform.topics
    if topic.store_of
    for sample in samples_of(platform)
    if sample.topic == topic.name
]
each_topic_that_names_its_store = pytest.mark.parametrize(
    ("platform", "topic", "body"), NAMING, ids=[f"{of.name}-{topic.name}" for of, topic, _ in NAMING]
)


@each_topic_that_names_its_store
def test_body_that_names_another_store_is_refused(platform: Platform, topic: Topic, body: bytes) -> None:
    shop = shop_of(platform)
    other = body.replace((shop.store or "").encode(), b"another-store.example")
    assert other != body
    webhook = signed_webhook(platform, topic.name, other, shop, NOW)
    for call in (webhook, without_store(platform, topic, other)):
        with pytest.raises(NotVerified) as error:
            platform.verify(call, shop)
        assert error.value.reason is Reason.OTHER_STORE
    # A webhook that waits is not verified again, and `store` may have changed.
    with pytest.raises(Unreadable) as unreadable:
        platform.read(webhook, shop)
    assert unreadable.value.reason is Reason.STORE_NOT_NAMED


@each_topic_that_names_its_store
def test_body_that_names_no_store_is_not_acted_on(platform: Platform, topic: Topic, body: bytes) -> None:
    shop = shop_of(platform)
    parsed = json.loads(body)
    unnamed = {name: value for name, value in parsed.items() if value != shop.store}
    assert unnamed != parsed
    for other in (unnamed, {}, []):
        webhook = signed_webhook(platform, topic.name, json.dumps(other).encode(), shop, NOW)
        platform.verify(webhook, shop)
        with pytest.raises(Unreadable) as error:
            platform.read(webhook, shop)
        assert error.value.reason in (Reason.TOPIC_MISMATCH, Reason.STORE_NOT_NAMED)


@each_destroying_topic
def test_erasure_request_is_parked_for_a_shop_without_a_store(platform: Platform, topic: Topic, body: bytes) -> None:
    shop = shop_of(platform, store=None)
    webhook = signed_webhook(platform, topic.name, body, shop, NOW)
    platform.verify(webhook, shop)
    if not topic.store_of:
        assert platform.read(webhook, shop)
        return
    with pytest.raises(Unreadable) as error:
        platform.read(webhook, shop)
    assert error.value.reason is Reason.STORE_NOT_NAMED
