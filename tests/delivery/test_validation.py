"""An event type with validation: the API answers 400 and lists the params that it expects."""

import json
from typing import Any

import pytest

from shopwire.delivery.task import Outcome
from shopwire.models import Reason
from tests.support.changes import order, paid
from tests.support.delivery_world import World


def answer(text: Any) -> tuple[int, dict[str, str], bytes]:
    return 400, {}, text if isinstance(text, bytes) else json.dumps(text).encode()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            {"error": "x", "expectedParams": ["externalOrderId", "loyaltyLevel"]},
            "externalOrderId, loyaltyLevel",
        ),
        ({"errors": [{"name": "totalCost"}, {"name": "gift"}]}, "totalCost, gift"),
        (b"Expected params: [currency, externalOrderId]", "currency, externalOrderId"),
    ],
)
def test_names_of_expected_params_are_parked_with_the_webhook(world: World, text: Any, names: str) -> None:
    world.send(order())
    world.api.next_answers = [answer(text)]
    details = {"http_status": 400, "path": "v1/event", "params": names}
    assert world.deliver(paid()) == Outcome("parked", Reason.API_REJECTED, details)
    (parked,) = world.upkeep.parked.list("little-shop")
    assert parked.details["params"] == names


@pytest.mark.parametrize(
    "text",
    [
        {"error": "bad", "values": ["anna", "Anna", "Kovalenko", "anna@example.com", "380501112233"]},
        {"error": "Anna Kovalenko is no customer"},
        b"\xff\xfe",
        b"",
        b"[" * 100_000,
    ],
)
def test_answer_that_lists_no_params_leaves_only_its_status(world: World, text: Any) -> None:
    world.api.answer = answer(text)
    details = {"http_status": 400, "path": "v1/contact"}
    assert world.deliver(order()) == Outcome("parked", Reason.API_REJECTED, details)
