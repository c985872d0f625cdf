"""`shopwire person` with the running `shopwire dev`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shopwire_cli.main import main
from shopwire_dev.stack import DevStack
from shopwire_testkit.samples import samples
from tests.dev.test_stack import call, within

Captured = pytest.CaptureFixture[str]
SHOP = "demo-shopify"


@pytest.fixture(scope="module")
def stack() -> Iterator[DevStack]:
    """A running stack that has the sample of an order."""
    stack = DevStack()
    stack.start()
    assert main(["send", "shopify", "orders/create", "--url", stack.url]) == 0
    yield stack
    stack.stop()


def person(stack: DevStack, *words: str) -> int:
    return main(["person", *words, "--shop", SHOP, "--url", stack.url, "--yes", SHOP])


def email_of_the_sample() -> str:
    (sample,) = [sample for sample in samples("shopify") if sample.name == "orders/create"]
    return str(json.loads(sample.body)["email"])


def test_person_of_a_webhook_is_shown_and_erased(stack: DevStack, tmp_path: Path, capsys: Captured) -> None:
    email, file = email_of_the_sample(), tmp_path / "person.json"
    assert person(stack, "show", "--email", email, "--output", str(file)) == 0
    found = json.loads(file.read_text())
    assert len(found["orders"]) == 1
    assert email in json.dumps(found["contacts"])
    assert person(stack, "erase", "--email", email) == 0
    assert email not in "".join(capsys.readouterr())
    assert within(30, lambda: stack.emulator.state()["contacts"] == [])
    assert within(30, lambda: stack.emulator.state()["orders"] == {})
    assert person(stack, "show", "--email", email, "--print") == 0
    left = json.loads(capsys.readouterr().out)
    assert (left["orders"], email in json.dumps(left)) == ([], False)


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        ("show", b"[]", "`shop` is required"),
        ("show", b"{", "the body is not JSON"),
        ("show", b'{"shop": "none", "id": "7"}', "there is no such shop"),
        ("erase", b'{"shop": "demo-shopify", "id": 7}', "`email`, `phone` and `id` must be text"),
        ("erase", b'{"shop": "demo-shopify"}', "no usable e-mail address, phone or customer id is named"),
        ("erase", b'{"shop": "demo-shopify", "id": "7", "orders": "1"}', "`orders` must be a list of ids"),
    ],
)
def test_wrong_request_is_a_400(stack: DevStack, path: str, body: bytes, error: str) -> None:
    assert call(f"{stack.url}/dev/person/{path}", body) == (400, {"error": error})


def test_wrong_person_is_one_line(stack: DevStack, capsys: Captured) -> None:
    assert person(stack, "show", "--email", "ann") == 2
    assert capsys.readouterr().err == "shopwire person: no usable e-mail address, phone or customer id is named\n"
