"""Numbers and JSON in requests: amounts as plain text, and JSON that keeps every digit."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shopwire.errors import Unmappable
from shopwire.mapper import order_steps
from shopwire.mapper.params import dump, json_text, plain, rounded
from shopwire.models import Item, Reason
from tests.support.api_requests import params
from tests.support.changes import order, shop


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("25.00", "25.00"),
        ("25", "25"),
        ("0.00", "0.00"),
        ("-0", "0"),
        ("-0.00", "0.00"),
        ("-3.50", "-3.50"),
        ("1E+3", "1000"),
        ("1E-7", "0.0000001"),
        ("0E+3", "0"),
        ("-0E-3", "0.000"),
        ("1E+40", "1" + "0" * 40),
        ("1E-40", "0." + "0" * 39 + "1"),
        ("123456789012345678901234567890.12", "123456789012345678901234567890.12"),
    ],
)
def test_amount_is_plain_text_with_the_given_digits(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


ENDLESS = ["1e41", "1e-41", "0e41", "-0e-41", "0e-100000000", "1e999999", "1." + "0" * 41, "NaN", "sNaN", "-Infinity"]


@pytest.mark.parametrize("amount", ENDLESS)
@pytest.mark.parametrize("write", [plain, json_text])
def test_exponent_beyond_40_is_never_written_out(write: Callable[[Decimal], str], amount: str) -> None:
    with pytest.raises(Unmappable) as error:
        write(Decimal(amount))
    assert error.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("amount", ["1e60", "1e999999", "Infinity"])
def test_amount_with_more_digits_than_the_context_is_not_rounded(amount: str) -> None:
    with pytest.raises(Unmappable):
        rounded(Decimal(amount), Decimal("0.01"))


@pytest.mark.parametrize(
    ("currency", "cost", "text"),
    [
        ("UAH", "33.335", "33.34"),
        ("UAH", "33.3333333333", "33.33"),
        ("JPY", "1000.5", "1001"),
        ("KWD", "90.95749999999999999999999999", "90.958"),
        ("UAH", "33.33499999", "33.33"),
        ("KWD", "1.23456", "1.235"),
        ("UAH", "-0.004", "0"),
        ("UAH", "12345678901234567890123456789.015", "12345678901234567890123456789.02"),
    ],
)
def test_cost_is_rounded_to_the_digits_of_the_currency(currency: str, cost: str, text: str) -> None:
    items = (Item(id="1", quantity=Decimal(1), cost=Decimal(cost)),)
    (step,) = order_steps(order(currency=currency, items=items).order, shop(), None, recent=True)
    assert params(step.request)["items"] == f'[{{"externalItemId":"1","quantity":1,"cost":{text}}}]'


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20).filter(
        lambda amount: amount.as_tuple().exponent >= -40  # type: ignore[operator]  # it is finite
    )
)
@example(Decimal("443689210265776.5157353157582855713390822076919954882642"))
def test_number_in_json_is_exact(amount: Decimal) -> None:
    written = json_text(amount)
    assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == amount
    assert "E" not in written.upper()


JSON = st.recursive(
    st.text() | st.integers(-(10**30), 10**30) | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_text_means_the_same_value(value: Any) -> None:
    assert json.loads(json_text(value)) == value


@given(st.decimals(allow_nan=False, min_value=-(10**30), max_value=10**30, places=6))
def test_rounding_changes_at_most_half_a_step(amount: Decimal) -> None:
    assert abs(rounded(amount, Decimal("0.01")) - amount) <= Decimal("0.005")


def test_bytes_are_utf_8_and_compact() -> None:
    assert dump({"ж": ["ї", 1]}) == '{"ж":["ї",1]}'.encode()


@pytest.mark.parametrize(
    ("currency", "cost"),
    [("UAH", "33.33"), ("JPY", "33"), ("KWD", "33.333"), ("CLF", "33.3333"), ("BTC", "33.33333333")],
)
def test_price_of_a_unit_that_does_not_divide_has_the_digits_of_the_currency(currency: str, cost: str) -> None:
    item = Item(id="55", quantity=Decimal(3), cost=Decimal(100) / 3)
    (step,) = order_steps(order(currency=currency, items=(item,)).order, shop(), None, recent=True)
    assert json.loads(params(step.request)["items"], parse_float=str)[0]["cost"] == (
        int(cost) if currency == "JPY" else cost
    )
