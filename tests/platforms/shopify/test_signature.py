"""Shopify's signatures and store names, as far as they are particular to it.

The conformance suite tests the rest. The signatures here are made by the rule of Shopify's page.
"""

import base64
import hashlib
import hmac
import json
from contextlib import nullcontext

import pytest

from shopwire.errors import NotVerified
from shopwire.models import Shop, Webhook
from tests.support.shopify import BODIES, SHOPIFY

SECRET, NEXT_SECRET = "секрет & 1", "shpss_invented"
SHOP = Shop(
    id="shop",
    platform="shopify",
    secrets=(SECRET, NEXT_SECRET),
    esputnik_key="key",
    region="UA",
    store="demo.myshopify.com",
)
BODY, ESCAPED = BODIES["orders/create"], BODIES["orders/cancelled"]


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


RIGHT = signature(SECRET, BODY)


def verify(body: bytes, given: str, *, prefix: str = "x-shopify-", **headers: str) -> None:
    named = {f"{prefix}topic": "orders/create", f"{prefix}shop-domain": "demo.myshopify.com"}
    named[f"{prefix}hmac-sha256"] = given
    SHOPIFY.verify(Webhook(named | headers, body, 0), SHOP)


@pytest.mark.parametrize("secret", [SECRET, NEXT_SECRET])
@pytest.mark.parametrize("prefix", ["x-shopify-", "shopify-"])
@pytest.mark.parametrize("body", [BODY, ESCAPED, b"", b"\xff\x00"])
def test_any_bytes_verify_by_either_secret_and_header_name(secret: str, prefix: str, body: bytes) -> None:
    verify(body, signature(secret, body), prefix=prefix)


def test_new_header_name_counts_if_both_are_sent() -> None:
    store = {"shopify-shop-domain": "demo.myshopify.com"}
    SHOPIFY.verify(Webhook(store | {"shopify-hmac-sha256": RIGHT, "x-shopify-hmac-sha256": "old"}, BODY, 0), SHOP)
    with pytest.raises(NotVerified):
        SHOPIFY.verify(Webhook(store | {"shopify-hmac-sha256": "new", "x-shopify-hmac-sha256": RIGHT}, BODY, 0), SHOP)


@pytest.mark.parametrize(
    "rewritten",
    [
        ESCAPED.replace(b"\\/", b"/"),
        ESCAPED.replace(b"\\u0026", b"&"),
        ESCAPED.replace(b"\\u0026", b"\\U0026"),
        ESCAPED + b"\n",
        b"\xef\xbb\xbf" + ESCAPED,
    ],
)
def test_same_json_with_other_escapes_is_refused(rewritten: bytes) -> None:
    assert rewritten != ESCAPED
    with pytest.raises(NotVerified):
        verify(rewritten, signature(SECRET, ESCAPED))


def test_hex_digits_of_the_right_signature_are_refused() -> None:
    with pytest.raises(NotVerified):
        verify(BODY, hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest())


def test_error_says_where_to_find_the_secret() -> None:
    with pytest.raises(NotVerified, match="`secrets` must hold the app's client secret") as error:
        verify(BODY, "wrong")
    assert "Settings > Notifications" in str(error.value)  # webhooks made in the admin have another secret


@pytest.mark.parametrize("domain", ["other.myshopify.com", "demo.myshopify.com.example.com", "xdemo.myshopify.com"])
def test_another_store_of_the_same_app_is_refused(domain: str) -> None:
    with pytest.raises(NotVerified, match="another store's webhook"):
        verify(BODY, RIGHT, **{"x-shopify-shop-domain": domain})


@pytest.mark.parametrize("domain", ["demo.myshopify.com", "Demo.MyShopify.com"])
def test_own_store_verifies_in_any_case(domain: str) -> None:
    verify(BODY, RIGHT, **{"x-shopify-shop-domain": domain})


@pytest.mark.parametrize("store", ["https://demo.myshopify.com/admin", "www.Demo.myshopify.com", "demo.myshopify.com."])
def test_store_may_be_written_in_several_ways(store: str) -> None:
    ours = SHOP.model_copy(update={"store": ("other.myshopify.com", store)})
    SHOPIFY.verify(Webhook(SHOPIFY.sign("orders/create", BODY, SHOP, 0).headers, BODY, 0), ours)


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request", "shop/redact"])
@pytest.mark.parametrize(
    ("domain", "refused"),
    [("ours.myshopify.com", False), ("OURS.myshopify.com", False), ("other.myshopify.com", True)],
)
def test_privacy_request_of_another_store_is_refused_by_its_body(topic: str, domain: str, refused: bool) -> None:
    ours = SHOP.model_copy(update={"store": "ours.myshopify.com"})
    body = json.dumps({"shop_id": 1, "shop_domain": domain, "customer": {"id": 7}}).encode()
    call = SHOPIFY.sign(topic, body, ours, 0)
    with pytest.raises(NotVerified, match="another store") if refused else nullcontext():
        SHOPIFY.verify(Webhook(call.headers, call.body, 0), ours)


def test_signed_call_says_when_the_event_happened() -> None:
    headers = SHOPIFY.sign("orders/create", BODY, SHOP, 1_790_000_000_000).headers
    assert headers["x-shopify-triggered-at"] == "2026-09-21T14:13:20Z"
