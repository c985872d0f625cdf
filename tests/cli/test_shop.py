"""`shopwire shop` and `shopwire secret`, on a deployed stack (moto's AWS); against `shopwire dev`: test_local_dev."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from moto import mock_aws

import shopwire_cli.parameters as parameters
import shopwire_cli.stack_installation as stacks
from shopwire.shops import Shops
from shopwire_cli.main import main
from shopwire_cli.masks import changes, masked, shown

Captured = pytest.CaptureFixture[str]

PATH = "/shopwire/shop-eu/shops/"
OLD, NEW, KEY = "old-secret-0123456789-aaaa", "new-secret-0123456789-bbbb", "esputnik-key-0123456789-cccc"
FILE = f"""
[ann]
platform = "woocommerce"
secrets = ["{OLD}"]
esputnik_key = "{KEY}"
store = "https://ann.example.com/"

[bob]
platform = "shopify"
secrets = ["{OLD}", "{NEW}"]
esputnik_key = "{KEY}"
store = "bob.myshopify.com"
"""
SECRETS = (OLD, NEW, KEY)


@pytest.fixture
def ssm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A stack `shop-eu` on moto's AWS without a shop; its SSM."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    stack = {
        "Outputs": [
            {"OutputKey": "ShopsPath", "OutputValue": PATH},
            {"OutputKey": "WebhookUrl", "OutputValue": "https://x.example.com/webhooks/"},
        ]
    }
    monkeypatch.setattr(stacks, "_describe", lambda name: stack)
    with mock_aws():
        yield boto3.client("ssm")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "shops.toml"
    path.write_text(FILE)
    return path


def run(capsys: Captured, *words: object) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of `shopwire shop`; no secret is in them."""
    code = main(["shop", *map(str, words), "--stack", "shop-eu"])
    out, err = capsys.readouterr()
    assert not [one for one in SECRETS if one in out + err]
    return code, out, err


def put(capsys: Captured, file: Path, *words: str) -> tuple[int, str, str]:
    return run(capsys, "put", file, *words)


