"""The storefront: a contact counts only with the signature that the shop's server made for this shop and day.

The signatures here are made by the rule of docs/storefront.md.
"""

import hashlib
import hmac
import json
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from shopwire.errors import NotVerified, Unreadable
from shopwire.models import Reason, Webhook
from tests.support.storefront import BODIES, NOW, SECRET, SHOP, STOREFRONT, visit, webhook

DAY_MS = 86_400_000
MIDNIGHT = 1_790_035_200_000  # 2026-09-22T00:00:00Z


def signature(kind: str, value: str, secret: str = SECRET, *, shop: str = "front-shop", day: str = "2026-09-21") -> str:
    return hmac.new(secret.encode(), f"{shop}:{kind}:{value}:{day}".encode(), hashlib.sha256).hexdigest()


def signed_visit(kind: str, value: str, secret: str = SECRET, **how: str) -> dict[str, Any]:
    return visit(contact={kind: value}, signature=signature(kind, value, secret, **how))


def at(body: dict[str, Any], received_at: int) -> Webhook:
    return Webhook({}, json.dumps(body).encode(), received_at)


def test_signature_of_the_documents_example_verifies() -> None:
    """Made by `printf 'front-shop:email:a@example.org:2026-09-21' | openssl dgst -sha256 -hmac SECRET`."""
    made = "577f69b115c91ef83879e3178ee855175a0dc91906a6effb2a32da70473fa1bd"
    STOREFRONT.verify(webhook(visit(contact={"email": "a@example.org"}, signature=made)), SHOP)


@pytest.mark.parametrize("name", sorted(BODIES))
def test_sample_is_signed_for_the_shop_and_day(name: str) -> None:
    call = STOREFRONT.sign(name.partition("--")[0], BODIES[name], SHOP, NOW)
    STOREFRONT.verify(webhook(call.body), SHOP)


@pytest.mark.parametrize(
    ("kind", "value"), [("email", " Anna@Example.com "), ("phone", "+380 50"), ("id", "7"), ("id", "я"), ("id", "a:b")]
)
def test_signature_of_kind_and_unchanged_value_verifies(kind: str, value: str) -> None:
    STOREFRONT.verify(webhook(signed_visit(kind, value)), SHOP)


ANNA = signed_visit("email", "anna@example.com")


@pytest.mark.parametrize(
    "forged",
    [
        signed_visit("email", "anna@example.com", "another secret"),
        ANNA | {"contact": {"email": "eve@example.com"}},
        ANNA | {"contact": {"email": "Anna@example.com"}},
        ANNA | {"contact": {"id": "anna@example.com"}},
        ANNA | {"signature": ""},
        ANNA | {"signature": None},
        ANNA | {"signature": "é"},
        ANNA | {"signature": ANNA["signature"].upper()},
        signed_visit("email", "anna@example.com", shop="another-shop"),
        signed_visit("email", "anna@example.com", shop=""),
        ANNA | {"signature": hmac.new(SECRET.encode(), b"email:anna@example.com", hashlib.sha256).hexdigest()},
        ANNA | {"signature": hmac.new(SECRET.encode(), b"front-shop:email:anna@example.com", "sha256").hexdigest()},
    ],
)
def test_contact_with_another_signature_is_refused(forged: dict[str, Any]) -> None:
    with pytest.raises(NotVerified) as error:
        STOREFRONT.verify(webhook(forged), SHOP)
    assert error.value.reason is Reason.SIGNATURE_MISMATCH


@pytest.mark.parametrize(
    ("received_at", "valid"),
    [
        (MIDNIGHT - 1, False),
        (MIDNIGHT, True),
        (MIDNIGHT + DAY_MS, True),
        (MIDNIGHT + 3 * DAY_MS - 1, True),
        (MIDNIGHT + 3 * DAY_MS, False),
        (MIDNIGHT + 365 * DAY_MS, False),
    ],
)
def test_signature_is_valid_on_its_day_in_utc_and_two_days_more(received_at: int, valid: bool) -> None:
    body = signed_visit("email", "anna@example.com", day="2026-09-22")
    assert datetime.fromtimestamp(MIDNIGHT / 1000, UTC).isoformat() == "2026-09-22T00:00:00+00:00"
    with nullcontext() if valid else pytest.raises(NotVerified):
        STOREFRONT.verify(at(body, received_at), SHOP)


def test_signature_by_either_of_two_secrets_verifies() -> None:
    shop = SHOP.model_copy(update={"storefront_secret": (SecretStr("the next storefront secret"), SecretStr(SECRET))})
    for secret in (SECRET, "the next storefront secret"):
        STOREFRONT.verify(webhook(signed_visit("id", "7", secret)), shop)
    with pytest.raises(NotVerified):
        STOREFRONT.verify(webhook(signed_visit("id", "7", "the secret before them")), shop)


def test_unreadable_visit_is_left_to_read() -> None:
    forged = webhook(signed_visit("email", "anna@example.com", "another secret") | {"url": "no link"})
    STOREFRONT.verify(forged, SHOP)
    with pytest.raises(Unreadable):
        STOREFRONT.read(forged, SHOP)


def test_contact_is_refused_if_the_shop_has_no_secret() -> None:
    shop = SHOP.model_copy(update={"storefront_secret": ()})
    with pytest.raises(NotVerified, match="storefront_secret") as error:
        STOREFRONT.verify(webhook(signed_visit("id", "7")), shop)
    assert error.value.reason is Reason.NO_STOREFRONT_SECRET


def test_visit_without_a_contact_needs_no_signature() -> None:
    STOREFRONT.verify(webhook(visit()), SHOP)


@pytest.mark.parametrize("topic", ["page", "product", "category", "cart", "wishlist", "search"])
def test_call_has_the_topic_as_its_only_own_header(topic: str) -> None:
    headers = STOREFRONT.sign(topic, b"{}", SHOP, 0).headers
    assert headers == {"content-type": "application/json", "x-shopwire-topic": topic}


def test_sign_puts_the_signature_of_the_contact_into_the_body() -> None:
    shop = SHOP.model_copy(update={"storefront_secret": (SecretStr("another"), SecretStr("the one before"))})
    body = STOREFRONT.sign("page", BODIES["page"], shop, MIDNIGHT).body
    expected = signature("email", "Iryna.Bondar@example.com", "another", day="2026-09-22")
    assert json.loads(body) == json.loads(BODIES["page"]) | {"signature": expected}
    assert body.startswith(BODIES["page"].rstrip().removesuffix(b"}"))


SIGNED = STOREFRONT.sign("page", BODIES["page"], SHOP, 0).body


@pytest.mark.parametrize("body", [SIGNED, BODIES["page--anonymous"], b"", b"[]", b"\xff", b'{"contact": 7}'])
def test_sign_leaves_a_body_alone_that_is_signed_or_names_no_contact(body: bytes) -> None:
    assert STOREFRONT.sign("page", body, SHOP, 0).body == body
