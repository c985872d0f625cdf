"""Mistakes in bodies: all of them are reported, each with its field, and none names a value."""

from typing import Any

import pytest

from tests.support.generic import BODIES, PLAIN, mistakes, order, read

ITEM = PLAIN["items"][0]
CONTACT = PLAIN["contact"]


@pytest.mark.parametrize("name", BODIES)
def test_sample_has_no_mistakes(name: str) -> None:
    assert mistakes(BODIES[name]) == {}


def test_all_mistakes_of_a_body_are_reported_at_once() -> None:
    body = PLAIN | {
        "format": 2,
        "created_at": "2026-11-26",
        "status": "paid",
        "currency": "гривня",
        "total": "1.085,00",
        "totl": 1,
        "items": [{"id": "", "quantity": 0, "total": -5}, ITEM | {"quantity": True, "price": 5}],
        "contact": {"email": "", "phone": None},
        "shipped": "yes",
        "coupons": "AUTUMN10",
    }
    del body["id"]
    assert mistakes(body) == {
        "format": "must be 1",
        "id": "is missing",
        "created_at": 'must be a time with its offset, like "2026-11-26T18:05:00.250+02:00"',
        "status": "must be INITIALIZED, IN_PROGRESS, DELIVERED or CANCELLED",
        "currency": "must be the code of a currency, three letters",
        "total": 'must be a number, best as text, like "1250.50"',
        "totl": "is no field of this type; did you mean `total`?",
        "items.0.id": "must not be empty",
        "items.0.quantity": "must be more than 0",
        "items.0.total": "must not be negative",
        "items.1.quantity": 'must be a number, best as text, like "1250.50"',
        "items.1.price": "is no field of this type",
        "contact": "must have an email, a phone or an id",
        "shipped": "must be true or false",
        "coupons": "must be a list",
    }


@pytest.mark.parametrize(
    ("body", "field", "problem"),
    [
        (b"", "body", "is not JSON"),
        (b"{", "body", "is not JSON"),
        (b"\xff", "body", "is not JSON"),
        (b"[]", "body", "must be an object"),
        (b"{}", "type", "is missing"),
        (b'{"type": 5}', "type", "must be text"),
        (b'{"type": "refund"}', "type", "must be one of order, cart, contact, order_deleted, parcel_delivered, erase"),
    ],
)
def test_body_that_is_of_no_type_says_so(body: bytes, field: str, problem: str) -> None:
    assert mistakes(body) == {field: problem}


@pytest.mark.parametrize(
    ("sample", "changes", "field", "problem"),
    [
        ("order", {"id": 0}, "id", "must be an id: not 0, and not only blanks"),
        ("order", {"id": 10.5}, "id", "must be text"),
        ("order", {"id": True}, "id", "must be text"),
        ("order", {"id": "x" * 256}, "id", "is too long"),
        ("order", {"version": 3}, "version", 'must be a time with its offset, like "2026-11-26T18:05:00.250+02:00"'),
        ("order", {"version": "2026-13-26T18:05:00Z"}, "version", "must be a time that exists"),
        ("order", {"created_at": "2026-11-26T18:05:00"}, "created_at", None),
        ("order", {"created_at": "0000-00-00 00:00:00"}, "created_at", None),
        ("order", {"total": "NaN"}, "total", None),
        ("order", {"total": "9" * 41}, "total", "must have at most 40 digits"),
        ("order", {"total": None}, "total", None),
        ("order", {"shipping": ""}, "shipping", None),
        ("order", {"cart_token": "кошик"}, "cart_token", "must be printable ASCII without @"),
        ("order", {"contact": CONTACT | {"id": "ann@example.com"}}, "contact.id", None),
        (
            "order",
            {"contact": CONTACT | {"consent": {"at": "2026-11-26T18:00:00Z"}}},
            "contact.consent.subscribed",
            None,
        ),
        ("order", {"contact": CONTACT | {"address": "Lviv"}}, "contact.address", "must be an object"),
        ("order", {"items": [ITEM | {"quantity": "1e-30"}]}, "items.0.quantity", None),
        ("order", {"items": {"0": ITEM}}, "items", "must be a list"),
        ("order", {"source": "phone"}, "source", "must be online or offline"),
        ("cart", {"token": " "}, "token", "must be printable ASCII without @"),
        ("cart", {"items": [{"id": 1, "quantity": 1}]}, "items.0.price", "is missing"),
        ("contact", {"contact": {"email": "ann@example.com"}}, "contact", None),
        ("erase", {"orders": None}, "orders", "must be a list"),
        ("erase", {"contact": {"email": "none"}}, "contact", "none of its addresses can be used"),
        ("order_deleted", {"version": "2026-11-26T18:00:00Z"}, "version", "is no field of this type"),
        ("parcel_delivered", {"parcel_id": None}, "parcel_id", "must be text"),
    ],
)
def test_mistake_names_its_field(sample: str, changes: dict[str, Any], field: str, problem: str | None) -> None:
    found = mistakes(BODIES[sample] | changes)
    assert set(found) == {field}
    if problem:
        assert found[field] == problem