def edit(file: Path, *replacements: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


def test_a_file_of_shops_becomes_what_the_functions_read(ssm: Any, file: Path, capsys: Captured) -> None:
    code, out, err = put(capsys, file)
    assert (code, err) == (0, "")
    assert out == (
        "ann: new, woocommerce, secrets …aaaa\n"
        "bob: new, shopify, secrets …aaaa …bbbb\n"
        "written ann: its webhooks go to https://x.example.com/webhooks/ann\n"
        "written bob: its webhooks go to https://x.example.com/webhooks/bob\n"
    )
    assert ssm.get_parameter(Name=f"{PATH}ann")["Parameter"]["Type"] == "SecureString"
    shops = Shops(ssm, PATH)
    assert shops.ids() == {"ann", "bob"}
    assert [one.get_secret_value() for one in shops.get("bob").secrets] == [OLD, NEW]
    assert shops.get("ann").store == "https://ann.example.com/"


def test_only_the_named_shops_are_written(ssm: Any, file: Path, capsys: Captured) -> None:
    code, out, _ = put(capsys, file, "bob")
    assert (code, "ann" in out) == (0, False)
    assert Shops(ssm, PATH).ids() == {"bob"}


def test_a_dry_run_says_what_would_change_and_changes_nothing(ssm: Any, file: Path, capsys: Captured) -> None:
    assert put(capsys, file, "--dry-run") == (
        0,
        "ann: new, woocommerce, secrets …aaaa\nbob: new, shopify, secrets …aaaa …bbbb\n",
        "",
    )
    assert Shops(ssm, PATH).ids() == frozenset()


def test_what_is_the_same_is_not_written_again(ssm: Any, file: Path, capsys: Captured) -> None:
    put(capsys, file)
    edit(file, ('store = "bob', 'region = "UA"\nitem_id = "sku"\nstore = "bob'))
    code, out, err = put(capsys, file)
    assert code == 0
    assert out.splitlines()[:-1] == ["ann: unchanged", "bob: item_id: (not set) -> sku", "bob: region: (not set) -> UA"]
    assert "within an hour" in err
    versions = [ssm.get_parameter(Name=PATH + id)["Parameter"]["Version"] for id in ("ann", "bob")]
    assert versions == [1, 2]


def test_a_secret_is_rotated_by_having_both_for_a_while(ssm: Any, file: Path, capsys: Captured) -> None:
    put(capsys, file, "ann")
    edit(file, (f'secrets = ["{OLD}"]', f'secrets = ["{OLD}", "{NEW}"]'))
    code, out, err = put(capsys, file, "ann")
    assert (code, out.splitlines()[0]) == (0, "ann: secrets: …aaaa +…bbbb")
    assert "believed within 30 seconds: change it at the platform after that" in err
    edit(file, (f'secrets = ["{OLD}", "{NEW}"]', f'secrets = ["{NEW}"]'))
    code, out, err = put(capsys, file, "ann")
    assert (code, out.splitlines()[0]) == (0, "ann: secrets: …bbbb -…aaaa")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (OLD, NEW, "ann: no secret stays: webhooks signed with those of today will be refused"),
        ('"woocommerce"', '"shopify"', "ann: another platform: webhooks of woocommerce will be refused"),
        ("//ann.", "//anna.", "ann: another store: webhooks of https://ann.example.com/ will be refused"),
    ],
)
def test_what_would_refuse_todays_webhooks_is_not_done_unasked(
    ssm: Any, file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch, old: str, new: str, says: str
) -> None:
    put(capsys, file, "ann")
    edit(file, (old, new))
    before = ssm.get_parameter(Name=f"{PATH}ann", WithDecryption=True)["Parameter"]["Value"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    code, _, err = put(capsys, file, "ann")
    assert code == 2
    assert err.startswith(says)
    assert err.endswith("shopwire shop: nothing was changed: --yes does it without asking\n")
    assert ssm.get_parameter(Name=f"{PATH}ann", WithDecryption=True)["Parameter"]["Value"] == before
    assert put(capsys, file, "ann", "--yes")[0] == 0
    assert ssm.get_parameter(Name=f"{PATH}ann")["Parameter"]["Version"] == 2


@pytest.mark.parametrize(("typed", "code", "left"), [("y\n", 0, set()), ("\n", 2, {"ann"}), ("no\n", 2, {"ann"})])
def test_removing_asks(
    ssm: Any,
    file: Path,
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

    put(capsys, file, "ann")
    monkeypatch.setattr("sys.stdin", Terminal())
    assert run(capsys, "remove", "ann")[0] == code
    assert Shops(ssm, PATH).ids() == left


def test_removing_with_yes_asks_nobody(ssm: Any, file: Path, capsys: Captured) -> None:
    put(capsys, file)
    code, out, err = run(capsys, "remove", "ann", "--yes")
    assert (code, out) == (0, "removed ann\n")
    assert "up to an hour" in err
    assert Shops(ssm, PATH).ids() == {"bob"}


def test_nothing_is_removed_where_one_of_them_does_not_exist(ssm: Any, file: Path, capsys: Captured) -> None:
    put(capsys, file)
    code, out, err = run(capsys, "remove", "ann", "nobody", "--yes")
    assert (code, out, err) == (2, "", "shopwire shop: no shop nobody: shopwire shop list lists them\n")
    assert Shops(ssm, PATH).ids() == {"ann", "bob"}


def test_shops_are_listed_with_what_is_wrong_with_them(ssm: Any, file: Path, capsys: Captured) -> None:
    put(capsys, file)
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
    assert [row[5] for row in rows] == ["-", "-", "secrets: Field required", "the settings are not JSON"]
    assert "canary" not in out
    code, out, _ = run(capsys, "list", "--json")
    assert json.loads(out)[0]["url"] == "https://x.example.com/webhooks/ann"


def test_no_shops_are_said_to_be_none(ssm: Any, capsys: Captured) -> None:
    assert run(capsys, "list") == (0, "", "no shop is connected: shopwire shop put FILE\n")


def test_one_shop_is_shown_with_its_secrets_masked(ssm: Any, file: Path, capsys: Captured) -> None:
    put(capsys, file)
    code, out, _ = run(capsys, "show", "bob")
    told = json.loads(out)
    assert code == 0
    assert told.pop("changed")
    assert told == {
        "id": "bob",
        "url": "https://x.example.com/webhooks/bob",
        "settings": {
            "platform": "shopify",
            "secrets": ["…aaaa", "…bbbb"],
            "esputnik_key": "…cccc",
            "store": "bob.myshopify.com",
        },
    }
    assert run(capsys, "show", "nobody")[0] == 2


BOB = '[bob]\nplatform = "shopify"\nsecrets = ["canary"]\nesputnik_key = "canary"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no shop in it: a table is needed, as [my-shop]"),
        ("[bob\n", "Expected ']' at the end of a table declaration (at line 1, column 5)"),
        ("bob = 1\n", "bob: a table of fields is needed, as [bob]"),
        ("[Bob]\n", "shop Bob: id: String should match pattern '^[a-z0-9-]{3,64}$'"),
        (BOB.replace("secrets", "secret"), "shop bob: secrets: Field required"),
        (BOB + 'region = "canary"\n', "shop bob: region: String should match pattern '^[A-Z]{2}$'"),
        (BOB.replace("shopify", "canary"), "shop bob: platform: must be one of shopify, woocommerce"),
        (BOB + f'note = "{"x" * 10}"\n', "shop bob: note: Extra inputs are not permitted"),
        (BOB + f'origins = ["{"x" * 4096}"]\n', "shop bob: 4178 bytes of settings, a parameter holds 4096"),
        (BOB + "api = {since = 2026-01-01}\n", "shop bob: a date, or a number without end, is no setting"),
        (BOB.replace("canary", "demo-shopify-secret"), "shop bob: secrets: this one stands in the documentation"),
    ],
)
def test_a_wrong_file_is_one_line_and_nothing_is_written(
    ssm: Any, tmp_path: Path, capsys: Captured, text: str, says: str
) -> None:
    file = tmp_path / "shops.toml"
    file.write_text(text)
    code, out, err = put(capsys, file)
    assert (code, out, err) == (2, "", f"shopwire shop: {file}: {says}\n")
    assert Shops(ssm, PATH).ids() == frozenset()


