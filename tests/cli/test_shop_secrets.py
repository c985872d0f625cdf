"""What is shown of the secrets in a shop's settings."""

from shopwire_cli.shop_secrets import mask_fields, mask_secret, masked_changes


def test_only_the_end_of_a_long_secret_is_shown() -> None:
    assert [mask_secret(secret) for secret in ("hunter2", "x" * 19)] == ["(short, hidden)"] * 2
    assert mask_secret("x" * 16 + "tail") == "…tail"


def test_every_secret_field_is_masked() -> None:
    fields = {
        "platform": "shopify",
        "secrets": ["canary-one", "canary"],
        "esputnik_key": "canary",
        "storefront_secret": "canary",
        "api": {"url": "https://shop.example.com", "token": "canary", "more": {"x": "canary"}},
    }
    assert "canary" not in str(mask_fields(fields))
    assert mask_fields(fields)["api"]["url"] == "https://shop.example.com"
    other = fields | {"secrets": "canary-2", "esputnik_key": "canary-3", "storefront_secret": None, "api": "canary"}
    lines = [*masked_changes(fields, other), *masked_changes(other, fields), *masked_changes({}, fields)]
    assert "canary" not in "\n".join(lines)
    assert {line.partition(":")[0] for line in masked_changes(fields, other)} == {
        "api",
        "esputnik_key",
        "secrets",
        "storefront_secret",
    }


def test_both_storefront_secrets_are_masked_and_their_change_is_shown() -> None:
    old, new = "an-old-storefront-secret-aaaa", "a-new-storefront-secret-bbbb"
    assert mask_fields({"storefront_secret": [old, new]}) == {"storefront_secret": ["…aaaa", "…bbbb"]}
    (line,) = masked_changes({"storefront_secret": old}, {"storefront_secret": [new, old]})
    assert line == "storefront_secret: …aaaa -> ['…bbbb', '…aaaa']"
    (line,) = masked_changes({"storefront_secret": [new, old]}, {"storefront_secret": [new]})
    assert line == "storefront_secret: …bbbb -…aaaa"
