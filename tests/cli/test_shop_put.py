"""`shopwire shop put` on a deployed stack, with moto's AWS. tests/dev/test_stack.py does it with `shopwire dev`."""

from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from shopwire.shops import Shops
from shopwire_cli.shop_parameters import ShopParameters
from tests.cli.shop_command import KEY, NEW, OLD, OTHER_KEY, PATH, edit, put

Captured = pytest.CaptureFixture[str]


def test_put_writes_what_the_functions_read(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    code, out, err = put(capsys, shops_file)
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
    assert [secret.get_secret_value() for secret in shops.get("bob").secrets] == [OLD, NEW]
    assert shops.get("ann").store == "https://ann.example.com/"


def test_put_writes_only_the_named_shops(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    code, out, _ = put(capsys, shops_file, "bob")
    assert (code, "ann" in out) == (0, False)
    assert Shops(ssm, PATH).ids() == {"bob"}


def test_dry_run_prints_the_changes_and_writes_nothing(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    assert put(capsys, shops_file, "--dry-run") == (
        0,
        "ann: new, woocommerce, secrets …aaaa\nbob: new, shopify, secrets …aaaa …bbbb\n",
        "",
    )
    assert Shops(ssm, PATH).ids() == frozenset()


def test_unchanged_shop_is_not_written_again(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    put(capsys, shops_file)
    edit(shops_file, 'store = "bob', 'region = "UA"\nitem_id = "sku"\nstore = "bob')
    code, out, err = put(capsys, shops_file)
    assert code == 0
    assert out.splitlines()[:-1] == ["ann: unchanged", "bob: item_id: (not set) -> sku", "bob: region: (not set) -> UA"]
    assert "within an hour" in err
    versions = [ssm.get_parameter(Name=PATH + id)["Parameter"]["Version"] for id in ("ann", "bob")]
    assert versions == [1, 2]


def test_secret_is_rotated_with_both_valid_for_a_while(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    put(capsys, shops_file, "ann")
    edit(shops_file, f'secrets = ["{OLD}"]', f'secrets = ["{OLD}", "{NEW}"]')
    code, out, err = put(capsys, shops_file, "ann")
    assert (code, out.splitlines()[0]) == (0, "ann: secrets: …aaaa +…bbbb")
    assert "accepted within 30 seconds. Change it at the platform after that" in err
    edit(shops_file, f'secrets = ["{OLD}", "{NEW}"]', f'secrets = ["{NEW}"]')
    code, out, err = put(capsys, shops_file, "ann")
    assert (code, out.splitlines()[0]) == (0, "ann: secrets: …bbbb -…aaaa")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (OLD, NEW, "ann: no secret stays, so webhooks signed with the present ones will be refused"),
        ('"woocommerce"', '"shopify"', "ann: `platform` changes, so webhooks of woocommerce will be refused"),
        ("//ann.", "//anna.", "ann: `store` changes, so webhooks of https://ann.example.com/ will be refused"),
    ],
)
def test_change_that_refuses_accepted_webhooks_needs_consent(
    ssm: Any,
    shops_file: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    message: str,
) -> None:
    put(capsys, shops_file, "ann")
    edit(shops_file, old, new)
    if new == '"shopify"':
        edit(shops_file, "https://ann.example.com/", "ann.myshopify.com")
    before = ssm.get_parameter(Name=f"{PATH}ann", WithDecryption=True)["Parameter"]["Value"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    code, _, err = put(capsys, shops_file, "ann")
    assert code == 2
    assert err.startswith(message)
    assert err.endswith("shopwire shop: nothing was changed: use --yes to agree without being asked\n")
    assert ssm.get_parameter(Name=f"{PATH}ann", WithDecryption=True)["Parameter"]["Value"] == before
    assert put(capsys, shops_file, "ann", "--yes")[0] == 0
    assert ssm.get_parameter(Name=f"{PATH}ann")["Parameter"]["Version"] == 2


def test_replaced_storefront_secret_needs_consent_unless_the_old_one_stays(
    ssm: Any, shops_file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = "storefront-secret-0123456789-old", "storefront-secret-0123456789-new"
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    edit(shops_file, "[ann]\n", f'[ann]\nstorefront_secret = "{old}"\n')
    put(capsys, shops_file, "ann")
    edit(shops_file, f'"{old}"', f'["{new}"]')
    code, _, err = put(capsys, shops_file, "ann")
    assert code == 2
    assert err.startswith("ann: no storefront_secret stays, so visitors on pages signed with the present ones will be")
    edit(shops_file, f'["{new}"]', f'["{new}", "{old}"]')
    assert put(capsys, shops_file, "ann")[0] == 0
    edit(shops_file, f'["{new}", "{old}"]', f'"{new}"')
    assert put(capsys, shops_file, "ann")[0] == 0


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        (f'"{OLD}", ', f'" {OLD}", ', "a secret begins or ends with a space"),
        (f'"{OLD}", ', '"<signing secret>", ', "a secret contains <...>"),
    ],
)
def test_probable_mistake_is_a_warning_and_the_shop_is_written(
    ssm: Any, shops_file: Path, capsys: Captured, old: str, new: str, warning: str
) -> None:
    edit(shops_file, old, new)
    code, _, err = put(capsys, shops_file, "bob")
    assert code == 0
    assert err.startswith(f"shopwire shop: {shops_file}: shop bob: {warning}")
    assert Shops(ssm, PATH).ids() == {"bob"}


def test_shop_that_cannot_be_written_does_not_stop_the_others(
    ssm: Any, shops_file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = BaseClient._make_api_call  # type: ignore[attr-defined]

    def refuse_ann(self: Any, operation: str, arguments: dict[str, Any]) -> Any:
        if (operation, arguments.get("Name")) == ("PutParameter", f"{PATH}ann"):
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": arguments["Value"]}}, operation)
        return call(self, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", refuse_ann)
    code, out, err = put(capsys, shops_file)
    assert code == 1
    assert out.splitlines()[2:] == ["written bob: its webhooks go to https://x.example.com/webhooks/bob"]
    assert err == (
        "shopwire shop: AWS refused to write shop ann: AccessDeniedException\n"
        "shopwire shop: failed for ann; 1 of 2 succeeded\n"
    )
    assert Shops(ssm, PATH).ids() == {"bob"}


def test_shop_that_another_user_created_meanwhile_is_not_overwritten(
    ssm: Any, shops_file: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(capsys, shops_file)
    monkeypatch.setattr(ShopParameters, "get", lambda self, id: None)
    code, _, err = put(capsys, shops_file, "ann")
    assert (code, err.splitlines()[0]) == (1, "shopwire shop: AWS refused to write shop ann: ParameterAlreadyExists")


@pytest.mark.parametrize(
    ("ann", "bob", "accepted"),
    [
        (None, None, False),
        ("a-", None, False),
        (None, "b-", False),
        ("a-", "a-", False),
        ("1", "12", False),
        ("a-", "b-", True),
        ("1-", "12-", True),
    ],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_second_shop_with_the_same_key_needs_an_id_prefix_of_its_own(
    ssm: Any, shops_file: Path, capsys: Captured, ann: str | None, bob: str | None, accepted: bool, at_once: bool
) -> None:
    ann_table, bob_table = shops_file.read_text().replace(OTHER_KEY, KEY).split("[bob]\n")
    tables = [ann_table + (f'id_prefix = "{ann}"\n' if ann is not None else "")]
    tables += [f"[bob]\n{bob_table}" + (f'id_prefix = "{bob}"\n' if bob is not None else "")]
    for text in ["\n".join(tables)] if at_once else tables:
        shops_file.write_text(text)
        code, _, err = put(capsys, shops_file)
    assert code == (0 if accepted else 2)
    if not accepted:
        assert "`esputnik_key` is also that of shop" in err
        assert "set `id_prefix` of both" in err
    assert Shops(ssm, PATH).ids() == ({"ann", "bob"} if accepted else set() if at_once else {"ann"})


def test_changed_id_prefix_is_explained(ssm: Any, shops_file: Path, capsys: Captured) -> None:
    put(capsys, shops_file)
    edit(shops_file, "[bob]\n", '[bob]\nid_prefix = "bob-"\n')
    code, _, err = put(capsys, shops_file)
    assert code == 0
    assert "is another one for eSputnik than before" in err
