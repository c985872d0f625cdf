"""Fresh samples: which ids and dates change, that nothing else does, and when a body cannot be made fresh."""

import json
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shopwire import platforms
from shopwire.platforms.base import SampleFields
from shopwire_testkit.fresh import NotRefreshable, refresh

NOW = 1_767_225_600_789  # 2026-01-01T00:00:00.789Z
SHOPIFY, WOOCOMMERCE, STOREFRONT = (
    platforms.get(name).sample_fields for name in ("shopify", "woocommerce", "storefront")
)

SHOPIFY_ORDER = rb"""{"id": 820982911946154508, "admin_graphql_api_id": "gid:\/\/shopify\/Order\/820982911946154508",
 "created_at": "2025-03-01T10:00:00+02:00", "updated_at": "2025-03-01T12:30:00+02:00",
 "cart_token": "cart-of-ann", "note": "\u0413\u043e 2025-03-01 cart-of-ann", "total_price": "820.98",
 "fulfillments": [{"id": 77, "order_id": 820982911946154508, "created_at": "2025-03-01T09:30:00.250Z"}]}"""

WOOCOMMERCE_ORDER = b"""{"id":727,"number":"727","total":"727.00","date_created":"2025-03-01T12:00:00",
"date_created_gmt":"2025-03-01T10:00:00","date_modified_gmt":"2025-03-01T10:05:00","date_paid":null,
"line_items":[{"id":7270,"quantity":727,"price":727}],"refunds":[{"id":9,"order_id": 727}]}"""


def test_long_id_and_token_change_everywhere_and_dates_move_to_now() -> None:
    fresh = refresh(SHOPIFY_ORDER, SHOPIFY, NOW, 4)
    assert fresh == (
        SHOPIFY_ORDER.replace(b"820982911946154508", b"1767225600789004")
        .replace(b'"cart-of-ann"', json.dumps(json.loads(fresh)["cart_token"]).encode())
        .replace(b"2025-03-01T10:00:00+02:00", b"2025-12-31T23:30:00+02:00")
        .replace(b"2025-03-01T12:30:00+02:00", b"2026-01-01T02:00:00+02:00")
        .replace(b"2025-03-01T09:30:00.250Z", b"2025-12-31T23:00:00.250Z")
    )
    assert json.loads(fresh)["cart_token"] != "cart-of-ann"


def test_short_id_changes_only_in_fields_of_ids_and_local_dates_move_too() -> None:
    fresh = json.loads(refresh(WOOCOMMERCE_ORDER, WOOCOMMERCE, NOW))
    assert fresh == {
        **json.loads(WOOCOMMERCE_ORDER),
        "id": 1767225600789000,
        "date_created": "2026-01-01T01:55:00",
        "date_created_gmt": "2025-12-31T23:55:00",
        "date_modified_gmt": "2026-01-01T00:00:00",
        "refunds": [{"id": 9, "order_id": 1767225600789000}],
    }


