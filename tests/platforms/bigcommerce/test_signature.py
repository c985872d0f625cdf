"""BigCommerce's signatures: Standard Webhooks with the client secret, and the header of the shop's own.

The conformance suite tests the rest. The signatures here are made by the rule of the specification.
"""

import base64
import hashlib
import hmac
from typing import Any

import pytest

from shopwire.errors import NotVerified
from shopwire.models import Reason, Shop, Webhook
from tests.support.bigcommerce import BIG, BODIES, RECEIVED_AT, SECRET, SHOP, shop

BODY = BODIES["store/order/created"]
NOW = RECEIVED_AT // 1000
CLASSIC = shop(api={"token": "a-token", "header": "X-Shopwire-Secret"}, secrets=("own secret", SECRET))


def signed(secret: str = SECRET, *, at: int = NOW, body: bytes = BODY, id: str = "msg_1") -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": signature}


def verify(headers: dict[str, str], of: Shop = SHOP, body: bytes = BODY) -> None:
    BIG.verify(Webhook(headers, body, RECEIVED_AT), of)


def refusal(headers: dict[str, str], of: Shop = SHOP, body: bytes = BODY) -> Reason:
    with pytest.raises(NotVerified) as error:
        verify(headers, of, body)
    return error.value.reason


def test_client_secret_itself_is_the_key() -> None:
    verify(signed())
    verify(signed("second"), shop(secrets=("first", "second")))
    assert refusal(signed(base64.b64encode(SECRET.encode()).decode())) is Reason.SIGNATURE_MISMATCH


def test_one_of_several_signatures_suffices() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1,AAAA {headers['webhook-signature']}"
    verify(headers)


@pytest.mark.parametrize("seconds", [-300, 300])
def test_signature_of_five_minutes_ago_verifies(seconds: int) -> None:
    verify(signed(at=NOW + seconds))


@pytest.mark.parametrize("seconds", [-301, 301, -86400])
def test_signature_of_another_time_is_refused(seconds: int) -> None:
    assert refusal(signed(at=NOW + seconds)) is Reason.SIGNED_AT_ANOTHER_TIME


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_missing_header_is_refused(missing: str) -> None:
    headers = {name: value for name, value in signed().items() if name != missing}
    assert refusal(headers) is Reason.SIGNATURE_MISSING


def test_id_and_time_are_signed() -> None:
    for name, value in (("webhook-id", "msg_2"), ("webhook-timestamp", str(NOW + 1))):
        assert refusal({**signed(), name: value}) is Reason.SIGNATURE_MISMATCH


# The header that the shop gave when it made the webhook.


def test_own_header_proves_the_call_as_the_signature_does() -> None:
    verify({"x-shopwire-secret": "own secret"}, CLASSIC)
    verify(signed(), CLASSIC)
    # It is signed too, with the secret of an app that the shop does not know.
    verify(signed("of an app") | {"x-shopwire-secret": "own secret"}, CLASSIC)


@pytest.mark.parametrize("given", ["", "wrong", "own secret ", "own", "ПІДПИС", "\udcff", "a" * 100_000])
def test_own_header_with_another_value_is_refused(given: str) -> None:
    assert refusal({"x-shopwire-secret": given}, CLASSIC) is Reason.SIGNATURE_MISMATCH
    assert refusal(signed() | {"x-shopwire-secret": given}, CLASSIC) is Reason.SIGNATURE_MISMATCH


def test_own_header_counts_only_if_the_shop_names_it() -> None:
    assert refusal({"x-shopwire-secret": SECRET}) is Reason.SIGNATURE_MISSING
    assert refusal({"x-other": "own secret"}, CLASSIC) is Reason.SIGNATURE_MISSING


@pytest.mark.parametrize("header", ["", " ", None, 5, ["x"], {}])
def test_setting_that_is_no_header_is_no_proof(header: Any) -> None:
    of = shop(api={"token": "a-token", "header": header})
    assert refusal({"": SECRET, "x": SECRET}, of) is Reason.SIGNATURE_MISSING


# The store.


@pytest.mark.parametrize(
    "store", ["stores/demo", "demo", "https://store-demo.mybigcommerce.com", "DEMO", ["a1", "demo"]]
)
def test_store_may_be_written_in_several_ways(store: Any) -> None:
    verify(signed(), shop(store=store))


def test_webhook_of_another_store_is_refused() -> None:
    assert refusal(signed(), shop(store="stores/demo2")) is Reason.OTHER_STORE
    assert refusal({"x-shopwire-secret": "own secret"}, CLASSIC.model_copy(update={"store": "x"})) is Reason.OTHER_STORE
    body = BODY.replace(b'"producer"', b'"x"')
    assert refusal(signed(body=body), body=body) is Reason.STORE_MISSING
