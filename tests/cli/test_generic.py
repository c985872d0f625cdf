"""The command line with the generic format: its secrets, and all mistakes of a body at once."""

import base64
import json
from pathlib import Path

import pytest

from shopwire_cli.main import main
from shopwire_cli.shops_file import find_problems
from tests.support.generic import PLAIN

Captured = pytest.CaptureFixture[str]


def test_new_secret_is_that_of_standard_webhooks(capsys: Captured) -> None:
    assert main(["secret", "new", "generic"]) == 0
    prefix, _, key = capsys.readouterr().out.strip().partition("_")
    assert prefix == "whsec"
    assert 24 <= len(base64.b64decode(key)) <= 64


@pytest.mark.parametrize(("secret", "problem"), [("whsec_c2hvcnQ=", "at least 16 bytes"), ("whsk_AAAA", "whpk_")])
def test_secret_that_verifies_nothing_is_refused(secret: str, problem: str) -> None:
    settings = {"my-shop": {"platform": "generic", "secrets": [secret], "esputnik_key": "key"}}
    (text,) = find_problems(settings, ["my-shop"], deployed=False)
    assert text.startswith("shop my-shop: `secrets` contains")
    assert problem in text
    assert "shopwire secret new generic" in text
    assert secret.partition("_")[2] not in text


def test_map_names_every_mistake_of_a_body(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "order.json"
    file.write_text(json.dumps(PLAIN | {"total": "canary", "status": None}))
    assert main(["map", "generic", "order", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"shopwire map: {file}: `status` must be INITIALIZED, IN_PROGRESS, DELIVERED or CANCELLED",
        f'shopwire map: {file}: `total` must be a number, best as text, like "1250.50"',
    ]