def test_seconds_since_1970_move_in_fields_whose_name_is_one_of_a_time() -> None:
    fields = SampleFields(ids=("data.orderId",), changed=("eventCreated",))
    body = {"eventCreated": 1740823500, "storeId": 1740823500, "data": {"orderId": "XJ12H", "paid_at": 1740823490}}
    body["answer"] = {"createTimestamp": 1740823400, "createDate": "2025-03-01 10:03:20 +0000"}
    fresh = json.loads(refresh(json.dumps(body).encode(), fields, NOW))
    assert fresh == {
        "eventCreated": NOW // 1000,
        "storeId": 1740823500,
        "data": {"orderId": fresh["data"]["orderId"], "paid_at": NOW // 1000 - 10},
        "answer": {"createTimestamp": NOW // 1000 - 100, "createDate": "2025-12-31 23:58:20 +0000"},
    }


def test_id_of_more_digits_than_python_reads_as_a_number_changes() -> None:
    old = "9" * 5000
    fresh = json.loads(refresh(json.dumps({"id": old, "note": old}).encode(), SHOPIFY, NOW))
    assert fresh == {"id": "1767225600789000", "note": "1767225600789000"}


def test_nested_id_and_php_date_change() -> None:
    fields = SampleFields(ids=("data.id", "data.cart.key"), changed=("data.updated_at",))
    body = {
        "event": "order.updated",
        "data": {
            "id": "55",
            "cart": {"key": "gid://cart/ї"},
            "total": "55",
            "created_at": {"date": "2025-03-01 09:00:00.000000", "timezone_type": 3, "timezone": "UTC"},
            "updated_at": {"date": "2025-03-01 10:00:00.500000", "timezone_type": 3, "timezone": "UTC"},
        },
    }
    fresh = json.loads(refresh(json.dumps(body).replace("/", "\\/").encode(), fields, NOW))
    assert fresh["data"].pop("cart")["key"] != "gid://cart/ї"
    assert fresh == {
        "event": "order.updated",
        "data": {
            "id": "1767225600789000",
            "total": "55",
            "created_at": {"date": "2025-12-31 23:00:00.000000", "timezone_type": 3, "timezone": "UTC"},
            "updated_at": {"date": "2026-01-01 00:00:00.500000", "timezone_type": 3, "timezone": "UTC"},
        },
    }


@pytest.mark.parametrize("written", ["2025-07-01 10:00:00.500000", "2025-02-01 10:00:00.500000"])
def test_php_date_of_a_zone_with_summer_time_moves_to_now(written: str) -> None:
    fields = SampleFields(ids=(), changed=("updated_at",))
    body = {"updated_at": {"date": written, "timezone_type": 3, "timezone": "Europe/Kyiv"}}
    fresh = json.loads(refresh(json.dumps(body).encode(), fields, NOW))
    assert fresh["updated_at"]["date"] == "2026-01-01 02:00:00.500000"


def test_date_moves_by_whole_seconds_and_keeps_its_offset() -> None:
    fresh = json.loads(refresh(b'{"updated_at": "2024-02-29T23:59:59.999-05:00"}', SHOPIFY, NOW))
    assert fresh == {"updated_at": "2025-12-31T19:00:00.999-05:00"}
    assert datetime.fromisoformat(fresh["updated_at"]).timestamp() == 1_767_225_600.999


def test_bodies_of_one_moment_are_different() -> None:
    assert len({refresh(SHOPIFY_ORDER, SHOPIFY, NOW, number) for number in range(100)}) == 100


def test_fresh_body_can_be_made_fresh_again_at_the_same_moment() -> None:
    fresh = refresh(SHOPIFY_ORDER, SHOPIFY, NOW)
    assert refresh(fresh, SHOPIFY, NOW, 1) != fresh


def test_body_of_a_visit_is_fresh_as_it_is() -> None:
    body = b'{"type": "page", "url": "https://shop.example/"}'
    assert refresh(body, STOREFRONT, NOW) == body
    cart = b'{"type": "cart", "cart": {"token": "c-1", "items": []}}'
    assert json.loads(refresh(cart, STOREFRONT, NOW))["cart"]["token"] != "c-1"


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'{"id":', b"\xff"])
def test_body_that_is_not_an_object_cannot_be_made_fresh(body: bytes) -> None:
    with pytest.raises(NotRefreshable, match=r"^the body is not a JSON object$"):
        refresh(body, SHOPIFY, NOW)


@pytest.mark.parametrize("body", [b"{}", b'{"name": "x"}', b'{"id": null, "date_created_gmt": "soon"}'])
def test_body_without_id_and_time_cannot_be_made_fresh(body: bytes) -> None:
    expected = r"has none of the fields .* \(id, date_modified_gmt, date_created_gmt\)$"
    with pytest.raises(NotRefreshable, match=expected):
        refresh(body, WOOCOMMERCE, NOW)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (rb'{"id": "\u0061bc", "updated_at": "2025-03-01T10:00:00Z"}', "id"),
        (b'{"id": 7, "updated_at": "20250301T100000Z"}', "updated_at"),
    ],
)
def test_field_that_stays_as_it_was_is_an_error(body: bytes, field: str) -> None:
    with pytest.raises(NotRefreshable, match=f"^the value of {field}.* could not be replaced$"):
        refresh(body, SHOPIFY, NOW)


TEXT = st.text('ab"\\é 0:-', max_size=6)


@given(
    st.dictionaries(
        st.sampled_from(("id", "token", "cart_token", "updated_at", "created_at", "x")),
        st.one_of(st.none(), st.booleans(), st.integers(), TEXT, st.datetimes().map(lambda moment: moment.isoformat())),
    )
)
@example({"id": "", "token": ": "})
def test_fresh_object_has_the_same_fields(fields: dict[str, object]) -> None:
    with suppress(NotRefreshable):
        fresh = json.loads(refresh(json.dumps(fields).encode(), SHOPIFY, NOW))
        assert fresh.keys() == fields.keys()
        assert {name for name in fields if fields[name] is None} == {name for name in fresh if fresh[name] is None}