def test_a_shop_that_the_file_does_not_have_is_the_users_mistake(ssm: Any, file: Path, capsys: Captured) -> None:
    code, _, err = put(capsys, file, "cid")
    assert (code, err) == (2, f"shopwire shop: {file}: no shop cid: one of ann, bob\n")


@pytest.mark.parametrize(
    ("old", "new", "warns"),
    [
        ('store = "bob.myshopify.com"', "", "store is not set: webhooks of every other shop that has the same app"),
        (f'"{OLD}", ', f'" {OLD}", ', "a secret begins or ends with a space"),
        (f'"{OLD}", ', '"<signing secret>", ', "a secret holds <...>"),
    ],
)
def test_what_looks_like_a_mistake_is_said_and_done(
    ssm: Any, file: Path, capsys: Captured, old: str, new: str, warns: str
) -> None:
    edit(file, (old, new))
    code, _, err = put(capsys, file, "bob")
    assert code == 0
    assert err.startswith(f"shopwire shop: {file}: shop bob: {warns}")
    assert Shops(ssm, PATH).ids() == {"bob"}


def test_a_shop_that_could_not_be_written_is_told_and_the_others_are(
    ssm: Any, file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def refusing_ann(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if (operation, arguments.get("Name")) == ("PutParameter", f"{PATH}ann"):
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": arguments["Value"]}}, operation)
        return call(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", refusing_ann)
    code, out, err = put(capsys, file)
    assert code == 1
    assert out.splitlines()[2:] == ["written bob: its webhooks go to https://x.example.com/webhooks/bob"]
    assert err == (
        "shopwire shop: AWS refused to write shop ann: AccessDeniedException\n"
        "shopwire shop: not done: ann (1 of 2 are)\n"
    )
    assert Shops(ssm, PATH).ids() == {"bob"}


def test_a_shop_that_somebody_else_connected_meanwhile_is_not_overwritten(
    ssm: Any, file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(capsys, file)
    monkeypatch.setattr(parameters.Parameters, "get", lambda self, id: None)
    code, _, err = put(capsys, file, "ann")
    assert (code, err.splitlines()[0]) == (1, "shopwire shop: AWS refused to write shop ann: ParameterAlreadyExists")


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (NoRegionError(), 2, "no AWS region: set AWS_REGION, or AWS_PROFILE to a profile that has one"),
        (NoCredentialsError(), 2, "no AWS credentials: set AWS_PROFILE, or sign in"),
        (EndpointConnectionError(endpoint_url="x"), 1, "could not read the shops, AWS does not answer: Endpoint"),
        (ClientError({"Error": {"Code": "AccessDenied"}}, "x"), 1, "AWS refused to read the shops: AccessDenied"),
    ],
)
def test_an_aws_that_does_not_answer_is_one_line(
    ssm: Any, capsys: Captured, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int, says: str
) -> None:
    def fails(*_: Any) -> Any:
        raise error

    monkeypatch.setattr(BaseClient, "_make_api_call", fails)
    ended, out, err = run(capsys, "list")
    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert err.startswith(f"shopwire shop: {says}")


@pytest.mark.parametrize("answer", ['{"error": "not found"}', "[]", "<html>"])
def test_what_is_no_dev_is_told_so(capsys: Captured, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    reply = requests.Response()
    reply.status_code, reply._content = 200, answer.encode()
    monkeypatch.setattr(parameters, "call", lambda method, url: reply)
    assert main(["shop", "list", "--url", "http://127.0.0.1:9/"]) == 1
    assert capsys.readouterr() == (
        "",
        "shopwire shop: http://127.0.0.1:9 is no `shopwire dev`, or another version's\n",
    )


def test_of_a_short_secret_nothing_is_shown_and_of_a_long_one_four_characters() -> None:
    assert [masked(one) for one in ("hunter2", "x" * 19, "x" * 16 + "tail")] == ["(short, hidden)"] * 2 + ["…tail"]


def test_every_secret_field_is_masked() -> None:
    settings = {
        "platform": "shopify",
        "secrets": ["canary-one", "canary"],
        "esputnik_key": "canary",
        "storefront_secret": "canary",
        "api": {"url": "https://shop.example.com", "token": "canary", "more": {"x": "canary"}},
    }
    assert "canary" not in str(shown(settings))
    assert shown(settings)["api"]["url"] == "https://shop.example.com"
    other = settings | {"secrets": "canary-2", "esputnik_key": "canary-3", "storefront_secret": None, "api": "canary"}
    told = "\n".join([*changes(settings, other), *changes(other, settings), *changes({}, settings)])
    assert "canary" not in told
    assert {line.partition(":")[0] for line in changes(settings, other)} == {
        "api",
        "esputnik_key",
        "secrets",
        "storefront_secret",
    }


@pytest.mark.parametrize("platform", [[], ["woocommerce"], ["storefront"]])
def test_a_new_secret_is_random_and_of_letters_that_no_platform_changes(platform: list[str], capsys: Captured) -> None:
    found = set()
    for _ in range(3):
        assert main(["secret", "new", *platform]) == 0
        found.add(capsys.readouterr().out)
    assert len(found) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}\n", one) for one in found)


@pytest.mark.parametrize(
    ("platform", "says"),
    [("shopify", "Shopify makes it: the app's client secret, or"), ("magento", "no platform 'magento' whose secret")],
)
def test_a_secret_that_one_cannot_choose_is_not_made(platform: str, says: str, capsys: Captured) -> None:
    assert main(["secret", "new", platform]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"shopwire secret: {says}")
