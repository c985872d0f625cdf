"""Shopify: whatever a body holds, reading it ends with a change or with Unreadable, which names no value."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shopwire import platforms
from shopwire.errors import Unreadable
from shopwire.models import Nothing, Shop, Webhook
from shopwire_testkit.samples import Sample, samples

SHOPIFY = platforms.get("shopify")
SHOP = Shop(id="shop", platform="shopify", secrets=("secret",), esputnik_key="key", region="UA")
SAMPLES = samples("shopify")
BODIES = {sample.name: sample.body for sample in SAMPLES}


def read(topic: str, body: bytes) -> Any:
    (delivery,) = SHOPIFY.read(Webhook({"x-shopify-topic": topic}, body, 0), SHOP)
    return delivery.change


READ = [topic for topic in SHOPIFY.topics if not isinstance(read(topic, BODIES[topic]), Nothing)] + [
    "orders/edited",
    "refunds/create",
    "fulfillments/create",
    "fulfillment_events/create",
]


@pytest.mark.parametrize("topic", sorted(set(READ) - {"shop/redact"}))
@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"null", b"[]", b'"text"', b"{}", b"{", b"a=b&c=d", b"\xff\xfe", b"[" * 1000 + b"]" * 1000, b"[{}]"],
)
def test_what_is_no_json_object_or_lacks_everything_is_refused(topic: str, body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(topic, body)


def test_a_refusal_names_the_field_never_the_value() -> None:
    body = BODIES["orders/create"].replace(b'"quantity": 1', b'"quantity": "hrytsenko@example.com"')
    with pytest.raises(Unreadable) as refused:
        read("orders/create", body)
    assert str(refused.value) == "line_items.0.quantity: decimal_parsing"


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["", " ", "NaN", "-0", "1e40", "9" * 40, "0." + "0" * 38 + "1", "0000-00-00", "2026-10-05"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def refused_or_read(topic: str, body: bytes) -> None:
    with suppress(Unreadable):
        read(topic, body)


@given(st.sampled_from(SHOPIFY.topics), st.binary(max_size=200))
def test_any_bytes_are_read_or_unreadable(topic: str, body: bytes) -> None:
    refused_or_read(topic, body)


@given(st.sampled_from(SHOPIFY.topics), JSON)
def test_any_json_is_read_or_unreadable(topic: str, body: Any) -> None:
    refused_or_read(topic, json.dumps(body).encode())


def with_part(body: Any, path: list[int], part: Any) -> Any:
    """The body with something else in one place: each step of the path picks a child."""
    if not path or not body or not isinstance(body, dict | list):
        return part
    keys = list(body) if isinstance(body, dict) else list(range(len(body)))
    key = keys[path[0] % len(keys)]
    copy = body.copy()
    copy[key] = with_part(body[key], path[1:], part)
    return copy


PATHS = st.lists(st.integers(0, 200), min_size=1, max_size=5)


@given(st.sampled_from(SAMPLES), st.lists(st.tuples(PATHS, JSON), min_size=1, max_size=3))
@example(next(one for one in SAMPLES if one.name == "carts/update"), [([2, 1, 2], "0." + "0" * 38 + "1")])
def test_a_sample_with_anything_anywhere_is_read_or_unreadable(one: Sample, parts: list[tuple[list[int], Any]]) -> None:
    body = json.loads(one.body)
    for path, part in parts:
        body = with_part(body, path, part)
    refused_or_read(one.topic, json.dumps(body).encode())
