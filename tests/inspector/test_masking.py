"""Masking: ids, times, money and states are shown, whatever may say who somebody is is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire_inspector.masking import COVERED, masked
from shopwire_testkit.samples import samples

CANARIES = ("oksana", "hrytsenko", "example.com", "38050", "гриценко", "городоцька", "honchar")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"id": 6120431591701, "note": "ring twice"}, {"id": 6120431591701, "note": COVERED}),
        ({"updated_at": "2026-10-05T10:12:30+03:00"}, {"updated_at": "2026-10-05T10:12:30+03:00"}),
        ({"total_price": "25.00", "currency": "UAH"}, {"total_price": "25.00", "currency": "UAH"}),
        ({"financial_status": "paid"}, {"financial_status": "paid"}),
        ({"status": "call Anna"}, {"status": COVERED}),
        ({"number": "+380501112233"}, {"number": COVERED}),
        ({"id": "anna@example.com"}, {"id": COVERED}),
        ({"first_name": "Anna", "state": "enabled"}, {"first_name": COVERED, "state": "enabled"}),
        ({"name": "externalCustomerId", "value": "380501112233"}, {"name": "externalCustomerId", "value": COVERED}),
        ({"name": "email", "value": "anna@example.com"}, {"name": "email", "value": COVERED}),
        ({"name": "totalCost", "value": "25.00"}, {"name": "totalCost", "value": "25.00"}),
        ({"name": "items", "value": '{"cost": 5, "a": "Mug"}'}, {"name": "items", "value": {"cost": 5, "a": COVERED}}),
        ({"taxes_included": True, "cancelled_at": None}, {"taxes_included": True, "cancelled_at": None}),
    ],
)  # fmt: skip
def test_only_what_is_known_to_be_nobodys_is_shown(value: object, shown: object) -> None:
    assert masked(value) == shown


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
def test_nobody_is_to_be_found_in_any_masked_sample(platform: str) -> None:
    for sample in samples(platform):
        text = json.dumps(masked(json.loads(sample.body)), ensure_ascii=False).lower()
        assert [canary for canary in CANARIES if canary in text] == [], sample.name


@given(
    st.recursive(
        st.text() | st.integers() | st.booleans() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_can_be_masked_and_no_address_gets_through(value: object) -> None:
    assert "@" not in json.dumps(masked({"wrapped": value, "mail": "a@b.c"}).get("mail"))
    json.dumps(masked(value))
