"""The JSON Schemas of the generic format are those of its models, and say the same about bodies."""

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from shopwire.platforms.generic.bodies import FORMATS
from tests.support.generic import BODIES, PLAIN, mistakes
from tools.make_schema import FOLDER, schema_text

ITEM = PLAIN["items"][0]


@pytest.mark.parametrize("type", FORMATS)
def test_schema_is_made_of_the_models(type: str) -> None:
    assert (FOLDER / f"{type}.json").read_text(encoding="utf-8") == schema_text(type), "Run `make schema`"


def test_there_is_no_other_schema() -> None:
    assert {path.stem for path in FOLDER.glob("*")} == FORMATS.keys()


@cache
def validator(type: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{type}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker())


def is_valid(body: dict[str, Any]) -> bool:
    return validator(body["type"]).is_valid(body)


@pytest.mark.parametrize("name", BODIES)
def test_sample_is_valid(name: str) -> None:
    assert is_valid(BODIES[name])


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 7},
        {"number": None},
        {"number": ""},
        {"total": 5},
        {"total": "5"},
        {"coupons": []},
        {"source": None},
        {"parcels": [{"id": 1}]},
        {"id": None},
        {"id": True},
        {"id": ""},
        {"id": "x" * 256},
        {"format": 2},
        {"total": "5,00"},
        {"total": -5},
        {"total": None},
        {"total": True},
        {"shipping": ""},
        {"status": "paid"},
        {"currency": "hryvnia"},
        {"items": {}},
        {"items": [ITEM | {"quantity": 0}]},
        {"items": [ITEM | {"price": 5}]},
        {"shipped": "yes"},
        {"source": "phone"},
        {"note": 5},
        {"unknown": 1},
        {"contact": {"mail": "ann@example.com"}},
        {"contact": {"email": "ann@example.com", "consent": {"subscribed": "yes"}}},
    ],
    ids=str,
)
def test_schema_and_models_agree(changes: dict[str, Any]) -> None:
    body = PLAIN | changes
    assert is_valid(body) == (mistakes(body) == {})


VALUES: list[Any] = [
    *(None, True, {}, [], [None], 0, -1, 1.0, 1.5, 10**60, 1_791_191_560),
    *("", " ", "x", "0", "-0", "-1", "0.00", "1.", ".5", "1,5", "1e3", "\uff11", "9" * 41, "0." + "1" * 41),
    *(
        "null",
        "\u200b",
        "\ufffd",
        "a\nb",
        "a" * 255,
        "a" * 256,
        "a@example.com",
        "+380675550101",
        "\u0433\u0440\u043d",
        " usd ",
    ),
    *("2026-11-26T18:05:00Z", "2026-11-26 18:05+0200", "2026-11-26T18:05:00", "2026-11-26", "2026-11-26T24:00:00Z"),
    *("2026-13-26T18:05:00Z", "2026-11-26T18:05:60Z", "0000-01-01T00:00:00Z", "2026-11-26T18:05:00.1234567891Z"),
]
"""A schema cannot say how many days a month has, and a lone surrogate is no JSON."""


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for name, entry in entries:
        yield from paths(entry, (*path, name))


def changed(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return the body with another value of a field; without the field, if the value is `...`."""
    body = deepcopy(body)
    part: Any = body
    for name in path[:-1]:
        part = part[name]
    if value is ...:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return body


@pytest.mark.parametrize(
    "name", ["order", "order--shipped", "cart", "contact", "order_deleted", "parcel_delivered", "erase"]
)
def test_schema_accepts_what_the_models_accept_and_nothing_else(name: str) -> None:
    differ = []
    for path in paths(BODIES[name]):
        for value in (..., *VALUES) if path != ("type",) else ():
            body = changed(BODIES[name], path, value)
            if is_valid(body) != (mistakes(body) == {}):
                differ.append((path, value))
    assert differ == []
