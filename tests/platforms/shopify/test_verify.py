"""Shopify: what proves that a call comes from the shop. Signatures are made here from the page's rule, never copied."""

import base64
import hashlib
import hmac
import json
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire import platforms
from shopwire.errors import NotVerified
from shopwire.models import Nothing, Shop, Webhook
from shopwire_testkit.samples import Sample, samples

SHOPIFY = platforms.get("shopify")
SECRET, NEXT_SECRET = "секрет & 1", "shpss_invented"
SHOP = Shop(
    id="shop",
    platform="shopify",
    secrets=(SECRET, NEXT_SECRET),
    esputnik_key="key",
    region="UA",
    store="demo.myshopify.com",
)
SAMPLES = samples("shopify")
BODIES = {sample.name: sample.body for sample in SAMPLES}


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def verify(body: bytes, given: str | None, *, prefix: str = "x-shopify-", **headers: str) -> None:
    named = {f"{prefix}topic": "orders/create", f"{prefix}shop-domain": "demo.myshopify.com"}
    if given is not None:
        named[f"{prefix}hmac-sha256"] = given
    SHOPIFY.verify(Webhook(named | headers, body, 0), SHOP)


BODY = BODIES["orders/create"]


@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
@pytest.mark.parametrize("prefix", ["x-shopify-", "shopify-"])
@pytest.mark.parametrize("body", [BODY, BODIES["orders/cancelled"], b"", b"\xff\x00"])
def test_either_secret_signs_any_bytes_under_old_and_new_header_names(secret: str, prefix: str, body: bytes) -> None:
    verify(body, signature(secret, body), prefix=prefix)


def test_the_new_header_names_win_where_both_are_sent() -> None:
    right = signature(SECRET, BODY)
    SHOPIFY.verify(Webhook({"shopify-hmac-sha256": right, "x-shopify-hmac-sha256": "old"}, BODY, 0), SHOP)
    with pytest.raises(NotVerified):
        SHOPIFY.verify(Webhook({"shopify-hmac-sha256": "new", "x-shopify-hmac-sha256": right}, BODY, 0), SHOP)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_one_altered_byte_anywhere_is_refused(where: int, by: int) -> None:
    altered = BODY[:where] + bytes([BODY[where] ^ by]) + BODY[where + 1 :]
    with pytest.raises(NotVerified):
        verify(altered, signature(SECRET, BODY))


ESCAPED = BODIES["orders/cancelled"]


@pytest.mark.parametrize(
    "rewritten",
    [
        json.dumps(json.loads(ESCAPED)).encode(),
        json.dumps(json.loads(ESCAPED), ensure_ascii=False, separators=(",", ":")).encode(),
        ESCAPED.replace(b"\\/", b"/"),
        ESCAPED.replace(b"\\u0026", b"&"),
        ESCAPED.replace(b"\\u0026", b"\\U0026"),
        ESCAPED + b"\n",
        b"\xef\xbb\xbf" + ESCAPED,
    ],
)
def test_the_same_json_in_other_bytes_is_refused(rewritten: bytes) -> None:
    assert rewritten != ESCAPED
    with pytest.raises(NotVerified):
        verify(rewritten, signature(SECRET, ESCAPED))


RIGHT = signature(SECRET, BODY)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "",
        " ",
        RIGHT[:-1],
        RIGHT[:10],
        RIGHT + "=",
        RIGHT + "\0",
        RIGHT.lower(),
        hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest(),
        signature("", BODY),
        signature("another shop's", BODY),
        signature(SECRET, b""),
        RIGHT.translate({ord(RIGHT[0]): "\N{CYRILLIC CAPITAL LETTER A}"}),
        "підпис",
        "\udcff\ud800",
        "a" * 100_000,
    ],
)
def test_any_other_signature_is_refused(wrong: str | None) -> None:
    with pytest.raises(NotVerified):
        verify(BODY, wrong)


def test_the_refusal_says_which_secret_to_set_and_tells_nothing_of_secret_or_body() -> None:
    with pytest.raises(NotVerified, match="`secrets` must hold the app's client secret") as refused:
        verify(BODY, "wrong")
    told = str(refused.value)
    assert "Settings > Notifications" in told  # webhooks made by hand have another secret
    assert not any(secret in told for secret in (SECRET, NEXT_SECRET, RIGHT, "hrytsenko"))


@pytest.mark.parametrize("domain", ["other.myshopify.com", "demo.myshopify.com.example.com", "xdemo.myshopify.com"])
def test_another_stores_webhook_is_refused_although_the_app_signed_it(domain: str) -> None:
    with pytest.raises(NotVerified, match="another store's webhook"):
        verify(BODY, RIGHT, **{"x-shopify-shop-domain": domain})


@pytest.mark.parametrize("domain", ["demo.myshopify.com", "Demo.MyShopify.com", ""])
def test_its_own_store_in_any_letters_or_none_named_is_taken(domain: str) -> None:
    verify(BODY, RIGHT, **{"x-shopify-shop-domain": domain})


def test_a_shop_that_names_no_store_takes_every_stores_webhook() -> None:
    anywhere = SHOP.model_copy(update={"store": None})
    SHOPIFY.verify(Webhook({"x-shopify-hmac-sha256": RIGHT, "x-shopify-shop-domain": "any"}, BODY, 0), anywhere)


@pytest.mark.parametrize("one", SAMPLES, ids=lambda one: one.name)
def test_what_we_sign_verifies_and_is_read_as_its_topic(one: Sample) -> None:
    webhook = Webhook(SHOPIFY.sign(one.topic, one.body, SHOP, 1_790_000_000_000), one.body, 0)
    SHOPIFY.verify(webhook, SHOP)
    (delivery,) = SHOPIFY.read(webhook, SHOP)
    assert delivery.topic == one.topic
    assert delivery.change != Nothing("unknown topic")
    assert webhook.headers["x-shopify-triggered-at"] == "2026-09-21T14:13:20Z"


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request", "shop/redact"])
def test_another_stores_wish_is_refused_though_the_unsigned_header_names_ours(topic: str) -> None:
    ours = Shop(id="our-shop", platform="shopify", secrets=("app",), esputnik_key="k", store="ours.myshopify.com")
    for domain in ("ours.myshopify.com", "OURS.myshopify.com", "other.myshopify.com"):
        refused = domain.startswith("other")
        body = json.dumps({"shop_id": 1, "shop_domain": domain, "customer": {"id": 7}}).encode()
        webhook = Webhook(SHOPIFY.sign(topic, body, ours, 0), body, 0)
        with pytest.raises(NotVerified, match="another store") if refused else nullcontext():
            SHOPIFY.verify(webhook, ours)
