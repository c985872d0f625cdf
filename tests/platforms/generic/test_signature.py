"""Signatures of Standard Webhooks, as far as they are particular to it. The conformance suite tests the rest."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shopwire.errors import NotVerified
from shopwire.models import Reason, Shop, Webhook
from shopwire.platforms import standard_webhooks
from tests.support.generic import BODIES, GENERIC, NOW, PLAIN, SECRET, SHOP, call, read, shop

SECOND_SECRET = "whsec_" + base64.b64encode(b"another key of the same shop").decode()
PRIVATE = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLIC_KEY = "whpk_" + base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()
BODY = b'{"test": 2432232314}'


def refusal(webhook: Webhook, of: Shop = SHOP) -> Reason | None:
    """Return why a call is refused; None if it is accepted."""
    try:
        GENERIC.verify(webhook, of)
    except NotVerified as error:
        return error.reason
    return None


def signed(signature: str, at: int = NOW // 1000, received_at: int = NOW) -> Webhook:
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signature}
    return Webhook(headers, BODY, received_at)


def v1(secret: str, at: int = NOW // 1000) -> str:
    return standard_webhooks.signature(secret, "msg_1", str(at), BODY)


def v1a(at: int = NOW // 1000) -> str:
    return "v1a," + base64.b64encode(PRIVATE.sign(b"msg_1." + str(at).encode() + b"." + BODY)).decode()


def test_example_of_the_specification_verifies() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert refusal(Webhook(headers, BODY, 1_614_265_330_000)) is None


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_call_without_one_of_the_three_headers_is_refused(name: str, value: str | None) -> None:
    webhook = call(PLAIN)
    headers = {other: text for other, text in webhook.headers.items() if other != name}
    webhook = Webhook(headers if value is None else headers | {name: value}, webhook.body, NOW)
    assert refusal(webhook) is Reason.SIGNATURE_MISSING


@pytest.mark.parametrize(
    ("seconds", "reason"),
    [
        (-300, None),
        (300, None),
        (-301, Reason.SIGNED_AT_ANOTHER_TIME),
        (301, Reason.SIGNED_AT_ANOTHER_TIME),
        (-NOW // 1000, Reason.SIGNED_AT_ANOTHER_TIME),
    ],
)
def test_call_counts_for_five_minutes(seconds: int, reason: Reason | None) -> None:
    at = NOW // 1000 + seconds
    assert refusal(signed(v1(SECRET, at), at)) is reason


@pytest.mark.parametrize("timestamp", ["now", "1e9", "-5", "1795800000.5", "9" * 13, "１７９５８０００００"])
def test_signed_timestamp_that_is_no_number_of_seconds_is_refused(timestamp: str) -> None:
    signature = standard_webhooks.signature(SECRET, "msg_1", timestamp, BODY)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": signature}
    assert refusal(Webhook(headers, BODY, NOW)) is Reason.SIGNED_AT_ANOTHER_TIME


def test_error_of_a_timestamp_in_milliseconds_says_so() -> None:
    webhook = signed(v1(SECRET, NOW), NOW)
    with pytest.raises(NotVerified, match="not in milliseconds"):
        GENERIC.verify(webhook, SHOP)


def test_id_and_timestamp_are_signed() -> None:
    webhook = signed(v1(SECRET))
    for name, other in (("webhook-id", "msg_2"), ("webhook-timestamp", str(NOW // 1000 + 1))):
        altered = Webhook({**webhook.headers, name: other}, BODY, NOW)
        assert refusal(altered) is Reason.SIGNATURE_MISMATCH


@pytest.mark.parametrize("text", ["{wrong} {right}", "{right} {wrong}", "v2,abc {right}", "v1a,AAAA {right}"])
def test_one_of_several_signatures_is_enough(text: str) -> None:
    assert refusal(signed(text.format(right=v1(SECRET), wrong=v1(SECOND_SECRET)))) is None


@pytest.mark.parametrize(
    "text",
    ["v1 {right}", "v1,{right}", "{right},v1", "{right}v1,abc", "v1a{tail}", "v2{tail}", "{bare}", "V1{tail}", ","],
)
def test_other_spelling_of_a_signature_is_refused(text: str) -> None:
    right = v1(SECRET)
    text = text.format(right=right.replace("v1,", "v1;"), tail=right[2:], bare=right[3:])
    assert refusal(signed(text)) is Reason.SIGNATURE_MISMATCH


def test_each_secret_verifies_while_one_is_being_replaced() -> None:
    of = shop(secrets=(SECRET, SECOND_SECRET, PUBLIC_KEY))
    assert refusal(signed(v1(SECRET)), of) is None
    assert refusal(signed(v1(SECOND_SECRET)), of) is None
    assert refusal(signed(v1a()), of) is None
    assert refusal(signed(f"{v1(SECOND_SECRET)} {v1a()}"), shop(secrets=(PUBLIC_KEY,))) is None


def test_ed25519_signature_needs_the_public_key_and_every_byte() -> None:
    of = shop(secrets=(PUBLIC_KEY,))
    assert refusal(signed(v1a()), SHOP) is Reason.SIGNATURE_MISMATCH
    assert refusal(signed(v1a(NOW // 1000 - 1)), of) is Reason.SIGNATURE_MISMATCH
    assert refusal(signed(v1(PUBLIC_KEY)), of) is Reason.SIGNATURE_MISMATCH
    assert refusal(signed(v1a().replace("v1a,", "v2,")), of) is Reason.SIGNATURE_MISMATCH
    assert refusal(signed(v1a(NOW // 1000 - 301), NOW // 1000 - 301), of) is Reason.SIGNED_AT_ANOTHER_TIME


def test_call_with_many_ed25519_signatures_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    from shopwire.platforms import ed25519

    checked: list[bytes] = []
    monkeypatch.setattr(ed25519, "is_valid", lambda key, signature, message: bool(checked.append(signature)))
    wrong = "v1a," + base64.b64encode(b"x" * 64).decode()
    assert refusal(signed(" ".join([wrong] * 1000)), shop(secrets=(PUBLIC_KEY,))) is Reason.SIGNATURE_MISMATCH
    assert len(checked) == 2


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!!", "whpk_", "whpk_AAAA"])
def test_secret_that_is_no_key_verifies_nothing(secret: str) -> None:
    of = shop(secrets=(secret,))
    for key in (b"", secret.encode(), secret.partition("_")[2].encode()):
        text = standard_webhooks._v1(key, standard_webhooks._signed("msg_1", str(NOW // 1000), BODY))
        assert refusal(signed(text), of) is Reason.SIGNATURE_MISMATCH


def test_secret_without_padding_and_text_without_prefix_are_keys() -> None:
    unpadded = "whsec_" + base64.b64encode(b"k" * 32).decode().rstrip("=")
    for secret in (unpadded, "the client secret, by its own bytes"):
        assert refusal(signed(v1(secret)), shop(secrets=(secret,))) is None
    assert v1(unpadded) == v1("k" * 32)


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (SECRET, None),
        (PUBLIC_KEY, None),
        ("any other text", None),
        ("whsec_c2hvcnQ=", "at least 16 bytes"),
        ("whsec_***", "at least 16 bytes"),
        ("whpk_c2hvcnQ=", "32 bytes"),
        ("whsk_AAAA", "only the sender may have"),
    ],
)
def test_problem_of_a_secret_names_what_it_must_be(secret: str, problem: str | None) -> None:
    found = GENERIC.secret_problem(secret)
    assert (found is None) if problem is None else (problem in (found or ""))


def test_secret_of_a_text_has_that_text_as_its_key() -> None:
    secret = GENERIC.secret_with("demo-generic-secret")
    assert secret == "whsec_ZGVtby1nZW5lcmljLXNlY3JldA=="
    assert standard_webhooks.key_of(secret) == b"demo-generic-secret"


# What the headers mean.


def delivered(headers: dict[str, str], **body: Any) -> Any:
    webhook = call(BODIES["order"] | body)
    (delivery,) = GENERIC.read(Webhook({**webhook.headers, **headers}, webhook.body, NOW), SHOP)
    return delivery


def test_webhook_id_is_the_delivery_key() -> None:
    assert delivered({"webhook-id": "msg_77"}).key == "msg_77"
    long = delivered({"webhook-id": "x" * 5000}).key
    assert len(long) == 16
    assert long != delivered({"webhook-id": "x" * 4999}).key


def test_time_of_signing_is_the_version_of_a_body_without_one() -> None:
    at = NOW // 1000 - 120
    assert delivered({"webhook-timestamp": str(at)}, version=None).change.version == at * 10_000
    assert delivered({"webhook-timestamp": str(at)}).change.version == read(PLAIN).version
