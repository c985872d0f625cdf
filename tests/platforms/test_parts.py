"""Parts that several platforms share: PHP's lists and dates, amounts, and the fields that `sign` sets."""

import hashlib
import hmac
import json
import zoneinfo
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shopwire.errors import Unreadable
from shopwire.models import Webhook
from shopwire.models.base import Amount
from shopwire.platforms.parts import (
    Body,
    MoneyOrEmpty,
    Part,
    PhpList,
    PhpMoment,
    PhpObject,
    amount,
    parse,
    received_at,
    with_fields,
)
from shopwire.platforms.signatures import hex_signature, same


class Price(Body):
    """An object that PHP writes as a list if it is empty."""

    amount: Amount


class Example(Body):
    """A body with one field of each kind."""

    part: Part[int] = None
    numbers: PhpList[int] = []
    moment: PhpMoment | None = None
    money: MoneyOrEmpty = None
    price: PhpObject[Price] = None


def read(**fields: Any) -> Example:
    return parse(Example, json.dumps(fields).encode())


@pytest.mark.parametrize("odd", [None, [], {}, "x", 1.5])
def test_optional_part_of_another_shape_is_missing(odd: Any) -> None:
    assert read(part=odd).part is None
    assert read(part=7).part == 7


def test_object_may_be_an_empty_list_but_no_other_shape() -> None:
    assert read(price={"amount": 5}).price == Price(amount=Decimal(5))
    assert read(price=[]).price is None
    for odd in ([1], {}, {"amount": "x"}, "5", 0):
        with pytest.raises(Unreadable):
            read(price=odd)


@pytest.mark.parametrize("written", [[1, 2], {"0": 1, "3": 2}, {"7": 1, "8": 2}])
def test_list_may_be_an_object_with_numbers_as_keys(written: Any) -> None:
    assert read(numbers=written).numbers == [1, 2]


@pytest.mark.parametrize("written", [{"a": 1}, {"0": 1, "x": 2}, "12", 1])
def test_other_object_is_not_a_list(written: Any) -> None:
    with pytest.raises(Unreadable, match=r"^numbers: list_type$"):
        read(numbers=written)


@pytest.mark.parametrize(
    "written",
    [
        {"date": "2026-11-26 18:00:00.250000", "timezone_type": 3, "timezone": "UTC"},
        {"date": "2026-11-26 21:00:00.250000", "timezone_type": 3, "timezone": "Asia/Riyadh"},
        {"date": "2026-11-26 21:00:00.250000", "timezone_type": 1, "timezone": "+03:00"},
        {"date": "2026-11-26 18:00:00.250000", "timezone_type": 2, "timezone": "Z"},
        "2026-11-26T18:00:00.250Z",
    ],
)
def test_php_date_is_a_moment_in_its_time_zone(written: Any) -> None:
    assert read(moment=written).moment == datetime(2026, 11, 26, 18, 0, 0, 250_000, UTC)


def test_time_zones_do_not_depend_on_the_files_of_the_machine() -> None:
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    try:
        written = {"date": "2026-07-01 12:00:00.000000", "timezone_type": 3, "timezone": "Europe/Kyiv"}
        assert read(moment=written).moment == datetime(2026, 7, 1, 9, 0, 0, 0, UTC)
    finally:
        zoneinfo.reset_tzpath()


@pytest.mark.parametrize(
    "written",
    [
        {"date": "2026-11-26 18:00:00.000000"},
        {"date": "2026-11-26 18:00:00.000000", "timezone": "Nowhere/Else"},
        {"date": "2026-11-26 18:00:00.000000", "timezone": "../../etc/passwd"},
        {"date": "2026-11-26 18:00:00.000000", "timezone": "\0"},
        {"date": "2026-11-26 18:00:00.000000", "timezone": []},
        {"date": "soon", "timezone": "Asia/Riyadh"},
        {"date": "soon", "timezone": "UTC"},
        {"date": None, "timezone": "UTC"},
        "2026-11-26 18:00:00",
    ],
)
def test_date_without_a_known_time_zone_is_unreadable(written: Any) -> None:
    with pytest.raises(Unreadable, match=r"^moment: [a-z_]+$"):
        read(moment=written)


@pytest.mark.parametrize(("written", "expected"), [("1.50", Decimal("1.50")), ("", None), (None, None)])
def test_amount_may_be_empty(written: Any, expected: Decimal | None) -> None:
    assert amount(read(money=written).money) == expected


def test_time_of_arrival_is_in_utc() -> None:
    assert received_at(Webhook({}, b"", 1_767_225_600_789)) == datetime(2026, 1, 1, 0, 0, 0, 789_000, UTC)


# The fields that `sign` sets.


def test_field_is_added_and_the_rest_of_the_body_stays() -> None:
    body = b'{"price": 1.10, "event": "a", "name": "\\u0416"}\n'
    changed = with_fields(body, {"event": "b", "store": "магазин"})
    assert changed == '{"price": 1.10, "event": "a", "name": "\\u0416","event":"b","store":"магазин"}'.encode()
    assert json.loads(changed) == {"price": 1.1, "event": "b", "name": "Ж", "store": "магазин"}
    assert with_fields(b"{}", {"event": "b"}) == b'{"event":"b"}'


@pytest.mark.parametrize(
    "body", [b'{"store": 55}', b'{"store": "55"}', b"", b"[]", b'"text"', b"{", b"\xff", b"[" * 100_000]
)
def test_body_that_has_the_value_or_is_not_an_object_stays(body: bytes) -> None:
    assert with_fields(body, {"store": "55"}) == body


def test_hex_signature_is_the_lower_case_hmac() -> None:
    expected = hmac.new("ключ".encode(), b"message", hashlib.sha256).hexdigest()
    assert hex_signature("ключ", b"message") == expected


@pytest.mark.parametrize(
    ("given", "expected", "equal"), [("a", ("b", "a"), True), ("a", (), False), ("я", ("a",), False)]
)
def test_signature_is_compared_with_each_candidate(given: str, expected: tuple[str, ...], equal: bool) -> None:
    assert same(given, *expected) is equal


def test_each_candidate_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compare, compared = hmac.compare_digest, []

    def record_and_compare(given: bytes, expected: bytes) -> bool:
        compared.append((given, expected))
        return compare(given, expected)

    monkeypatch.setattr(hmac, "compare_digest", record_and_compare)
    assert same("a", "a", "b")
    assert compared == [(b"a", b"a"), (b"a", b"b")], "the time does not tell which candidate matched"
