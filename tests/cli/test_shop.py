"""`shopwire shop list`, `show` and `remove` on a deployed stack, with moto's AWS."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError

from shopwire.shops import Shops
from shopwire_cli import shop_parameters
from shopwire_cli.main import main
from tests.cli.shop_command import PATH, put, run

Captured = pytest.CaptureFixture[str]


def test_list_is_a_table_in_a_terminal_with_each_problem(
    ssm: Any, shops_file: Path, capsys: Captured, terminal: None
) -> None:
    put(capsys, shops_file)
    ssm.put_parameter(Name=f"{PATH}cid", Type="SecureString", Value='{"platform": "shopify"}')
    ssm.put_parameter(Name=f"{PATH}dan", Type="SecureString", Value="canary {")
    code, out, err = run(capsys, "list")
    assert (code, err) == (0, "")
    head, *rows = (re.split(r"\s{2,}", line) for line in out.splitlines())
    assert head == ["id", "platform", "store", "secrets", "changed", "problem"]
    assert [row[:4] for row in rows[:2]] == [
        ["ann", "woocommerce", "https://ann.example.com/", "…aaaa"],
        ["bob", "shopify", "bob.myshopify.com", "…aaaa …bbbb"],
    ]
    missing = "`secrets` is required; `esputnik_key` is required"
    assert [row[5] for row in rows] == ["-", "-", missing, "the settings are not JSON"]
    assert "canary" not in out


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_list_is_json_lines_in_a_pipe(ssm: Any, shops_file: Path, capsys: Captured, options: list[str]) -> None:
    put(capsys, shops_file)
    code, out, _ = run(capsys, "list", *options)
    ann, bob = map(json.loads, out.splitlines())
    assert (code, ann["id"], bob["secrets"]) == (0, "ann", "…aaaa …bbbb")
    assert ann["url"] == "https://x.example.com/webhooks/ann"


def test_empty_list_is_a_note_on_stderr(ssm: Any, capsys: Captured) -> None:
    assert run(capsys, "list") == (0, "", "no shop is connected: connect one with `shopwire shop put FILE`\n")


def test_show_prints_one_shop_with_its_secrets_masked(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    put(capsys, shops_file)
    code, out, _ = run(capsys, "show", "bob")
    shop = json.loads(out)
    assert code == 0
    assert shop.pop("changed")
    assert shop == {
        "id": "bob",
        "url": "https://x.example.com/webhooks/bob",
        "settings": {
            "platform": "shopify",
            "secrets": ["…aaaa", "…bbbb"],
            "esputnik_key": "…cccc",
            "store": "bob.myshopify.com",
        },
    }
    assert run(capsys, "show", "unknown")[0] == 2


@pytest.mark.parametrize(("typed", "code", "left"), [("y\n", 0, set()), ("\n", 2, {"ann"}), ("no\n", 2, {"ann"})])
def test_remove_asks(
    ssm: Any,
    shops_file: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    code: int,
    left: set[str],
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return typed

    put(capsys, shops_file, "ann")
    monkeypatch.setattr("sys.stdin", Terminal())
    assert run(capsys, "remove", "ann")[0] == code
    assert Shops(ssm, PATH).ids() == left


def test_remove_with_yes_does_not_ask(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    put(capsys, shops_file)
    code, out, err = run(capsys, "remove", "ann", "--yes")
    assert (code, out) == (0, "removed ann\n")
    assert "up to an hour" in err
    assert Shops(ssm, PATH).ids() == {"bob"}


def test_remove_of_an_unknown_shop_removes_nothing(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    put(capsys, shops_file)
    code, out, err = run(capsys, "remove", "ann", "unknown", "--yes")
    assert (code, out, err) == (2, "", "shopwire shop: no shop unknown: `shopwire shop list` lists the shops\n")
    assert Shops(ssm, PATH).ids() == {"ann", "bob"}


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (NoRegionError(), 2, "no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one"),
        (NoCredentialsError(), 2, "no AWS credentials: set AWS_PROFILE, or sign in"),
        (EndpointConnectionError(endpoint_url="x"), 1, "could not read the shops, AWS does not answer: Endpoint"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "x"), 1, "AWS refused to read the shops: AccessDenied"),
    ],
)
def test_failure_of_aws_is_one_line(
    ssm: Any, capsys: Captured, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, message: str
) -> None:
    def fail(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(BaseClient, "_make_api_call", fail)
    ended, out, err = run(capsys, "list")
    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert err.startswith(f"shopwire shop: {message}")


@pytest.mark.parametrize("body", ['{"error": "not found"}', "[]", "<html>"])
def test_server_that_is_not_dev_is_one_line(capsys: Captured, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    response = requests.Response()
    response.status_code, response._content = 200, body.encode()
    monkeypatch.setattr(shop_parameters, "send_request", lambda method, url: response)
    assert main(["shop", "list", "--url", "http://127.0.0.1:9/"]) == 1
    assert capsys.readouterr() == (
        "",
        "shopwire shop: http://127.0.0.1:9 is not `shopwire dev`, or one of another version: set --url, or start it "
        "again\n",
    )
