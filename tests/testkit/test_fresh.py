"""`refresh` changes the ids and dates of a sample, and nothing else."""

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire_testkit.fresh import refresh

NOW = 1_767_225_600_789  # 2026-01-01T00:00:00.789Z

SHOPIFY = rb"""{"id": 820982911946154508, "admin_graphql_api_id": "gid:\/\/shopify\/Order\/820982911946154508",
 "created_at": "2025-03-01T10:00:00+02:00", "updated_at": "2025-03-01T12:30:00+02:00",
 "cart_token": "cart-of-ann", "note": "\u0413\u043e 2025-03-01 cart-of-ann", "total_price": "820.98",
 "fulfillments": [{"id": 77, "order_id": 820982911946154508, "created_at": "2025-03-01T09:30:00.250Z"}]}"""

WOOCOMMERCE = b"""{"id":727,"number":"727","total":"727.00","date_created":"2025-03-01T12:00:00",
"date_created_gmt":"2025-03-01T10:00:00","date_modified_gmt":"2025-03-01T10:05:00","date_paid":null,
"line_items":[{"id":7270,"quantity":727,"price":727}],"refunds":[{"id":9,"order_id": 727}]}"""


def test_shopify_order_gets_new_id_token_and_dates() -> None:
    fresh = refresh(SHOPIFY, NOW, 4)
    assert fresh == (
        SHOPIFY.replace(b"820982911946154508", b"1767225600789004")
        .replace(b'"cart-of-ann"', json.dumps(json.loads(fresh)["cart_token"]).encode())
        .replace(b"2025-03-01T10:00:00+02:00", b"2025-12-31T23:30:00+02:00")
        .replace(b"2025-03-01T12:30:00+02:00", b"2026-01-01T02:00:00+02:00")
        .replace(b"2025-03-01T09:30:00.250Z", b"2025-12-31T23:00:00.250Z")
    )
    assert json.loads(fresh)["cart_token"] != "cart-of-ann"


def test_short_id_changes_only_in_id_fields_and_local_dates_move_too() -> None:
    fresh = json.loads(refresh(WOOCOMMERCE, NOW))
    assert fresh == {
        **json.loads(WOOCOMMERCE),
        "id": 1767225600789000,
        "date_created": "2026-01-01T01:55:00",
        "date_created_gmt": "2025-12-31T23:55:00",
        "date_modified_gmt": "2026-01-01T00:00:00",
        "refunds": [{"id": 9, "order_id": 1767225600789000}],
    }


def test_bodies_of_the_same_moment_differ_by_their_number() -> None:
    assert len({refresh(SHOPIFY, NOW, number) for number in range(100)}) == 100


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b'{"id":', b"\xff"])
def test_body_that_is_not_a_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        refresh(body, NOW)


TEXT = st.text('ab"\\é 0:-', max_size=6)


@given(
    st.dictionaries(
        st.sampled_from(("id", "token", "cart_token", "updated_at", "created_at", "x")),
        st.one_of(st.none(), st.booleans(), st.integers(), TEXT, st.datetimes().map(lambda moment: moment.isoformat())),
    )
)
def test_any_object_keeps_its_fields_and_its_nulls(fields: dict[str, object]) -> None:
    fresh = json.loads(refresh(json.dumps(fields).encode(), NOW))
    assert fresh.keys() == fields.keys()
    assert {name for name in fields if fields[name] is None} == {name for name in fresh if fresh[name] is None}


def test_date_moves_by_whole_seconds_and_keeps_its_offset() -> None:
    fresh = json.loads(refresh(b'{"updated_at": "2024-02-29T23:59:59.999-05:00"}', NOW))
    assert fresh == {"updated_at": "2025-12-31T19:00:00.999-05:00"}
    assert datetime.fromisoformat(fresh["updated_at"]).timestamp() == 1_767_225_600.999
