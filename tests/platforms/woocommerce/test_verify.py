"""WooCommerce: what proves that a call comes from the shop. Signatures are made here by its rule, never copied."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from shopwire.errors import NotVerified, UnsignedCall
from shopwire.models import Shop, Webhook
from tests.support.woocommerce import BODIES, SECRET, SHOP, WOO, shop


def signed(raw: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()


def verify(raw: bytes, signature: str | None, of: Shop = SHOP, **headers: str) -> None:
    named = {"content-type": "application/json", "x-wc-webhook-topic": "order.updated", **headers}
    if signature is not None:
        named["x-wc-webhook-signature"] = signature
    WOO.verify(Webhook(named, raw, 0), of)


def test_the_signature_over_the_raw_bytes_verifies() -> None:
    raw = BODIES["order.updated"]
    verify(raw, signed(raw))
    WOO.verify(Webhook(WOO.sign("order.updated", raw, SHOP, 0), raw, 0), SHOP)


@pytest.mark.parametrize(
    "mutate", [lambda s: "", lambda s: s[:-2], lambda s: s + "A", lambda s: "é" * 44, lambda s: s.lower()]
)
def test_a_wrong_signature_is_refused(mutate: Any) -> None:
    raw = BODIES["order.updated"]
    with pytest.raises(NotVerified):
        verify(raw, mutate(signed(raw)))


def test_a_missing_signature_is_refused() -> None:
    with pytest.raises(NotVerified, match="X-WC-Webhook-Signature"):
        verify(b"{}", None)


@pytest.mark.parametrize("alter", [lambda raw: raw + b" ", lambda raw: raw.replace(b"1260", b"1261"), lambda raw: b""])
def test_an_altered_body_is_refused(alter: Any) -> None:
    raw = BODIES["order.updated"]
    with pytest.raises(NotVerified):
        verify(alter(raw), signed(raw))


def test_a_re_serialised_body_is_refused() -> None:
    raw = BODIES["order.updated"]
    again = json.dumps(json.loads(raw), ensure_ascii=False, separators=(",", ":")).encode()
    assert json.loads(again) == json.loads(raw)
    with pytest.raises(NotVerified):
        verify(again, signed(raw))


def test_while_a_secret_is_replaced_both_verify_and_no_third() -> None:
    both = shop(secrets=("new", "old"))
    verify(b"{}", signed(b"{}", "new"), both)
    verify(b"{}", signed(b"{}", "old"), both)
    with pytest.raises(NotVerified):
        verify(b"{}", signed(b"{}", "older"), both)


def test_a_secret_pasted_with_its_entities_verifies_as_wordpress_decodes_it() -> None:
    pasted = shop(secrets=("a&amp;b&#039;c&lt;&quot;&gt;&#x27;",))
    verify(b"{}", signed(b"{}", "a&b'c<\">'"), pasted)
    verify(b"{}", signed(b"{}", "a&amp;b&#039;c&lt;&quot;&gt;&#x27;"), pasted)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("&amp;lt;", "&lt;"),  # once, not until nothing is left
        ("&#x3C;&#60;&#062;&#0034;", '<<>"'),
        ("&LT;&apos;&nbsp;&amp", "&LT;&apos;&nbsp;&amp"),  # names that WordPress leaves alone
    ],
)
def test_entities_are_decoded_as_wordpress_does_and_no_further(written: str, meant: str) -> None:
    raw = b"{}"
    assert WOO.sign("order.updated", raw, shop(secrets=(written,)), 0)["x-wc-webhook-signature"] == signed(raw, meant)
    verify(raw, signed(raw, meant), shop(secrets=(written,)))


@pytest.mark.parametrize("source", ["https://shop.example/", "http://SHOP.example", "https://shop.example"])
def test_the_same_store_may_be_written_in_several_ways(source: str) -> None:
    verify(b"{}", signed(b"{}"), shop(store="https://shop.example/"), **{"x-wc-webhook-source": source})


@pytest.mark.parametrize("source", ["https://other.example/", "https://shop.example/de/", "https://shop.example.evil/"])
def test_another_stores_webhook_is_refused(source: str) -> None:
    with pytest.raises(NotVerified, match="another store"):
        verify(b"{}", signed(b"{}"), shop(store="https://shop.example/"), **{"x-wc-webhook-source": source})


@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=x"])
def test_the_unsigned_ping_is_taken_unread(form: str) -> None:
    for body in (b"webhook_id=57", b"", b"\xff", BODIES["order.updated"]):
        with pytest.raises(UnsignedCall):
            WOO.verify(Webhook({"content-type": form}, body, 0), SHOP)


def test_a_body_without_a_signature_is_no_ping_because_it_is_json() -> None:
    with pytest.raises(NotVerified):
        WOO.verify(Webhook({"content-type": "application/json"}, b"webhook_id=57", 0), SHOP)


def test_a_form_with_woocommerces_headers_is_no_ping() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "x-wc-webhook-topic": "order.updated"}
    with pytest.raises(NotVerified):
        WOO.verify(Webhook(headers, b"webhook_id=57", 0), SHOP)


def test_a_signed_call_has_all_the_headers_of_a_real_one() -> None:
    headers = WOO.sign("order.updated", b"{}", shop(store="https://shop.example/"), 0)
    assert len(bytes.fromhex(headers.pop("x-wc-webhook-delivery-id"))) == 16
    assert headers.pop("user-agent").startswith("WooCommerce/")
    assert headers.pop("x-wc-webhook-id").isdigit()
    assert headers == {
        "content-type": "application/json",
        "x-wc-webhook-source": "https://shop.example/",
        "x-wc-webhook-topic": "order.updated",
        "x-wc-webhook-resource": "order",
        "x-wc-webhook-event": "updated",
        "x-wc-webhook-signature": signed(b"{}"),
    }
