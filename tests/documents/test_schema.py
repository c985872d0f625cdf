"""The JSON Schemas of the generic format are those of its models, and say the same about bodies."""

import json
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


def is_valid(body: dict[str, Any]) -> bool:
    schema = json.loads((FOLDER / f"{body['type']}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=FormatChecker()).is_valid(body)


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
