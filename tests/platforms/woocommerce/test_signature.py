"""WooCommerce's signatures, secrets, pings and store names, as far as they are particular to it.

The conformance suite tests the rest. The signatures here are made by WooCommerce's rule.
"""

import base64
import hashlib
import hmac

import pytest

from shopwire.errors import NotVerified, UnsignedCall
from shopwire.models import Shop, Webhook
from tests.support.woocommerce import BODIES, SECRET, SHOP, WOO, shop


def signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def verify(body: bytes, given: str, of: Shop = SHOP, **headers: str) -> None:
    named = {"content-type": "application/json", "x-wc-webhook-topic": "order.updated", **headers}
    WOO.verify(Webhook(named | {"x-wc-webhook-signature": given}, body, 0), of)


def test_base64_hmac_of_the_raw_body_verifies() -> None:
    body = BODIES["order.updated"]
    verify(body, signature(body))


def test_secret_verifies_as_it_is_and_as_wordpress_decodes_it() -> None:
    pasted = shop(secrets=("a&amp;b&#039;c&lt;&quot;&gt;&#x27;",))
    verify(b"{}", signature(b"{}", "a&b'c<\">'"), pasted)
    verify(b"{}", signature(b"{}", "a&amp;b&#039;c&lt;&quot;&gt;&#x27;"), pasted)


@pytest.mark.parametrize(
    ("written", "decoded"),
    [
        ("&amp;lt;", "&lt;"),  # decoded once, not until nothing is left
        ("&#x3C;&#60;&#062;&#0034;", '<<>"'),
        (f"&#{'0' * 5000}39;&#X{'0' * 5000}27;", "''"),
        ("&LT;&apos;&nbsp;&amp", "&LT;&apos;&nbsp;&amp"),  # names that WordPress does not decode
    ],
)
def test_entities_of_a_secret_are_decoded_as_wordpress_does(written: str, decoded: str) -> None:
    of, expected = shop(secrets=(written,)), signature(b"{}", decoded)
    assert WOO.sign("order.updated", b"{}", of, 0).headers["x-wc-webhook-signature"] == expected
    verify(b"{}", expected, of)


@pytest.mark.parametrize(
    "source",
    [
        *("https://shop.example/", "http://SHOP.example", "https://shop.example", "shop.example."),
        # Language plugins change home_url(), and so does the way in which the site is reached.
        *("https://shop.example/de/", "https://shop.example/?lang=en", "https://shop.example:443/uk"),
        *("https://www.shop.example/", "//shop.example#a"),
    ],
)
def test_store_may_be_written_in_several_ways(source: str) -> None:
    for store in ("https://shop.example/", "www.shop.example", ["https://other.example/", "https://shop.example/uk/"]):
        verify(b"{}", signature(b"{}"), shop(store=store), **{"x-wc-webhook-source": source})


def test_store_may_have_letters_beyond_ascii() -> None:
    of = shop(store="https://крамниця.example/")
    # The last one is UTF-8 as an HTTP server decodes it.
    for source in ("xn--80aqejfp0c4d.example", "Крамниця.example", "КРАМНИЦЯ.example".encode().decode("latin-1")):
        verify(b"{}", signature(b"{}"), of, **{"x-wc-webhook-source": f"https://{source}/uk/"})


def test_store_may_be_a_domain_for_each_language() -> None:
    of = shop(store=["https://shop.example/", "https://shop.example.pl/"])
    for source in ("https://shop.example/", "https://www.shop.example.pl/koszyk"):
        verify(b"{}", signature(b"{}"), of, **{"x-wc-webhook-source": source})
    with pytest.raises(NotVerified, match="another store"):
        verify(b"{}", signature(b"{}"), of, **{"x-wc-webhook-source": "https://shop.example.ua/"})


@pytest.mark.parametrize(
    "source",
    ["https://other.example/", "https://other.example/shop.example", "https://shop.example.evil/", "de.shop.example"],
)
def test_another_store_is_refused(source: str) -> None:
    of = shop(store="https://shop.example/")
    with pytest.raises(NotVerified, match="another store"):
        verify(b"{}", signature(b"{}"), of, **{"x-wc-webhook-source": source})


@pytest.mark.parametrize("form", ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=x"])
@pytest.mark.parametrize("body", [b"webhook_id=57", b"", b"\xff", BODIES["order.updated"]])
def test_unsigned_form_is_a_ping_whatever_its_body(form: str, body: bytes) -> None:
    with pytest.raises(UnsignedCall):
        WOO.verify(Webhook({"content-type": form}, body, 0), SHOP)


def test_unsigned_json_is_not_a_ping() -> None:
    with pytest.raises(NotVerified):
        WOO.verify(Webhook({"content-type": "application/json"}, b"webhook_id=57", 0), SHOP)


def test_form_with_woocommerces_headers_is_not_a_ping() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "x-wc-webhook-topic": "order.updated"}
    with pytest.raises(NotVerified):
        WOO.verify(Webhook(headers, b"webhook_id=57", 0), SHOP)


def test_signed_call_has_all_headers_of_a_real_one() -> None:
    headers = dict(WOO.sign("order.updated", b"{}", shop(store="https://shop.example/"), 0).headers)
    assert len(bytes.fromhex(headers.pop("x-wc-webhook-delivery-id"))) == 16
    assert headers.pop("user-agent").startswith("WooCommerce/")
    assert headers.pop("x-wc-webhook-id").isdigit()
    assert headers == {
        "content-type": "application/json",
        "x-wc-webhook-source": "https://shop.example/",
        "x-wc-webhook-topic": "order.updated",
        "x-wc-webhook-resource": "order",
        "x-wc-webhook-event": "updated",
        "x-wc-webhook-signature": signature(b"{}"),
    }