@pytest.mark.parametrize(
    ("body", "field", "meant"),
    [
        (PLAIN | {"createdAt": 1}, "createdAt", "created_at"),
        (PLAIN | {"consent": {}}, "consent", "contact.consent"),
        (PLAIN | {"items": [ITEM | {"quantities": 1}]}, "items.0.quantities", "quantity"),
        (PLAIN | {"contact": {"id": 1, "adress": {}}}, "contact.adress", "address"),
        (PLAIN | {"contact": {"id": 1, "shipping": 1}}, "contact.shipping", "shipping"),
    ],
)
def test_unknown_field_suggests_the_one_that_is_meant(body: dict[str, Any], field: str, meant: str) -> None:
    assert mistakes(body)[field] == f"is no field of this type; did you mean `{meant}`?"


def test_unknown_field_of_a_part_does_not_suggest_a_field_of_another_part() -> None:
    assert mistakes(PLAIN | {"contact": {"id": 1, "name": "Ann"}})["contact.name"] == "is no field of this type"


def test_mistakes_name_no_value_and_no_field_that_is_no_name() -> None:
    body = PLAIN | {
        "ann@example.com": 1,
        "status": "canary",
        "source": "canary",
        "total": "canary",
        "created_at": "canary",
        "id": {"canary": 1},
        "contact": {"email": 5, "canary canary": 1},
    }
    found = mistakes(body)
    assert "canary" not in str(found)
    assert "@" not in str(found)
    assert found["(unknown)"] == found["contact.(unknown)"] == "is no field of this type"


def test_body_with_very_many_mistakes_lists_a_hundred() -> None:
    assert len(mistakes(PLAIN | {"items": [{}] * 1000})) == 100


@pytest.mark.parametrize(
    "typed",
    [{"email": "no address", "phone": "12"}, {"email": "ann@example", "phone": "???"}, {"phone": "0671234567,"}],
)
def test_what_people_typed_is_no_mistake(typed: dict[str, Any]) -> None:
    assert mistakes(PLAIN | {"contact": typed}) == {}


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_null_and_blank_text_are_missing(nothing: str | None) -> None:
    fields = ("number", "status_text", "note", "url", "store_id", "cart_token", "cancel_reason", "payment_method")
    found = order(**dict.fromkeys(fields, nothing))
    assert (found.number, found.note, found.url, found.store_id, found.cart_token) == (None,) * 5


def test_ids_and_amounts_may_be_numbers() -> None:
    found = order(id=9007199254740993, total=1085, items=[ITEM | {"id": 733, "quantity": 2, "total": 0.1}])
    assert (found.id, str(found.total), found.items[0].id) == ("9007199254740993", "1085", "733")
    assert str(found.items[0].cost) == "0.05"
    assert read(BODIES["contact"]).id == "77"
