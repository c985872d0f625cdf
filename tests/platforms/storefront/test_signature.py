"""The storefront: a contact counts only with the signature that the shop's server made.

The signatures here are made by the rule of docs/storefront.md.
"""

import hashlib
import hmac
import json
from typing import Any

import pytest

from shopwire.errors import NotVerified, Unreadable
from shopwire.models import Reason
from tests.support.storefront import BODIES, SECRET, SHOP, STOREFRONT, visit, webhook


def signature(kind: str, value: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), f"{kind}:{value}".encode(), hashlib.sha256).hexdigest()


def signed_visit(kind: str, value: str, secret: str = SECRET) -> dict[str, Any]:
    return visit(contact={kind: value}, signature=signature(kind, value, secret))


@pytest.mark.parametrize("name", sorted(BODIES))
def test_sample_is_signed_for_the_demo_shop(name: str) -> None:
    STOREFRONT.verify(webhook(BODIES[name]), SHOP)


@pytest.mark.parametrize(
    ("kind", "value"), [("email", " Anna@Example.com "), ("phone", "+380 50"), ("id", "7"), ("id", "я")]
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
    ],
)
def test_contact_with_another_signature_is_refused(forged: dict[str, Any]) -> None:
    with pytest.raises(NotVerified) as error:
        STOREFRONT.verify(webhook(forged), SHOP)
    assert error.value.reason is Reason.SIGNATURE_MISMATCH


def test_unreadable_visit_is_left_to_read() -> None:
    forged = webhook(signed_visit("email", "anna@example.com", "another secret") | {"url": "no link"})
    STOREFRONT.verify(forged, SHOP)
    with pytest.raises(Unreadable):
        STOREFRONT.read(forged, SHOP)


def test_contact_is_refused_if_the_shop_has_no_secret() -> None:
    shop = SHOP.model_copy(update={"storefront_secret": None})
    with pytest.raises(NotVerified, match="storefront_secret") as error:
        STOREFRONT.verify(webhook(signed_visit("id", "7")), shop)
    assert error.value.reason is Reason.NO_STOREFRONT_SECRET


def test_visit_without_a_contact_needs_no_signature() -> None:
    STOREFRONT.verify(webhook(visit()), SHOP)


@pytest.mark.parametrize("topic", ["page", "product", "category", "cart"])
def test_call_has_the_topic_as_its_only_own_header(topic: str) -> None:
    headers = STOREFRONT.sign(topic, b"{}", SHOP, 0).headers
    assert headers == {"content-type": "application/json", "x-shopwire-topic": topic}


def test_sign_puts_the_signature_of_the_contact_into_the_body() -> None:
    shop = SHOP.model_copy(update={"storefront_secret": type(SHOP.storefront_secret)("another")})
    body = STOREFRONT.sign("page", BODIES["page"], shop, 0).body
    expected = signature("email", "Iryna.Bondar@example.com", "another")
    assert json.loads(body) == json.loads(BODIES["page"]) | {"signature": expected}
    assert body.startswith(BODIES["page"].rstrip().removesuffix(b"}"))


@pytest.mark.parametrize("body", [BODIES["page"], BODIES["page--anonymous"], b"", b"[]", b"\xff", b'{"contact": 7}'])
def test_sign_leaves_a_body_alone_that_is_signed_or_names_no_contact(body: bytes) -> None:
    assert STOREFRONT.sign("page", body, SHOP, 0).body == body
