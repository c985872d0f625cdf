"""Each outcome and each reason in the code has a sentence in the inspector."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import shopwire
from shopwire.delivery.task import Outcome
from shopwire_inspector.words import OUTCOMES, explain

_RAISED = {
    *("Ignored", "Nothing", "Unmappable", "NeverThis", "NotNow", "NotSeen", "Unsigned", "NotVerified", "Wait"),
    *("Outcome", "_line_up", "_queue_unmarked", "_put_in_outbox"),
}


def reasons() -> Iterator[str]:
    """Yield each literal reason in the package. A placeholder in it becomes "x"."""
    for path in Path(shopwire.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["reason"]:
                yield from filter(None, [_text(node.value)])  # a reason that two places use is a variable
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _RAISED:
                yield from filter(None, map(_text, node.args))


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)) if " " in text:
            return text
        case ast.JoinedStr(values=values):
            return "".join(value.value if isinstance(value, ast.Constant) else "x" for value in values)
    return ""


def test_reasons_in_the_code_are_found() -> None:
    assert {"the cart became an order", "paused: x", "order not seen"} <= set(reasons())


@pytest.mark.parametrize("reason", sorted(set(reasons()) - {"x"}))
def test_each_reason_has_a_sentence(reason: str) -> None:
    assert len(explain("ignored", reason)) == 2


@pytest.mark.parametrize("outcome", get_args(get_type_hints(Outcome)["status"]))
def test_each_outcome_has_a_sentence(outcome: str) -> None:
    assert explain(outcome, None) == [OUTCOMES[outcome]]


def test_unknown_reason_adds_no_sentence() -> None:
    assert explain("ignored", "never heard") == [OUTCOMES["ignored"]]
    assert not re.search(r"\bx\b", "".join(OUTCOMES.values()))
