"""Masking: ids, times, amounts and states stay visible, personal data is hidden."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire_inspector.masking import MASK, mask
from shopwire_testkit.samples import samples

CANARIES = ("oksana", "hrytsenko", "example.com", "38050", "гриценко", "городоцька", "honchar")


@pytest.mark.parametrize(
    ("value", "visible"),
    [
        ({"id": 6120431591701, "note": "ring twice"}, {"id": 6120431591701, "note": MASK}),
        ({"updated_at": "2026-10-05T10:12:30+03:00"}, {"updated_at": "2026-10-05T10:12:30+03:00"}),
        ({"total_price": "25.00", "currency": "UAH"}, {"total_price": "25.00", "currency": "UAH"}),
        ({"financial_status": "paid"}, {"financial_status": "paid"}),
        ({"status": "call Anna"}, {"status": MASK}),
        ({"number": "+380501112233"}, {"number": MASK}),
        ({"id": "anna@example.com"}, {"id": MASK}),
        ({"first_name": "Anna", "state": "enabled"}, {"first_name": MASK, "state": "enabled"}),
        ({"name": "externalCustomerId", "value": "380501112233"}, {"name": "externalCustomerId", "value": MASK}),
        ({"name": "email", "value": "anna@example.com"}, {"name": "email", "value": MASK}),
        ({"name": "totalCost", "value": "25.00"}, {"name": "totalCost", "value": "25.00"}),
        ({"name": "items", "value": '{"cost": 5, "a": "Mug"}'}, {"name": "items", "value": {"cost": 5, "a": MASK}}),
        ({"taxes_included": True, "cancelled_at": None}, {"taxes_included": True, "cancelled_at": None}),
    ],
)  # fmt: skip
def test_only_fields_that_are_known_to_be_harmless_are_visible(value: object, visible: object) -> None:
    assert mask(value) == visible


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
def test_masked_samples_contain_no_personal_data(platform: str) -> None:
    for sample in samples(platform):
        text = json.dumps(mask(json.loads(sample.body)), ensure_ascii=False).lower()
        assert [canary for canary in CANARIES if canary in text] == [], sample.name


@given(
    st.recursive(
        st.text() | st.integers() | st.booleans() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_value_can_be_masked_and_no_email_remains(value: object) -> None:
    assert "@" not in json.dumps(mask({"wrapped": value, "mail": "a@b.c"}).get("mail"))
    json.dumps(mask(value))
