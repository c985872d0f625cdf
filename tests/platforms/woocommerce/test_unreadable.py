"""WooCommerce: whatever a body holds, reading it ends with a change or with Unreadable."""

import copy
import json
from contextlib import suppress
from datetime import UTC
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shopwire.errors import Unreadable
from shopwire.models import Webhook
from tests.support.woocommerce import BODIES, SHOP, WOO


def read(topic: str, body: bytes) -> Any:
    (delivery,) = WOO.read(Webhook(WOO.sign(topic, body, SHOP, 0), body, 0), SHOP)
    return delivery.change


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"7", b"{", b"\xff\xfe", b'{"id": null}', b"[" * 1000 + b"]" * 1000]
)
@pytest.mark.parametrize("topic", WOO.topics)
def test_a_body_that_is_none_is_unreadable(topic: str, body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(topic, body)


def test_a_part_nested_a_thousand_deep_is_unreadable_and_not_a_crash() -> None:
    deep = b'{"id": 1, "meta_data": ' + b"[" * 1000 + b"]" * 1000 + b"}"
    with pytest.raises(Unreadable):
        read("order.updated", deep)


# How long an example takes tells of the machine, not of the code.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ORDER = json.loads(BODIES["order.updated"])
FIELDS, LINE = sorted(ORDER), ORDER["line_items"][0]


@PATIENT
@given(topic=st.sampled_from((*WOO.topics, "x")), change=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=3))
def test_nothing_but_unreadable_is_raised_whatever_a_field_holds(topic: str, change: dict[str, Any]) -> None:
    body = copy.deepcopy(ORDER) | change
    with suppress(Unreadable):
        read(topic, json.dumps(body).encode())


AMOUNTS = st.decimals(allow_nan=True, allow_infinity=True).map(str) | st.integers(-(10**41), 10**41).map(str)
DATES = st.datetimes(timezones=st.just(UTC) | st.timezones() | st.none()).map(lambda moment: moment.isoformat())


@PATIENT
@given(
    amounts=st.lists(AMOUNTS, min_size=8, max_size=8),
    dates=st.lists(DATES, min_size=2, max_size=2),
    with_tax=st.booleans(),
)
def test_nothing_but_unreadable_is_raised_whatever_the_figures(
    amounts: list[str], dates: list[str], with_tax: bool
) -> None:
    total, tax, quantity, paid, shipping, refunded, charged, discount = amounts
    body = ORDER | {
        "prices_include_tax": with_tax,
        "date_created_gmt": dates[0],
        "date_modified_gmt": dates[1],
        "total": total,
        "total_tax": tax,
        "shipping_total": shipping,
        "shipping_tax": tax,
        "discount_total": discount,
        "refunds": [{"total": refunded}],
        "fee_lines": [{"id": 1, "name": "Fee", "total": charged, "total_tax": tax}],
        "line_items": [LINE | {"quantity": quantity, "total": paid, "total_tax": tax}],
    }
    with suppress(Unreadable):
        read("order.updated", json.dumps(body).encode())


@PATIENT
@given(topic=st.sampled_from(WOO.topics), raw=st.binary(max_size=60) | JSON.map(lambda one: json.dumps(one).encode()))
def test_nothing_but_unreadable_is_raised_whatever_the_bytes(topic: str, raw: bytes) -> None:
    with suppress(Unreadable):
        read(topic, raw)
