"""`shopwire map`: where the body comes from, which bodies and options are refused, what options do to the shop."""

from pathlib import Path

import pytest

from shopwire.models import Status
from shopwire_cli.main import main
from tests.cli.conftest import SetStdin
from tests.cli.stub_platform import StubPlatform

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"null", b'"x"', b"\xff\xfe", b'{"unreadable": 1}', b"a=1"])
def test_unusable_body_is_exit_2_with_nothing_on_stdout(
    stub: StubPlatform, capsys: Captured, set_stdin: SetStdin, body: bytes
) -> None:
    set_stdin(body)
    assert main(["map", "shopify", "stub"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("shopwire map: stdin: the body is ")
    assert err.count("\n") == 1


def test_body_nested_a_thousand_deep_is_exit_2(stub: StubPlatform, capsys: Captured, set_stdin: SetStdin) -> None:
    set_stdin(b'{"a":' * 1000 + b"1" + b"}" * 1000)
    assert main(["map", "shopify", "stub"]) == 2
    assert capsys.readouterr() == ("", "shopwire map: stdin: the body is not JSON\n")


@pytest.mark.parametrize("place", ["before", "between", "behind"])
def test_file_may_stand_before_and_behind_options(
    stub: StubPlatform, capsys: Captured, tmp_path: Path, place: str
) -> None:
    file = tmp_path / "body.json"
    file.write_bytes(b'{"a": "\\u0413\\/"}')
    words = {
        "before": ["--new", "--region", "UA", "shopify", "stub", str(file)],
        "between": ["shopify", "stub", "--new", str(file), "--region", "UA"],
        "behind": ["shopify", "stub", str(file), "--region", "UA", "--new"],
    }[place]
    assert main(["map", *words]) == 0
    assert stub.webhook is not None
    assert stub.webhook.body == b'{"a": "\\u0413\\/"}'
    assert stub.webhook.headers == {"x-topic": "stub"}
    assert stub.shop is not None
    assert stub.shop.region == "UA"


@pytest.mark.parametrize("file", [[], ["-"]])
def test_body_is_stdin_without_a_file_or_with_a_dash(
    stub: StubPlatform, capsys: Captured, set_stdin: SetStdin, file: list[str]
) -> None:
    set_stdin(b'{"b": 1}\r\n')
    assert main(["map", "shopify", "stub", *file]) == 0
    assert stub.webhook is not None
    assert stub.webhook.body == b'{"b": 1}\r\n'


def test_settings_of_the_shop_reach_the_platform(stub: StubPlatform, capsys: Captured) -> None:
    settings = "--region ua --item-id sku --shipped-is-delivered --status packed=IN_PROGRESS --status a=b=DELIVERED"
    settings += " --ignore-test-orders --key-value order --orders both"
    assert main(["map", "shopify", "stub", *settings.split()]) == 0
    shop = stub.shop
    assert shop is not None
    assert (shop.region, shop.item_id, shop.shipped_is_delivered) == ("UA", "sku", True)
    assert shop.statuses == {"packed": Status.IN_PROGRESS, "a=b": Status.DELIVERED}
    assert (shop.ignore_test_orders, shop.key_value, shop.orders) == (True, "order", "both")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--region UKR", "--region: must be a two-letter country code, like UA, not 'UKR'"),
        ("--contact ann", "--contact: must be a contact's e-mail address, like ann@example.com, not 'ann'"),
        ("--contact deleted@site.invalid", "--contact: must be a contact's e-mail address, like ann@example.com, not"),
        (
            "--status packed",
            "--status: must be WORD=STATUS, where STATUS is one of INITIALIZED, IN_PROGRESS, DELIVERED, CANCELLED",
        ),
        ("--status packed=SENT", "--status: must be WORD=STATUS, where STATUS is one of"),
        ("--fetched a.json b.json", "--fetched: webhooks of shopify carry the state, so leave this option out"),
        ("/no/such/file", "/no/such/file: No such file or directory"),
        ("/", "/: Is a directory"),
    ],
)
def test_unusable_option_is_exit_2(stub: StubPlatform, capsys: Captured, options: str, message: str) -> None:
    assert main(["map", "shopify", "stub", *options.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"shopwire map: {message}")
    assert err.count("\n") == 1
