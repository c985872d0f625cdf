"""How long ids, numbers, tokens and currencies may be, because they become part of keys, entries and log lines."""

from typing import Any

import pytest

from shopwire.errors import InvalidValue
from shopwire.models import Cart, Delivery, Nothing, Parcel, Reason, View
from shopwire.models.base import usable_currency, usable_id, usable_token
from shopwire.models.contact import person
from tests.support.changes import START, order

TOKENS = ["a b", "c", "c1-7f3a_2.b", "x" * 255, "!~"]
NO_TOKENS = [
    "",
    " ",
    "a ",
    " a",
    "x" * 256,
    "anna@example.com",
    "a\n",
    "a\x1b[2J",
    "a\x00",
    "кошик",
    "\U0001f600",
    "a\u202eb",
]
NO_CURRENCIES = ["", "U", "UA", "UAHX", "uah", "грн", "U H", "UAH\n", "U4H", "$"]


@pytest.mark.parametrize("token", TOKENS)
def test_token_of_printable_ascii_is_accepted(token: str) -> None:
    assert Cart(token=token, updated_at=START).token == usable_token(f" {token} ") == token
    assert order(cart_token=token).cart_token == token


def test_key_that_opens_a_cart_is_no_part_of_its_token() -> None:
    assert usable_token("Z2NwLWV1cm9wZQ?key=1%2B") == usable_token("Z2NwLWV1cm9wZQ?key=") == "Z2NwLWV1cm9wZQ"
    assert usable_token("?key=1") is None


@pytest.mark.parametrize("token", NO_TOKENS)
def test_token_that_must_not_be_part_of_a_key_is_refused(token: str) -> None:
    for make in (
        lambda: Cart(token=token, updated_at=START),
        lambda: View(type="page", seen_at=START, cart_token=token),
        lambda: order(cart_token=token),
    ):
        with pytest.raises(InvalidValue, match="token"):
            make()
    assert usable_token(token) in (None, token.strip())


@pytest.mark.parametrize("currency", NO_CURRENCIES)
def test_currency_that_is_not_three_capital_letters_is_refused(currency: str) -> None:
    for make in (
        lambda: Cart(token="c", updated_at=START, currency=currency),
        lambda: View(type="page", seen_at=START, currency=currency),
        lambda: order(currency=currency),
    ):
        with pytest.raises(InvalidValue, match="currency"):
            make()
    assert usable_currency((None, currency, "EUR")) == "EUR"


@pytest.mark.parametrize("changes", [{"id": "9" * 256}, {"id": " "}, {"number": "9" * 256}])
def test_id_or_number_longer_than_255_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        order(**{"id": "1", **changes})
    with pytest.raises(InvalidValue):
        Parcel(id="9" * 256)


def test_optional_id_longer_than_255_counts_as_missing() -> None:
    assert [usable_id(value) for value in (" 7 ", "9" * 255, "9" * 256, " ", "", None)] == ["7", "9" * 255] + [None] * 4
    contact = person(emails=("anna@example.com",), phones=(), region=None, customer_id="9" * 256)
    assert contact.key == "anna@example.com"
    assert contact.customer_id is None


def test_address_longer_than_any_is_none() -> None:
    endless = "a" * 300_000 + "@example.com"
    assert person(emails=(endless, "anna@example.com"), phones=(), region=None).email == "anna@example.com"
    assert person(emails=(endless,), phones=(), region=None).unreachable_reason is Reason.ADDRESS_UNUSABLE


@pytest.mark.parametrize("topic", ["anna@example.com", "a b", "a\n", "x" * 101, "", "\x1b[2J", "тема"])
def test_text_that_is_no_topic_is_not_repeated(topic: str) -> None:
    assert Delivery(topic, "k", Nothing(Reason.UNKNOWN_TOPIC)).topic == "invalid"
    assert Delivery("an/unknown.topic", "k", Nothing(Reason.UNKNOWN_TOPIC)).topic == "an/unknown.topic"
